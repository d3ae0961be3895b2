/** LLaMA-Factory's own runs on its tiny model (fixtures/goldens/llamafactory), and how close ours come to them. */
import { join } from "@std/path";

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";

import { exists } from "../formats/exists.ts";
import { SafetensorsFile } from "../formats/safetensors/mod.ts";
import { type Progress, silentProgress } from "../tasks/train/outputs/mod.ts";
import { train } from "../tasks/train.ts";

/** Model, data and runs of LLaMA-Factory. */
export const FACTORY: string = new URL("../fixtures/goldens/llamafactory/", import.meta.url).pathname;

// float32 against LLaMA-Factory's float32. Its logs are rounded to four digits (loss) or not at all.
const LOSS = 1e-4;
const GRAD_NORM = 1e-3;
const UPDATE = 1e-3;

const ADAPTER = "adapter_model.safetensors", VALUE_HEAD = "value_head.safetensors";
const VALUE_BIAS = "v_head.summary.bias";

interface Entry extends Record<string, number> {
  step: number;
}

function history(folder: string): Entry[] {
  return JSON.parse(Deno.readTextFileSync(join(folder, "trainer_state.json"))).log_history;
}

function tensorsIn(folder: string, name: string): Map<string, Float32Array> {
  using file = new SafetensorsFile(join(folder, name));
  return new Map([...file.tensors.keys()].map((name) => [name, file.readFloat32(name)]));
}

/** ‖ours − theirs‖ / ‖theirs − start‖ over all tensors of the adapter, or of those of the model that were trained; the others are as they were. */
function updateError(ours: string, theirs: string, file: string): number {
  const [a, b] = [tensorsIn(ours, file), tensorsIn(theirs, file)];
  const own = theirs.endsWith("_whole") ? "adapter_whole" : "adapter";
  const start = tensorsIn(join(FACTORY, { [ADAPTER]: own, [VALUE_HEAD]: "" }[file] ?? "model"), file);
  assertEquals([...a.keys()].sort(), [...start.keys()].sort());
  assertEquals([...a].filter(([name]) => !b.has(name)), [...start].filter(([name]) => !b.has(name)));
  let difference = 0, update = 0;
  for (const [name, values] of b) {
    if (name === VALUE_BIAS) continue;
    values.forEach((value, i) => {
      difference += (a.get(name)![i]! - value) ** 2;
      update += (value - start.get(name)![i]!) ** 2;
    });
  }
  return Math.sqrt(difference / update);
}

/** Arguments of `deno task train` that repeat a run into a folder. */
export function factoryArguments(
  name: string,
  output: string,
  more: readonly string[],
): [string, ...string[]] {
  return [
    join(FACTORY, "runs", name, "config.yaml"),
    `model_name_or_path=${join(FACTORY, "model")}`,
    `adapter_name_or_path=${join(FACTORY, "adapter")}`,
    `dataset_dir=${join(FACTORY, "data")}`,
    `output_dir=${output}`,
    "plot_loss=false",
    ...more,
  ];
}

/** Arguments that make the model with adapters a run's reference. */
export function referenceKeys(...adapters: readonly string[]): string[] {
  return [`ref_model=${join(FACTORY, "model")}`, `ref_model_adapters=${adapters.join(",")}`];
}

/** The adapter that the goldens call adapter2: the one that dpo_fixed ended with, as a folder in `folder`. */
export function secondAdapter(folder: string): string {
  const path = join(folder, "adapter2");
  Deno.mkdirSync(path);
  Deno.copyFileSync(join(FACTORY, "adapter", "adapter_config.json"), join(path, "adapter_config.json"));
  Deno.copyFileSync(join(FACTORY, "runs", "dpo_fixed", ADAPTER), join(path, ADAPTER));
  return path;
}

/** Arguments of a run of stage rm, whose model and adapter are the goldens' with a value head beside them, as folders in `folder`. */
export function rewardKeys(folder: string, isAdapted: boolean): string[] {
  const of = (name: string) => {
    const path = join(folder, name), from = join(FACTORY, name);
    Deno.mkdirSync(path);
    for (const file of Deno.readDirSync(from)) {
      Deno.copyFileSync(join(from, file.name), join(path, file.name));
    }
    Deno.copyFileSync(join(FACTORY, VALUE_HEAD), join(path, VALUE_HEAD));
    return path;
  };
  const model = of("model"), config = join(model, "config.json");
  const fields = JSON.parse(Deno.readTextFileSync(config));
  Deno.writeTextFileSync(config, JSON.stringify({ ...fields, summary_dropout_prob: 0 }));
  // LLaMA-Factory can't save these as safetensors: see the README of the goldens
  const saved = isAdapted ? [] : ["save_safetensors=true"];
  return [
    ...saved,
    `model_name_or_path=${model}`,
    `adapter_name_or_path=${isAdapted ? of("adapter") : "[]"}`,
  ];
}

/**
 * Repeats a run into a folder, or its part up to a step.
 * @param stopAfter Interrupts after that step
 */
