/** Evaluations of finished models (`do_eval` without `do_train`) beside LLaMA-Factory's own, and beside those of the runs that made them. */
import { join } from "@std/path";

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";

import { readJsonFile } from "../formats/hf_model/json.ts";
import { dryRun } from "../tasks/train/dry_run.ts";
import { silentProgress } from "../tasks/train/outputs/mod.ts";
import { train } from "../tasks/train.ts";
import { FACTORY, factoryArguments, referenceKeys, secondAdapter } from "./_llamafactory_run.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";

const QUIET = { say: () => {}, progress: silentProgress() };
const ALONE = ["do_train=false", "do_eval=true"];

type Metrics = Record<string, number>;

const read = (folder: string, name: string) => readJsonFile(join(folder, name)) as Metrics;

/** Losses and what goes with them, without time and pace. */
const scores = (metrics: Metrics): Metrics =>
  Object.fromEntries(
    Object.entries(metrics).filter(([name]) =>
      /^eval_.*(loss|accuracy|perplexity|rewards\/\w+|logps\/\w+)$/.test(name)
    ),
  );

/** The adapter that a run of LLaMA-Factory ended with, a reward model's value head beside it, as a folder in `folder`. */
function adapterOf(run: string, folder: string): string {
  const path = join(folder, "adapter"), from = join(FACTORY, "runs", run);
  Deno.mkdirSync(path);
  Deno.copyFileSync(join(FACTORY, "adapter/adapter_config.json"), join(path, "adapter_config.json"));
  for (const { name } of Deno.readDirSync(from)) {
    if (name.endsWith(".safetensors")) Deno.copyFileSync(join(from, name), join(path, name));
  }
  return path;
}

/** Path of the adapter that a golden evaluation's configuration names. */
function adapterNamed(name: string, folder: string): string {
  const [, run] = /^out_(.*)$/.exec(name) ?? [];
  if (run) return adapterOf(run, folder);
  return name === "adapter2" ? secondAdapter(folder) : join(FACTORY, "adapter");
}

/** What LLaMA-Factory's log has of the evaluations of a step; sets have entries of their own. */
function evaluationOfFactory(run: string, step: number | null): Metrics {
  const { log_history, best_global_step } = readJsonFile(
    join(FACTORY, "runs", run, "trainer_state.json"),
  ) as {
    log_history: Metrics[];
    best_global_step: number;
  };
  return scores(
    Object.assign({}, ...log_history.filter((entry) => entry["step"] === (step ?? best_global_step))),
  );
}

for (
  const [run, step, count] of [
    ["sft_fixed", 6, 1],
    // the best checkpoint's adapter is what it saved; two sets, each with its accuracy
    ["sft_fixed_each", null, 4],
  ] as const
) {
  Deno.test(`do_eval without do_train has LLaMA-Factory's losses of the adapter that it trained: ${run}`, async () => {
    const folder = temporaryFolder(), out = join(folder, "out");
    Deno.mkdirSync(out);
    Deno.writeTextFileSync(join(out, "all_results.json"), '{"train_loss": 1.5}');
    const [file, ...keys] = factoryArguments(run, out, [...ALONE, "split_special_tokens=false"]);
    const { finished } = await train(
      file,
      [...keys, `adapter_name_or_path=${adapterOf(run, folder)}`],
      QUIET,
    );
    assertEquals(finished, true);
    const ours = read(out, "eval_results.json"), theirs = evaluationOfFactory(run, step);
    assertEquals([Object.keys(scores(ours)).sort(), Object.keys(theirs).length], [
      Object.keys(theirs).sort(),
      count,
    ]);
    for (const [name, value] of Object.entries(theirs)) assertAlmostEquals(ours[name]!, value, 1e-4, name);
    assertEquals(read(out, "all_results.json"), { ...ours, train_loss: 1.5 });
    assertEquals([...Deno.readDirSync(out)].map(({ name }) => name).sort(), [
      "all_results.json",
      "eval_results.json",
    ]);
    // the adapter counts: that of the run's start has other losses
    const said: string[] = [],
      elsewhere = [`output_dir=${join(folder, "start")}`, "backend=auto", "optim=sgd"];
    const start = await train(file, [...keys, ...elsewhere], { ...QUIET, say: (line) => said.push(line) });
    // nothing is stepped, so that the optimizer decides no backend
    assert(
      said.some((line) => line.includes(", because ")) && !said.some((line) => line.includes("optim: sgd")),
      said.join("\n"),
    );
    for (const [name, value] of Object.entries(theirs)) {
      assert(Math.abs(start.metrics[name]! - value) > 1e-3, `${name}: ${start.metrics[name]} at the start`);
    }
    await assertRejects(
      () => train(file, [...keys, "overwrite_output_dir=false"], QUIET),
      RangeError,
      "eval_results.json as it is there already: set overwrite_output_dir: true",
    );
  });
}

