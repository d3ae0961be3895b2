import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import { inFolder } from "../../tests/helpers/evaluation_run.ts";
import { shortNames, trainingFiles } from "./table.ts";
import { curveEnds, readTraining } from "./training.ts";
import { readTrainConfig, writeRunYaml } from "../train/config/mod.ts";

const EXAMPLE = new URL("../../examples/default_iopo.yaml", import.meta.url);

Deno.test("compare tells memory, tokens and pace, of a run that was killed by the whole lines of its log", async () => {
  await inFolder((folder) => {
    const example = fileURLToPath(new URL("../../examples/default_iopo.yaml", import.meta.url));
    const made = (name: string, log: string, ...more: string[]) => {
      const directory = join(folder, name);
      Deno.mkdirSync(directory);
      const { config } = readTrainConfig(example, [`output_dir=${directory}`, "max_steps=4", ...more]);
      const provenance = { dinotune: "0", plugins: [], data: "", model: "", tokenizer: "" };
      writeRunYaml(join(directory, "run.yaml"), config, provenance);
      Deno.writeTextFileSync(join(directory, "trainer_log.jsonl"), log);
      return readTraining(directory);
    };
    const line = (step: number, loss: number, memory: number) =>
      JSON.stringify({
        current_steps: step,
        total_steps: 4,
        loss,
        accuracy: 0.5,
        elapsed_time: "1:00:0" + step,
        throughput: 7.5,
        total_tokens: 10 * step,
        "rewards/margins": loss / 2,
        memory: memory * 2 ** 20,
      }) + "\n";
    const killed = made(
      "killed",
      line(1, 0.75, 300) + line(2, 0.5, 200) + '{"current_steps": 3, "lo',
      "stage=dpo",
    );
    const rows = [killed, made("whole", line(1, 0.7, 100), "stage=sft")];
    const { numbers, caption } = trainingFiles(rows);
    const value = (name: string) =>
      numbers.rows.map((row) => row[numbers.columns.findIndex(({ title }) => title === name)]);
    assertEquals(["steps", "loss", "lowest_loss", "margin", "accuracy"].map(value), [
      ["2", "1"],
      ["0.5", "0.7"],
      ["0.5", "0.7"],
      ["0.25", "0.35"],
      ["0.5", "0.5"],
    ]);
    assertEquals(["tokens", "tokens_per_second", "seconds", "memory_bytes"].map(value), [
      ["20", "10"],
      ["7.5", "7.5"],
      ["3602", "3601"],
      [String(300 * 2 ** 20), String(100 * 2 ** 20)],
    ]);
    assertEquals(value("state"), ["stopped at 2 of 4", "stopped at 1 of 4"]);
    assertStringIncludes(caption, "Losses of different kinds");
    assertStringIncludes(caption, "different lengths");
    return Promise.resolve();
  });
});

Deno.test("readTraining() refuses what is no training, and shortNames() leaves out what all paths share", async () => {
  await inFolder(async (folder) => {
    assertThrows(() => readTraining(join(folder, "gone")), RangeError, "there is no such folder");
    assertThrows(() => readTraining(folder), RangeError, "it has no run.yaml");
    await Deno.writeTextFile(join(folder, "run.yaml"), "evaluator: {}\n");
    assertThrows(() => readTraining(folder), RangeError, "its run.yaml is of something else");
  });
  await inFolder(async (folder) => {
    const write = (name: string, text: string) => Deno.writeTextFile(join(folder, name), text);
    await write("run.yaml", await Deno.readTextFile(EXAMPLE));
    const state = join(folder, "trainer_state.json");
    for (const name of ["trainer_state.json", "train_results.json"]) {
      for (
        const [text, why] of [["", "as JSON: "], ["{", "as JSON: "], [
          "null",
          ": it holds null, not an object",
        ]]
      ) {
        await write(name, text!);
        const { message } = assertThrows(() => readTraining(folder), SyntaxError);
        assertStringIncludes(
          message,
          `Cannot read ${join(folder, name)}${why!.startsWith(":") ? "" : " "}${why}`,
        );
      }
      await write(name, "{}");
    }
    await write("trainer_state.json", '{"log_history": 5}');
    assertThrows(() => readTraining(folder), SyntaxError, `${state}: its log_history is no list`);
    await write("trainer_state.json", '{"log_history": [{"step": 1, "loss": 0.5}, 3]}');
    assertThrows(
      () => readTraining(folder),
      SyntaxError,
      `${state}: entry 1 of its log_history needs to be a map: current value is 3`,
    );
    // a loss that was no number is none, not 0
    await write(
      "trainer_state.json",
      '{"log_history": [{"step": 1, "loss": null}, {"step": 2, "loss": 0.5}]}',
    );
    // what a kill cut off is no line; a damaged one before others is told, as a point of a curve would be missing
    const log = (lines: string) => write("trainer_log.jsonl", lines);
    await log('{"current_steps": 3, "loss": 0.25}\n{"current_steps": 4, "loss": NaN}\n{"current_st');
    assertEquals(readTraining(folder).steps, 4);
    for (const odd of ['{"current_st', "[1]", "7", "null"]) {
      await log(`{"current_steps": 3, "loss": 0.25}\n${odd}\n{"current_steps": 4, "loss": 0.2}\n`);
      assertThrows(
        () => readTraining(folder),
        SyntaxError,
        `Cannot read ${join(folder, "trainer_log.jsonl")}:2 as a line of a log: current value is `,
      );
    }
    await Deno.remove(join(folder, "trainer_log.jsonl"));
    assertEquals(curveEnds(readTraining(folder), "loss"), { last: 0.5, lowest: 0.5, highest: 0.5 });
    // more entries than a call takes arguments
    const log_history = Array.from({ length: 200_000 }, (_, i) => ({ step: i + 1, loss: i }));
    await write("trainer_state.json", JSON.stringify({ log_history }));
    const long = readTraining(folder);
    assertEquals([long.steps, curveEnds(long, "loss")], [200_000, {
      last: 199_999,
      lowest: 0,
      highest: 199_999,
    }]);
  });
  const named = (...directories: string[]) => shortNames(directories.map((directory) => ({ directory })));
  assertEquals(named("/a/b/dpo/lr-1/seed-0", "/a/b/iopo/lr-1/seed-0"), ["dpo", "iopo"]);
  assertEquals(named("/a/b", "/a/b/c"), ["b", "b/c"]);
  assertEquals(named("/a/b"), ["b"]);
});
