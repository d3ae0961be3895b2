import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import { LOCK_FILE, lockDirectory } from "../../formats/directory_lock.ts";
import { inFolder } from "../../tests/helpers/evaluation_run.ts";
import { tablePaths, writeTables } from "../common/table_files.ts";
import { colorOf } from "../common/page/colors.js";
import { CURVES, trainingCurvesSvg } from "../compare/curves.ts";
import { resultTable, shortNames, trainingFiles } from "../compare/table.ts";
import { curveEnds, readTraining } from "../compare/training.ts";
import { readTrainConfig, writeRunYaml } from "../train/config/mod.ts";
import { silentProgress } from "../train/outputs/progress.ts";
import { cellsOf, readAxes, splitValues } from "./grid.ts";
import { sweepTable, writeSweep } from "./report.ts";
import { bestSetting, type CellResult, sweep } from "./run.ts";
import { Interrupted } from "./train_cell.ts";

const EXAMPLE = new URL("../../examples/default_iopo.yaml", import.meta.url);

Deno.test("readAxes() and cellsOf() make every combination once, with a folder that holds it", () => {
  assertEquals(splitValues("[q_proj,v_proj],all,'a,b'"), ["[q_proj,v_proj]", "all", "'a,b'"]);
  const axes = readAxes(["learning_rate=1e-4,5e-5", "max_steps=3"], "0,1");
  const cells = cellsOf(axes, "out");
  assertEquals(cells.map(({ name }) => name), [
    "learning_rate=1e-4,seed=0",
    "learning_rate=1e-4,seed=1",
    "learning_rate=5e-5,seed=0",
    "learning_rate=5e-5,seed=1",
  ]);
  assertEquals(cells[3]?.overrides, ["learning_rate=5e-5", "max_steps=3", "seed=1"]);
  assertEquals([cells[3]?.setting, cells[3]?.directory], [
    "learning_rate=5e-5",
    join("out", "learning_rate=5e-5,seed=1"),
  ]);
  assertEquals(cellsOf([], "out").map(({ name }) => name), ["only"]);
  // a value that is no name of a folder, and two that would get the same name
  const paths = cellsOf(readAxes(["model_name_or_path=a/b,a:b"], undefined), "out");
  assertEquals(new Set(paths.map(({ directory }) => directory)).size, 2);
  assert(paths.every(({ directory }) => /^out[\\/]model_name_or_path=a_b-[0-9a-f]{8}$/.test(directory)));
  for (
    const [overrides, seeds, message] of [
      [["lora_rank=4,,8"], undefined, "a value is needed on both sides"],
      [["lora_rank=4,4"], undefined, "stands there twice"],
      [["learning_rate=1e-4,0.0001"], undefined, "stands there twice"],
      [[], "0,1,00", "stands there twice"],
      [["lora_rank=4", "lora_rank=8"], undefined, "twice: write all of its values in one argument"],
      [["output_dir=a,b"], undefined, "--out says where"],
      [["seed=1"], "0,1", "twice"],
      [[], "0,x", "seeds are whole numbers"],
    ] as const
  ) assertThrows(() => readAxes(overrides, seeds), RangeError, message);
  assertThrows(
    () => cellsOf([{ key: "seed", values: Array.from({ length: 1001 }, (_, i) => String(i)) }], "out"),
    RangeError,
    "current value is 1001",
  );
});

const result = (setting: string, seed: number, score: number | null, loss: number | null): CellResult => ({
  cell: {
    name: `${setting},seed=${seed}`,
    setting,
    overrides: [],
    values: { lora_rank: setting, seed: String(seed) },
    directory: "",
  },
  training: {
    history: loss === null ? [] : [{ step: 1, eval_loss: 0.1 }, { step: 2, eval_loss: loss }],
    evaluationAtEnd: {},
  } as unknown as CellResult["training"],
  score,
});