for (
  const [what = "", ...more] of [
    ["sft, lora"],
    ["sft, dora", "adapter_name_or_path=[]", "use_dora=true"],
    // modules of adapters, which full tuning has none of, needn't be the model's
    ["sft, full", "adapter_name_or_path=[]", "finetuning_type=full", "lora_target=c_attn"],
    ["pt, lora", "stage=pt", "cutoff_len=32", "label_smoothing_factor=0.1"],
    ["dpo by orpo, lora", "stage=dpo", "dataset=toy_dpo", "pref_loss=orpo"],
    ["dpo, lora", "stage=dpo", "dataset=toy_dpo"],
    ["kto, full", "stage=kto", "dataset=toy_kto", "adapter_name_or_path=[]", "finetuning_type=full"],
    [
      "a loss of one's own, lora",
      "stage=dpo",
      "dataset=toy_dpo",
      "loss=dpo",
      'loss_options={"loss_type":"ipo"}',
    ],
  ]
) {
  Deno.test(`do_eval without do_train says what the run that trained the model said at its last step: ${what}`, async () => {
    const folder = temporaryFolder(), trained = join(folder, "trained"), out = join(folder, "out");
    const args = factoryArguments("sft_fixed", trained, [
      "max_steps=2",
      "eval_steps=2",
      "save_strategy=no",
      ...more,
    ]);
    const [file, ...keys] = args;
    await train(file, keys, QUIET);
    const isFull = more.includes("finetuning_type=full");
    const ref = /^dpo,|^kto|^a loss/.test(what) ? [`ref_model=${join(FACTORY, "model")}`] : [];
    const model = isFull ? `model_name_or_path=${trained}` : `adapter_name_or_path=${trained}`;
    const { metrics } = await train(file, [...keys, model, ...ref, ...ALONE, `output_dir=${out}`], QUIET);
    assertEquals(scores(metrics), scores(read(trained, "eval_results.json")));
    const before = await train(file, [
      ...keys,
      ...ref,
      ...ALONE,
      `output_dir=${join(folder, "before")}`,
    ], QUIET);
    assertNotEquals(scores(before.metrics), scores(metrics));
  });
}

for (
  const { name } of [...Deno.readDirSync(join(FACTORY, "evaluations"))].sort((a, b) =>
    a.name < b.name ? -1 : 1
  )
) {
  Deno.test(`do_eval without do_train has LLaMA-Factory's results, those of losses with a ref_model too: ${name}`, async () => {
    const folder = temporaryFolder(), out = join(folder, "out"), theirs = join(FACTORY, "evaluations", name);
    const file = join(theirs, "config.yaml"), given = Deno.readTextFileSync(file);
    const [, adapter = ""] = /^adapter_name_or_path: (.*)$/m.exec(given)!;
    const { metrics } = await train(file, [
      `model_name_or_path=${join(FACTORY, "model")}`,
      `adapter_name_or_path=${adapterNamed(adapter, folder)}`,
      ...given.includes("ref_model:") ? [`ref_model=${join(FACTORY, "model")}`] : [],
      ...given.includes("ref_model_adapters:") ? [`ref_model_adapters=${join(FACTORY, "adapter")}`] : [],
      ...[`dataset_dir=${join(FACTORY, "data")}`, `output_dir=${out}`, "split_special_tokens=false"],
    ], QUIET);
    const expected = scores(read(theirs, "eval_results.json"));
    assert(Object.keys(expected).length >= 2);
    for (const [key, value] of Object.entries(expected)) {
      assertAlmostEquals(metrics[key]!, value, 1e-4 * Math.max(1, Math.abs(value)), key);
    }
    assertEquals(scores(read(out, "eval_results.json")), scores(metrics));
  });
}

