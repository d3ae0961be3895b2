/**
 * The workflow with scripted trainings and answers; evaluation, rules, statistics and files are the real ones. Answers are chosen so
 * that every number of the table can be counted by hand.
 */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { stringify } from "yaml";

import { parseYaml } from "../../formats/yaml/yaml.ts";
import { inFolder } from "../../tests/helpers/evaluation_run.ts";
import { evaluateCell, Interrupted } from "../sweep/train_cell.ts";
import { silentProgress } from "../train/outputs/log/progress.ts";
import { readReplicateConfig, type ReplicateConfig } from "./config.ts";
import { writeReplication } from "./report/mod.ts";
import { titleOf } from "./report/parts.ts";
import { replicate, type ReplicateCells, workText } from "./run.ts";

const lines = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row) + "\n").join("");

const include = (word: string) => ({
  text: `Use the word ${word}.`,
  rule: { id: "keywords:existence", kwargs: { keywords: [word] } },
});
const lower = { text: "Use only small letters.", rule: { id: "case:lower", kwargs: {} } };

/** Eight quadruples of four tasks, one of them with the held-out rule; four test instructions of each distribution. */
async function config(folder: string, ...overrides: string[]): Promise<ReplicateConfig> {
  const records = Array.from({ length: 9 }, (_, i) => ({
    id: `q${i}`,
    description: `Task ${i % 4}.`,
    constraints: i === 8 ? [lower] : [include("sun")],
    constraints2: [include("sea")],
    x1: `Task ${i % 4}. Number ${i}. Use the word sun.`,
    x2: `Task ${i % 4}. Number ${i}. Use the word sea.`,
    y1: "The sun.",
    y2: "The sea.",
    worse: "Nothing.",
  }));
  const test = Array.from({ length: 8 }, (_, i) => ({
    id: `t${i}`,
    prompt: `Test ${i}`,
    constraints: i < 4 ? [include("sun"), include("sea")] : [lower, include("sun")],
  }));
  await Deno.writeTextFile(join(folder, "records.jsonl"), lines(records));
  // one that is trained on
  await Deno.writeTextFile(
    join(folder, "test.jsonl"),
    lines([...test, { id: "seen", prompt: records[0]!.x1, constraints: [include("sun")] }]),
  );
  await Deno.writeTextFile(
    join(folder, "replicate.yaml"),
    stringify({
      replicate: {
        model: "m",
        records: "records.jsonl",
        test: "test.jsonl",
        held_out: ["case:lower"],
        out_dir: join(folder, "out"),
        validation_items: 2,
        quads: 2,
        steps: 3,
        seeds: [0, 1],
        learning_rates: { sft: [1e-4, 1e-3], preference: [1e-5, 1e-4] },
        resamples: 200,
      },
    }),
  );
  return readReplicateConfig(join(folder, "replicate.yaml"), overrides).config;
}

/** Of a model's name and seed: how many of the first test instructions it follows. */
const FOLLOWS: Record<string, (seed: number) => number> = {
  base: () => 1,
  SFT: () => 2,
  DPO: (seed) => 3 + seed,
  IOPO: () => 2,
  "IOPO w/o output preference": () => 2,
  "IOPO w/o input preference": () => 0,
};

/** Trains nothing, answers as {@linkcode FOLLOWS} says; `log` gets the trainings, `stopAt` of them stops. */
function scripted(log: string[], stopAt = Infinity): ReplicateCells {
  return {
    async train(file, _, directory) {
      if (log.length === stopAt) throw new Interrupted("stopped");
      log.push(directory.split("/runs/")[1] ?? "");
      Deno.mkdirSync(directory, { recursive: true });
      Deno.copyFileSync(file, join(directory, "run.yaml"));
      await Deno.writeTextFile(
        join(directory, "trainer_state.json"),
        JSON.stringify({ log_history: [{ step: 1, loss: 0.7 }, { step: 3, loss: 0.5 }] }),
      );
      await Deno.writeTextFile(
        join(directory, "trainer_log.jsonl"),
        '{"total_tokens":120,"total_steps":3}\n',
      );
    },
    async evaluate(file, overrides, registry, context) {
      const { evaluator } = structuredClone(file.value) as {
        evaluator: {
          out_dir: string;
          args: { path: string };
          model: { type: string; args: Record<string, unknown> };
        };
      };
      const [, name = "", seed = "0"] = /^(.*?)(?:, seed (\d))?$/.exec(String(evaluator.model.args.name)) ??
        [];
      // the lower rate keeps one constraint more of the validation for SFT; DPO's rates are equal
      const better = /\/sft\/lr-0\.0001\//.test(evaluator.out_dir) || !evaluator.out_dir.includes("/sft/");
      const follows = FOLLOWS[name]?.(Number(seed)) ?? 0;
      const rows = Deno.readTextFileSync(evaluator.args.path).trimEnd().split("\n").map((line, i) => {
        const { id } = JSON.parse(line);
        const keeps = id.startsWith("q") ? better || i > 0 : Number(id.slice(1)) % 4 < follows;
        // the untrained model thinks of two of them, and ends there
        const thought = name === "base" && ["t3", "t7"].includes(id);
        return { id, response: thought ? "<think>The sun" : keeps ? "the sun and the sea" : "The sun" };
      });
      const path = `${join(context.progress === undefined ? "" : evaluator.out_dir)}.answers.jsonl`;
      Deno.mkdirSync(join(evaluator.out_dir, ".."), { recursive: true });
      Deno.writeTextFileSync(path, lines(rows));
      evaluator.model = { type: "recorded", args: { path } };
      return await evaluateCell(
        // answers that are recorded need no cache, least of all the user's
        parseYaml(stringify({ evaluator: { ...evaluator, cache: false } }), "eval.yaml"),
        overrides,
        registry,
        context,
      );
    },
  };
}

