import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import { inFolder } from "../../tests/helpers/evaluation_run.ts";
import { tablePaths, writeTables } from "../common/table_files.ts";
import { shortNames, trainingFiles } from "../compare/table.ts";
import { curveEnds, readTraining } from "../compare/training.ts";
import { silentProgress } from "../train/outputs/progress.ts";
import { cellsOf, readAxes, splitValues } from "./grid.ts";
import { sweepTable, writeSweep } from "./report.ts";
import { bestSetting, type CellResult, sweep } from "./run.ts";

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
  } as unknown as CellResult["training"],
  score,
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
    // what is there is of another configuration
    const other = plan("lora_rank=2,4", "learning_rate=0.5");
    await assertRejects(() => sweep(other, context), RangeError, "finished run of another configuration");
    // faults are told before anything is trained
    const wrong = plan("lora_rank=8,0");
    await assertRejects(() => sweep(wrong, context), RangeError, "Cannot train the cell lora_rank=0");
    assertThrows(() => Deno.statSync(join(folder, "lora_rank=8")), Deno.errors.NotFound);
  });
});

Deno.test("readTraining() refuses what is no training, and shortNames() leaves out what all paths share", async () => {
  await inFolder(async (folder) => {
    assertThrows(() => readTraining(join(folder, "gone")), RangeError, "there is no such folder");
    assertThrows(() => readTraining(folder), RangeError, "it has no run.yaml");
    await Deno.writeTextFile(join(folder, "run.yaml"), "evaluator: {}\n");
    assertThrows(() => readTraining(folder), RangeError, "its run.yaml is of something else");
  });
  const named = (...directories: string[]) => shortNames(directories.map((directory) => ({ directory })));
  assertEquals(named("/a/b/dpo/lr-1/seed-0", "/a/b/iopo/lr-1/seed-0"), ["dpo", "iopo"]);
  assertEquals(named("/a/b", "/a/b/c"), ["b", "b/c"]);
  assertEquals(named("/a/b"), ["b"]);
});