Deno.test("do_eval without do_train refuses a loss of one's own that needs a reference which no key names", async () => {
  const out = join(temporaryFolder(), "out"), of = ["stage=dpo", "dataset=toy_dpo", "loss=dpo"];
  const [file, ...keys] = factoryArguments("sft_fixed", out, [...ALONE, ...of]);
  const fault = await assertRejects(() => train(file, keys, QUIET), RangeError);
  assertStringIncludes(fault.message, "with loss: dpo without ref_model as it is relative to a reference");
});

Deno.test("do_eval without do_train refuses a loss that carries numbers, which only checkpoints of its training keep", async () => {
  const of = ["stage=dpo", "dataset=toy_dpo", "loss=dpo", "loss_options={bco_weight: 0.5}"];
  const more = [...ALONE, ...of, ...referenceKeys()];
  const [file, ...keys] = factoryArguments("sft_fixed", join(temporaryFolder(), "out"), more);
  const fault = await assertRejects(() => train(file, keys, QUIET), RangeError);
  assertStringIncludes(
    fault.message,
    "with loss: dpo as it carries numbers from micro-batch to micro-batch (delta, batches)",
  );
});

Deno.test("do_eval without do_train refuses a loss that measures a divergence from the model before training", async () => {
  const of = [
    "loss=sft",
    "loss_options={asft_alpha: 0.1}",
    "finetuning_type=full",
    "adapter_name_or_path=[]",
  ];
  const [file, ...keys] = factoryArguments("sft_fixed", join(temporaryFolder(), "out"), [...ALONE, ...of]);
  const fault = await assertRejects(() => train(file, keys, QUIET), RangeError);
  assertStringIncludes(
    fault.message,
    "with loss: sft as it measures a divergence from the model before training",
  );
});

Deno.test("do_eval without do_train and without an adapter has the model's own loss", async () => {
  const out = join(temporaryFolder(), "out"),
    of = ["eval_dataset=toy_eval", "val_size=0", "adapter_name_or_path=[]"];
  const [file, ...keys] = factoryArguments("sft_fixed", out, [...ALONE, ...of]);
  const { metrics } = await train(file, keys, QUIET);
  // mean over two batches of two of the labels' mean cross-entropy by the logits of transformers 5.17.0 on PyTorch 2.15.0, float32
  assertAlmostEquals(metrics["eval_loss"]!, 6.498542183198158, 1e-6);
});

Deno.test("do_eval without do_train: a dry run counts rows, and what is stopped writes nothing", async () => {
  const folder = temporaryFolder(), out = join(folder, "out"), said: string[] = [];
  const [file, ...keys] = factoryArguments("sft_fixed", out, ALONE);
  const { data, estimate, notes } = await dryRun(file, keys, () => {});
  assertStringIncludes(data, ": 6 to evaluate on");
  assertEquals(estimate, null);
  assert(notes.some((note) => note.endsWith("do_train isn't true and nothing is trained")));
  const { finished } = await train(file, keys, {
    ...QUIET,
    say: (line) => said.push(line),
    signal: AbortSignal.abort(),
  });
  assertEquals([finished, said.at(-1)], [false, "Stopped: no results were written"]);
  assertEquals([...Deno.readDirSync(folder)], []);
});