const run = { signal: new AbortController().signal, progress: silentProgress() };

Deno.test("replicate() continues where it was stopped, chooses rates by its rule, and its tables add up", async () => {
  await inFolder(async (folder) => {
    const settings = await config(folder);
    const begun: string[] = [];
    await assertRejects(() => replicate(settings, { ...run, cells: scripted(begun, 4) }), Interrupted);
    assertEquals(begun.length, 4);
    const log: string[] = [];
    const done = await replicate(settings, { ...run, cells: scripted(log) });
    // two rates of five methods with the first seed, then the chosen rate with the second one
    assertEquals(log.length, 15);
    assertEquals(new Set(log).size, 15);
    const { items, tried, methods } = done;
    assertEquals(workText({ ...settings, takes: "an hour" }, items).slice(0, 2), [
      `15 trainings of 3 steps; 10 evaluations of ${items.validation.length} instructions and 11 of 8`,
      "takes an hour, as the file stands",
    ]);
    const title = (model: string) => titleOf({ model }).split(" on ")[1];
    assertEquals(["a/b.gguf", "a/b/model/", "org/Name"].map(title), ["b.gguf", "b/model", "Name"]);
    const tasks = new Set(items.validation.map(({ description }) => description));
    assertEquals([items.train.length + items.validation.length, items.test.length], [8, 8]);
    assert(items.validation.length >= 2 && items.train.every(({ description }) => !tasks.has(description)));
    assert(items.notes.some((note) => note.startsWith("1 quadruples with a held-out rule")));
    assert(items.notes.some((note) => note.startsWith("1 test instructions that are among")));
    assertEquals(tried.filter(({ chosen }) => chosen).map(({ arm }) => [arm.method.name, arm.rate]), [
      ["sft", 1e-4],
      ["dpo", 1e-5],
      ["iopo", 1e-5],
      ["iopo_without_output", 1e-5],
      ["iopo_without_input", 1e-5],
    ]);
    const { report: { numbers, remarks }, files } = await writeReplication(done);
    // "The sun" keeps one of the two constraints of either kind of instruction, and breaks the one of the new type
    const expected = [1, 2, 3.5, 2, 2, 0].map((n) => [n / 4, (4 + n) / 8, n / 4, n / 4]);
    // a thought keeps nothing
    expected[0]![1] = 4 / 8;
    assertEquals(numbers.rows.map(({ cells }) => cells.map(({ value }) => value)), expected);
    // the untrained model answers once for both seeds
    assert(
      remarks.includes(
        "2 test answers have no verdict and count as not followed, constraints without one as not kept: Base 2.",
      ),
      remarks.join("\n"),
    );
    assertEquals(numbers.rows[2]?.cells[0]?.seeds, [0.75, 1]);
    const dpo = numbers.against.find(({ other }) => other === "DPO")?.differences[0];
    assertAlmostEquals(dpo?.difference ?? NaN, 0.5 - 0.875);
    // DPO alone follows 1 and 2 of 4, IOPO alone none: by Wilson's [.0919, .7806] for 1.5 of 4 and [0, .4899] for 0 of 4 the upper
    // end is −.375 + √(.4899² + .2831²), the lower one −.7806 or the bootstrap's, which can't be below −1
    const [low = NaN, high] = dpo?.interval ?? [];
    assertAlmostEquals(high ?? NaN, 0.1908, 5e-4);
    assert(low >= -1 && low <= -0.78, `${low}`);
    assertEquals(methods[3]?.trainings.map(({ tokens, steps }) => [tokens, steps]), [[120, 3], [120, 3]]);
    assert(
      remarks.includes("known followed: IOPO doesn't win; DPO has 87.5, IOPO 50.0."),
      remarks.join("\n"),
    );
    const text = (name: string) => Deno.readTextFileSync(join(settings.out_dir, name));
    for (const { name } of files) Deno.statSync(join(settings.out_dir, name));
    assertStringIncludes(text("scores.md"), "| DPO | 1e-5 | 87.5 (75.0–100.0) |");
    const { methods: told } = JSON.parse(text("results.json"));
    assertEquals(told.map(({ unscored }: { unscored: number }) => unscored), [2, 0, 0, 0, 0, 0]);
    assertStringIncludes(text("scores.tex"), "IOPO w/o input preference & 1e-5 & 0.0 & 50.0 & 0.0 & 0.0");
    assertStringIncludes(text("scores.csv"), "Base,,known followed,0.25,0.25,0.25,0.25,");
    assert(text("report.html").includes("IOPO doesn&#39;t win") && !text("report.html").includes("<script"));
    const boxes = [...text("report.html").matchAll(/<div class="(?:card )?(?:scroll|picture)"[^>]*>/g)];
    const reached = / tabindex="0" role="region" aria-label="[^"]+">$/;
    assertEquals([boxes.length > 2, boxes.filter(([tag]) => !reached.test(tag))], [true, []]);
    const info = JSON.parse(text("data/dataset_info.json"));
    const rows = (name: string) => text(`data/${info[name].file_name}`).trimEnd().split("\n").length;
    const { length } = items.train;
    assertEquals(["sft", "dpo", "iopo"].map(rows), [2 * length, length, length]);
    assertStringIncludes(text("runs/sft/lr-0.0001/seed-1.yaml"), "per_device_train_batch_size: 8\n");

    const other = await config(folder, "steps=4");
    await assertRejects(
      () => replicate(other, { ...run, cells: scripted([]) }),
      RangeError,
      "needs the same steps",
    );
    const taken = () => config(folder, "train.max_steps=4");
    await assertRejects(taken, RangeError, "Cannot set max_steps under train");
  });
});