export async function repeatFactoryRun(name: string, output: string, more: string[], stopAfter = Infinity) {
  const stop = new AbortController();
  const progress: Progress = {
    ...silentProgress(),
    step: ({ step }) => {
      if (step === stopAfter) stop.abort();
    },
  };
  const [config, ...overrides] = factoryArguments(name, output, more);
  const { finished } = await train(config, overrides, { say: () => {}, progress, signal: stop.signal });
  assertEquals(finished, stopAfter === Infinity);
}

/** Metrics of preference losses; `logits/*` isn't logged here. */
const METRIC = /^(eval_(?:toy_\w+_)?)?(rewards\/|logps\/|sft_loss$|odds_ratio_loss$|accuracy$)/;

/**
 * Metrics of an entry of the log against LLaMA-Factory's, which are means of batches' means (kto's are over examples): not those of
 * dpo_fixed_odd, whose last batch isn't full.
 * @returns How many were compared
 */
function assertMetrics(found: Entry, expected: Entry): number {
  // where the policy still is the reference, the signs of its margins are rounding
  const isReference = ["chosen", "rejected", "margins"].every((of) =>
    Math.abs(expected[`rewards/${of}`] ?? 1) < 1e-4
  );
  const names = Object.keys(expected).filter((name) =>
    METRIC.test(name) && !(isReference && name === "rewards/accuracies")
  );
  for (const name of names) {
    const value = expected[name]!;
    const limit = 1e-3 * Math.max(1, Math.abs(value));
    assertAlmostEquals(found[name]!, value, limit, `step ${expected.step}, ${name}`);
  }
  return names.length;
}

/** LLaMA-Factory has an entry for each set that is evaluated by itself, we have one for all of an evaluation. */
function joined(entries: readonly Entry[]): Entry[] {
  const all: Entry[] = [];
  for (const entry of entries) {
    const before = all.at(-1);
    const isPart = before?.step === entry.step &&
      [before, entry].every((one) => "eval_toy_eval_loss" in one || "eval_toy_turned_loss" in one);
    if (isPart) all[all.length - 1] = { ...before, ...entry };
    else all.push(entry);
  }
  return all;
}

/** Step and metric of the best checkpoint; the metric in four digits. */
function bestOf(folder: string): [step: number, metric: string] {
  const { best_global_step, best_metric } = JSON.parse(
    Deno.readTextFileSync(join(folder, "trainer_state.json")),
  );
  return [best_global_step, best_metric.toFixed(3)];
}

/**
 * A reward's bias cancels where rewards are compared: its gradient is zero. Of the rounding that LLaMA-Factory's is, AdamW makes steps (1e-3 in all); here it
 * stays.
 */
function assertBiasStays(ours: string): void {
  const [bias] = tensorsIn(ours, VALUE_HEAD).get(VALUE_BIAS)!;
  assertAlmostEquals(bias!, 0.125, 1e-7);
}

/** Logged losses, gradient norms, rates and metrics, and the final adapter, against LLaMA-Factory's. */
export function assertFactoryRun(name: string, ours: string): void {
  const theirs = join(FACTORY, "runs", name);
  const [log, expected] = [history(ours), joined(history(theirs))];
  assertEquals(log.map(({ step }) => step), expected.map(({ step }) => step));
  let compared = 0, metrics = 0;
  expected.forEach((entry, i) => {
    const found = log[i]!;
    const losses = Object.keys(entry).filter((key) => /^(?:eval_(?:toy_\w+_)?)?loss$/.test(key));
    for (const key of [...losses, "grad_norm", "learning_rate", "epoch"]) {
      if (!(key in entry)) continue;
      const limit = key === "grad_norm" ? GRAD_NORM * entry[key]! : key.endsWith("loss") ? LOSS : 1e-12;
      const off = Math.abs(found[key]! - entry[key]!);
      assert(off <= limit, `step ${entry.step}, ${key}: ${found[key]}, LLaMA-Factory ${entry[key]}`);
      compared++;
    }
    if (name !== "dpo_fixed_odd") metrics += assertMetrics(found, entry);
  });
  if (name === "sft_fixed_smoothed") assertEquals(metrics, 4);
  if (name === "sft_fixed_each") assertEquals([metrics, bestOf(ours)], [6, bestOf(theirs)]);
  if (/^(?:dpo|kto)_(?:fixed|full|freeze)/.test(name) && name !== "dpo_fixed_odd") {
    assert(metrics > 20, `${metrics} metrics`);
  }
  // LLaMA-Factory adds up the kl of the batches (5 a step, 2 an evaluation) and has it as kl in evaluations too.
  for (const [i, { kl, eval_loss }] of expected.entries()) {
    if (kl === undefined) continue;
    const [name, batches] = eval_loss === undefined ? ["kl", 5] : ["eval_kl", 2];
    assertAlmostEquals(log[i]![name]!, kl / batches, 1e-3 * Math.max(1, kl), name);
  }
  assert(compared > 15);
  // of full tuning the log tells it
  for (
    const file of [ADAPTER, "model.safetensors", VALUE_HEAD].filter((file) => exists(join(theirs, file)))
  ) {
    const error = updateError(ours, theirs, file);
    assert(error <= UPDATE, `${file}: what was trained is off by ${error} of its update`);
    if (file === VALUE_HEAD) assertBiasStays(ours);
  }
}
