import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";

import { LOCK_FILE, lockDirectory } from "../../formats/directory_lock.ts";
import { parseYaml } from "../../formats/yaml/yaml.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { inFolder, rowsConfig, rowsText } from "../../tests/helpers/evaluation_run.ts";
import project from "../../deno.json" with { type: "json" };
import { PROJECT_FOLDER, startDeno } from "../../tests/helpers/deno_process.ts";
import { killedWith } from "../../tests/helpers/killed.ts";
import { UNIX } from "../../tests/helpers/system.ts";
import { taskHere } from "../../tests/helpers/task_here.ts";
import { tablePaths, writeTables } from "../common/report/table_files.ts";
import { colorOf } from "../common/page/colors.js";
import { CURVES, trainingCurvesSvg } from "../compare/curves.ts";
import { resultTable, trainingFiles } from "../compare/table.ts";
import { curveEnds, readTraining } from "../compare/training.ts";
import { taskArguments } from "../dinotune.ts";
import { sweepTask } from "../sweep.ts";
import { silentProgress } from "../train/outputs/log/progress.ts";
import { cellsOf, readAxes } from "./grid.ts";
import { sweepTable, writeSweep } from "./report.ts";
import { bestSetting, checkCells, sweep } from "./run.ts";
import { evaluateCell, Interrupted } from "./train_cell.ts";

const EXAMPLE = new URL("../../examples/default_iopo.yaml", import.meta.url);

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

Deno.test("a folder of a run in place of the file of --eval is told with its settings, and no key of a training", async () => {
  await inFolder(async (folder) => {
    for (const name of ["config.json", "run.yaml"]) await Deno.writeTextFile(join(folder, name), "{}");
    const cells = cellsOf(readAxes(["learning_rate=1e-4"], undefined), join(folder, "out"));
    const plan = { config: fileURLToPath(EXAMPLE), cells, evaluation: folder, out: join(folder, "out") };
    const { message } = assertThrows(() => checkCells(plan), RangeError);
    assertEquals(
      message,
      `Cannot read ${folder} as a YAML file of settings: it is a folder of a run. Its settings are ${folder}/run.yaml`,
    );
  });
});

Deno.test("an evaluation that is stopped while its items are read is a cell that was stopped", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(2));
    const { evaluator_llm, model, out_dir } = rowsConfig(folder, "http://127.0.0.1:1/v1");
    const dataset = { args: { url: join(folder, "rows.jsonl") } };
    const evaluator = { type: "rows", dataset, model, evaluator_llm, out_dir, cache: false };
    const file = parseYaml(stringify({ evaluator }), "eval.yaml");
    const context = { signal: AbortSignal.abort(), progress: silentProgress() };
    await assertRejects(() => evaluateCell(file, [], builtinRegistry(), context), Interrupted);
  });
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
    const curveOf = (key: string) => {
      const curve = CURVES.find((curve) => curve.key === key);
      assert(curve, key);
      return trainingCurvesSvg(margins, curve);
    };
    assertEquals(await curveOf("eval_loss"), null);
    const margin = await curveOf("rewards/margins");
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
      const value = whole.length / 4;
      assertEquals([judged.length, score], [4, { value, ofAll: value, unscored: 0 }]);
    }
    const [first, second] = results.map(({ score }) => score?.value ?? 0);
    await writeSweep(out, results);
    const best = (first ?? 0) >= (second ?? 0) ? "1e-5" : "3e-2";
    assertStringIncludes(
      Deno.readTextFileSync(join(out, "sweep.md")),
      `Best: learning_rate=${best} with ${Math.max(first ?? 0, second ?? 0).toFixed(4)} (highest score`,
    );
    assertStringIncludes(Deno.readTextFileSync(join(out, "sweep.tex")), `& ${(second ?? 0).toFixed(4)} &`);
  });
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

Deno.test("a sweep without a key of several values says that it is one training", () =>
  inFolder(async (folder) => {
    const said = async (...args: string[]) => {
      const { code, out } = await taskHere(() =>
        sweepTask([fileURLToPath(EXAMPLE), "--out", join(folder, "sweep"), "--dry-run", ...args])
      );
      assertEquals(code, 0, out);
      return out;
    };
    const note = "note: no key has several values, so this is one training: key=a,b";
    for (const args of [[], ["lora_rank=4"], ["--seeds", "0"]]) {
      assertStringIncludes(await said(...args), `1 training\n${note}`);
    }
    for (const args of [["lora_rank=4,8"], ["--seeds", "0,1"]]) {
      const out = await said(...args);
      assert(out.includes("2 trainings") && !out.includes("note:"), out);
    }
  }));

Deno.test({
  name:
    `after Ctrl-C the installed command's line goes on from any folder, as its paths start where it was typed${UNIX.why}`,
  ignore: UNIX.ignore,
  async fn() {
    await inFolder(async (folder) => {
      const here = join(Deno.realPathSync(folder), "it's here");
      await Deno.mkdir(here);
      const fixtures = fileURLToPath(new URL("../../fixtures/constraints/", import.meta.url));
      const text = Deno.readTextFileSync(EXAMPLE).replaceAll("../fixtures/constraints/", fixtures);
      Deno.writeTextFileSync(join(here, "mine.yaml"), text);
      const words = ["mine.yaml", "lora_rank=2,4", "--out", "grid"];
      const { command } = project.tasks.sweep;
      const child = startDeno([...taskArguments(command, PROJECT_FOLDER), ...words], {
        cwd: here,
        env: { DINOTUNE_COMMAND: "dinotune" },
      });
      await using _end = killedWith(child);
      const output = new Response(child.stdout).text();
      let told = "";
      for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) {
        if (!told.includes("cell 1") && (told + piece).includes("cell 1")) child.kill("SIGINT");
        told += piece;
      }
      assertEquals((await child.status).code, 130, told);
      const [, line] = /^Continue with: (.*)$/m.exec(await output) ?? [];
      assertEquals(
        line,
        `cd '${here.replace("'", "'\\''")}' && dinotune sweep mine.yaml lora_rank=2,4 --out grid`,
      );
    });
  },
});