Deno.test("a cell's evaluation at the end counts where the log has none, as with do_eval and eval_strategy no", async () => {
  const out = await Deno.makeTempDir();
  try {
    const config = fileURLToPath(new URL("../../examples/default_iopo.yaml", import.meta.url));
    const own = ["max_samples=6", "max_steps=1", "gradient_accumulation_steps=1", "threads=1"];
    const keys = ["eval_strategy=no", "do_eval=true", "val_size=2", "plot_loss=false", "save_strategy='no'"];
    const cells = cellsOf(readAxes([...own, ...keys, "learning_rate=1e-4"], undefined), out);
    const context = { signal: new AbortController().signal, progress: silentProgress() };
    const results = await sweep({ config, cells, out }, context);
    const [first] = results;
    const { eval_loss } = JSON.parse(await Deno.readTextFile(join(out, "only", "eval_results.json")));
    assert(first && typeof eval_loss === "number" && eval_loss < 0.7);
    assertEquals(curveEnds(first.training, "eval_loss"), null);
    assertEquals([bestSetting(results).setting, bestSetting(results).value], [first.cell.setting, eval_loss]);
    const shown = resultTable([first.training]);
    const at = shown.columns.findIndex(({ title }) => title === "eval loss");
    assertEquals(shown.rows[0]?.[at], eval_loss.toFixed(4));
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});

Deno.test("bestSetting() takes the mean over seeds: of scores the highest, of last losses the lowest, of equal ones the first", () => {
  const scored = [
    result("a", 0, 0.9, 1),
    result("a", 1, 0.1, 1),
    result("b", 0, 0.6, 9),
    result("b", 1, 0.6, 9),
  ];
  assertEquals([bestSetting(scored).setting, bestSetting(scored).value], ["b", 0.6]);
  const losses = scored.map((one) => ({ ...one, score: null }));
  assertEquals(bestSetting(losses).setting, "a");
  assertEquals(bestSetting([result("a", 0, 0.5, null), result("b", 0, 0.5, null)]).setting, "a");
  const none = bestSetting([result("a", 0, null, 1), result("b", 0, null, null)]);
  assertEquals(none.setting, null);
  assertStringIncludes(none.rule, "val_size");
  // some scores and losses, too, are no common measure
  const some = bestSetting([result("a", 0, 0.5, 1), result("b", 0, null, 1)]);
  assertEquals(some.setting, null);
  assertStringIncludes(some.rule, "as nothing was scored of b,seed=0");
});

Deno.test("a sweep trains its cells, leaves finished ones, and its table and the comparison say what the runs say", async () => {
  await inFolder(async (folder) => {
    const config = fileURLToPath(new URL("../../examples/default_iopo.yaml", import.meta.url));
    const small = [
      ...["max_samples=6", "max_steps=1", "per_device_train_batch_size=1", "gradient_accumulation_steps=1"],
      ...[
        "eval_strategy=no",
        "val_size=0",
        "logging_steps=1",
        "plot_loss=false",
        "save_strategy='no'",
        "threads=1",
      ],
    ];
    const plan = (...more: string[]) => ({
      config,
      cells: cellsOf(readAxes([...more, ...small], undefined), folder),
      out: folder,
    });
    const lines: string[] = [];
    const context = {
      signal: new AbortController().signal,
      progress: { ...silentProgress(), line: (text: string) => void lines.push(text) },
    };
    const results = await sweep(plan("lora_rank=2,4"), context);
    assertEquals(results.length, 2);
    const [first] = results;
    const run = join(folder, "lora_rank=2");
    assertEquals([first?.training.config.lora_rank, first?.training.finished, first?.training.steps], [
      2,
      true,
      1,
    ]);
    // a fresh adapter's first loss is ln 2
    assertEquals(sweepTable(results).rows.map((row) => row.slice(0, 3)), [["2", "1", "0.6931"], [
      "4",
      "1",
      "0.6931",
    ]]);
    const before = Deno.statSync(join(run, "adapter_model.safetensors")).mtime;
    await sweep(plan("lora_rank=2,4"), context);
    assertEquals(Deno.statSync(join(run, "adapter_model.safetensors")).mtime, before);
    assertEquals(lines.filter((line) => line.startsWith("cell ")).length, 4);

    const files = await writeSweep(folder, results);
    assertEquals(files.map(({ name }) => name), [
      "sweep.md",
      "sweep.csv",
      "sweep.tex",
      "curves_loss.svg",
      "curves_rewards_margins.svg",
      "curves_rewards_accuracies.svg",
    ]);
    assertStringIncludes(Deno.readTextFileSync(join(folder, "curves_loss.svg")), "lora_rank=4");
    assertStringIncludes(Deno.readTextFileSync(join(folder, "sweep.md")), "no validation was made");

    const trainings = results.map(({ cell }) => readTraining(cell.directory));
    const table = trainingFiles(trainings);
    assertEquals(table.caption.includes("Keys that differ: lora_rank, lora_alpha."), true, table.caption);
    const paths = await writeTables(table, tablePaths([join(folder, "c")]));
    assertStringIncludes(Deno.readTextFileSync(paths[0] ?? ""), "| lora\\_rank=2 | 2 | 4 | 1 | 0.6931 |");
    assertEquals(curveEnds({ history: [{ loss: 3 }, { loss: 1 }, { loss: 2 }] }, "loss"), {
      last: 2,
      lowest: 1,
      highest: 3,
    });
    // a picture of two seeds of one setting: one colour, both curves and their mean
    const seeds = results.map((one, i) => ({
      name: `seed=${i}`,
      group: "rank",
      history: one.training.history,
    }));
    const picture = await trainingCurvesSvg(seeds, CURVES[0]);
    assertStringIncludes(picture ?? "", "2 trainings; bold: the mean over seeds");
    assertEquals((picture?.match(/>rank</g) ?? []).length, 1);
    // a training without this curve, such as SFT among margins, keeps its colour from the others
    const margins = [
      { name: "sft", history: [{ step: 1, loss: 1 }] },
      ...seeds.map((one) => ({ ...one, group: "iopo" })),
    ];
    const [, second] = await Promise.all(
      CURVES.slice(0, 3).map((curve) => trainingCurvesSvg(margins, curve)),
    );
    assertEquals(second, null);
    const margin = await trainingCurvesSvg(margins, CURVES[2]);
    const [ofSft, ofIopo] = [0, 1].map((group) => colorOf(group, false));
    assert(ofSft && ofIopo && margin?.includes(ofIopo) && !margin.includes(ofSft));

    // what is there is of another configuration
    const other = plan("lora_rank=2,4", "learning_rate=0.5");
    await assertRejects(() => sweep(other, context), RangeError, "finished run of another configuration");
    // faults are told before anything is trained
    const wrong = plan("lora_rank=8,0");
    await assertRejects(() => sweep(wrong, context), RangeError, "Cannot train the cell lora_rank=0");
    assertThrows(() => Deno.statSync(join(folder, "lora_rank=8")), Deno.errors.NotFound);
  });
});

Deno.test("a sweep with --eval continues the cell that it was stopped in, scores every cell, and tells a faulty evaluation first", async () => {
  await inFolder(async (folder) => {
    const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
    const items = Deno.readTextFileSync(root("fixtures/constraints/data/heldout.jsonl")).split("\n");
    await Deno.writeTextFile(join(folder, "items.jsonl"), items.slice(0, 4).join("\n") + "\n");
    const evaluation = join(folder, "eval.yaml");
    const write = (more: string) =>
      Deno.writeTextFile(
        evaluation,
        `evaluator:\n  type: constraints\n  args: {path: items.jsonl}\n  cache: false\n${more}` +
          "  model: {type: recorded, args: {path: gone.jsonl}, run_args: {temperature: 0, max_tokens: 24}}\n",
      );
    await write("");
    const small = [
      ...["max_samples=8", "max_steps=2", "per_device_train_batch_size=1", "gradient_accumulation_steps=1"],
      ...[
        "eval_strategy=no",
        "val_size=0",
        "logging_steps=1",
        "save_steps=1",
        "plot_loss=false",
        "threads=1",
      ],
    ];
    const out = join(folder, "out");
    const plan = {
      config: root("examples/default_iopo.yaml"),
      cells: cellsOf(readAxes(["learning_rate=1e-5,3e-2", ...small], undefined), out),
      evaluation,
      out,
    };
    const steps: number[] = [], lines: string[] = [];
    const runTo = (stopped: AbortController | null) =>
      sweep(plan, {
        signal: (stopped ?? new AbortController()).signal,
        progress: {
          ...silentProgress(),
          line: (text) => void lines.push(text),
          step: ({ step }) => {
            steps.push(step);
            if (lines.some((text) => text.startsWith("cell 2"))) stopped?.abort();
          },
        },
      });
    await write("  typ: x\n");
    await assertRejects(() => runTo(null), RangeError, "typ");
    assertEquals(steps, []);
    await write("");
    await assertRejects(() => runTo(new AbortController()), Interrupted);
    assertEquals(steps, [1, 2, 1]);
    const results = await runTo(null);
    // the first cell is left, the second one goes on behind its checkpoint
    assertEquals(steps, [1, 2, 1, 2]);
    // the score is that of the answers in the cell's own folder, by hand: share of instructions with every constraint kept
    for (const { cell, score } of results) {
      const lines = Deno.readTextFileSync(join(out, "eval", cell.name, "items.jsonl")).trimEnd().split("\n");
      const judged = lines.map((line) => JSON.parse(line)).filter(({ stage }) => stage === "judge");
      const whole = judged.filter(({ judgement }) =>
        judgement.constraints.every(({ score }: { score: number }) => score === 1)
      );
      assertEquals([judged.length, score], [4, whole.length / 4]);
    }
    const [first, second] = results.map(({ score }) => score ?? 0);
    await writeSweep(out, results);
    const best = (first ?? 0) >= (second ?? 0) ? "1e-5" : "3e-2";
    assertStringIncludes(
      Deno.readTextFileSync(join(out, "sweep.md")),
      `Best: learning_rate=${best} with ${Math.max(first ?? 0, second ?? 0).toFixed(4)} (highest score`,
    );
    assertStringIncludes(Deno.readTextFileSync(join(out, "sweep.tex")), `& ${(second ?? 0).toFixed(4)} &`);
  });
});

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

Deno.test("a second sweep into a folder is refused while the first one goes on, whichever cell that is at, with its process", () =>
  inFolder(async (folder) => {
    const out = join(folder, "sweep"), config = fileURLToPath(EXAMPLE);
    Deno.mkdirSync(out);
    using _first = lockDirectory(out, "sweep into");
    const context = { signal: new AbortController().signal, progress: silentProgress() };
    const plan = { config, cells: cellsOf(readAxes(["max_steps=1"], undefined), out), out };
    await assertRejects(
      () => sweep(plan, context),
      Error,
      `Cannot sweep into ${out} as process ${Deno.pid} (this one) has been using it since`,
    );
    assertEquals([...Deno.readDirSync(out)].map(({ name }) => name), [LOCK_FILE]);
  }));

Deno.test("bestSetting() names none where sets were evaluated each by itself, and says why", () => {
  const training = { history: [{ step: 2, eval_a_loss: 1.5, eval_b_loss: 2 }], evaluationAtEnd: {} };
  const results = [{ cell: { name: "x", setting: "x" }, score: null, training }] as unknown as CellResult[];
  assertEquals(bestSetting(results).setting, null);
  assertStringIncludes(bestSetting(results).rule, "leave eval_on_each_dataset out");
});

Deno.test("a cell that fails tells the command of the sweep, not that of the cell alone", () =>
  inFolder(async (folder) => {
    const config = fileURLToPath(EXAMPLE), out = join(folder, "sweep");
    const small = [
      "max_samples=6",
      "max_steps=2",
      "gradient_accumulation_steps=1",
      "threads=1",
      "save_steps=1",
    ];
    const plan = { config, cells: cellsOf(readAxes(small, undefined), out), out };
    const progress = {
      ...silentProgress(),
      step: () => {
        throw new Error("the disk is full");
      },
    };
    const context = {
      signal: new AbortController().signal,
      progress,
      continues: "deno task sweep a.yaml seed=1,2",
    };
    const error = await assertRejects(() => sweep(plan, context), Error);
    assertStringIncludes(error.message, "To begin again:\n  deno task sweep a.yaml seed=1,2");
  }));
