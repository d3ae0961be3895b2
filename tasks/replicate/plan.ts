/**
 * Trainings and evaluations of a replication: folders, files and what is written into them before anything runs.
 * @module
 */
import { dirname, join } from "@std/path";
import { stringify } from "yaml";

import { makeFolder, writeFileAtomic } from "../../formats/atomic.ts";
import { parseYaml } from "../../formats/yaml/yaml.ts";
import type { BenchmarkItem } from "../../plugins/kinds/benchmark.ts";
import { resolveTrainConfig } from "../train/config/mod.ts";
import type { ReplicateConfig } from "./config.ts";
import { type Method, METHODS, VIEWS } from "./methods.ts";
import type { Items, Quadruple } from "./records.ts";

/** One training. */
export interface Arm {
  /** Method that it belongs to. */
  method: Method;
  /** Learning rate. */
  rate: number;
  /** Seed of weights and order. */
  seed: number;
  /** Output folder of the training. */
  directory: string;
}

/** The training of a method with a rate and a seed. */
export function armOf(
  { out_dir }: Pick<ReplicateConfig, "out_dir">,
  method: Method,
  rate: number,
  seed: number,
): Arm {
  return { method, rate, seed, directory: join(out_dir, "runs", method.name, `lr-${rate}`, `seed-${seed}`) };
}

/** Trainings that rates are chosen by: every rate of every method, with the first seed. */
export function tuningArms(config: ReplicateConfig): Arm[] {
  const [seed = 0] = config.seeds;
  return METHODS.flatMap((method) =>
    config.learning_rates[method.rates].map((rate) => armOf(config, method, rate, seed))
  );
}

/** Path of an arm's training file, written by {@linkcode writeTraining}. */
function trainingFile({ directory }: Arm): string {
  return `${directory}.yaml`;
}

/** Keys of an arm's training that aren't defaults. */
function trainingKeys(
  config: ReplicateConfig,
  { method, rate, seed, directory }: Arm,
): Record<string, unknown> {
  return {
    model_name_or_path: config.model,
    template: config.template,
    do_train: true,
    finetuning_type: "lora",
    lora_target: "all",
    lora_rank: 8,
    lora_alpha: 16,
    ...method.keys,
    ...method.name !== "sft" && { pref_beta: config.beta },
    dataset_dir: dataFolder(config),
    dataset: method.view,
    cutoff_len: 1024,
    truncation: "keep_template",
    max_steps: config.steps,
    per_device_train_batch_size: config.quads * method.perQuad,
    gradient_accumulation_steps: 1,
    learning_rate: rate,
    lr_scheduler_type: "cosine",
    warmup_ratio: 0.1,
    logging_steps: 1,
    save_steps: Math.max(1, Math.ceil(config.steps / 4)),
    save_total_limit: 1,
    plot_loss: false,
    seed,
    data_seed: seed,
    output_dir: directory,
    // a killed one continues from its checkpoint, a finished one is left
    resume_from_checkpoint: "auto",
    ...config.train,
  };
}

/** Writes an arm's training file. */
export async function writeTraining(config: ReplicateConfig, arm: Arm): Promise<string> {
  const path = trainingFile(arm);
  makeFolder(dirname(path));
  await writeFileAtomic(path, stringify(trainingKeys(config, arm), { lineWidth: 0 }));
  return path;
}

/**
 * Reads every training's keys as its training will.
 * @throws {RangeError} If one of them is wrong, such as a misspelt one under `train`
 */
export function checkTrainings(config: ReplicateConfig): void {
  for (const arm of tuningArms(config)) {
    const text = stringify(trainingKeys(config, arm), { lineWidth: 0 });
    try {
      resolveTrainConfig(parseYaml(text, trainingFile(arm)));
    } catch (error) {
      throw new RangeError(
        `Cannot replicate as the training of ${arm.method.title} can't be read, with the keys under train: ${
          (error as Error).message
        }`,
        { cause: error },
      );
    }
  }
}

/** Folder of what every method is trained and evaluated on. */
function dataFolder({ out_dir }: Pick<ReplicateConfig, "out_dir">): string {
  return join(out_dir, "data");
}

/** Files of the instructions to answer. */
export const SETS = { validation: "validation.jsonl", test: "test.jsonl" } as const;

/** Writes the data sets of the methods and the instructions to answer. */
export async function writeData(config: ReplicateConfig, { train, validation, test }: Items): Promise<void> {
  const folder = dataFolder(config);
  makeFolder(folder);
  const write = (name: string, records: readonly unknown[]) =>
    writeFileAtomic(join(folder, name), records.map((record) => JSON.stringify(record) + "\n").join(""));
  const entries: Record<string, unknown> = {};
  for (const [name, { records, entry }] of Object.entries(VIEWS)) {
    await write(`${name}.jsonl`, train.flatMap((quadruple: Quadruple) => [...records(quadruple)]));
    entries[name] = { file_name: `${name}.jsonl`, ...entry };
  }
  await writeFileAtomic(join(folder, "dataset_info.json"), JSON.stringify(entries, null, 2) + "\n");
  await write(SETS.validation, validation.map(asRow));
  await write(SETS.test, test.map(testRow));
}

function asRow({ id, x1, constraints }: Quadruple): Record<string, unknown> {
  return { id, prompt: x1, constraints: constraints.map(({ text, rule }) => ({ text, rule })) };
}

function testRow({ id, messages, constraints, groups }: BenchmarkItem): Record<string, unknown> {
  return { id, messages, constraints: constraints.map(({ text, rule }) => ({ text, rule })), groups };
}

/** An evaluation of the untrained model (null) or of a training. */
export function evaluationSettings(
  config: ReplicateConfig,
  arm: Arm | null,
  set: keyof typeof SETS,
): { evaluator: Record<string, unknown> } {
  const place = arm === null ? ["base"] : [arm.method.name, `lr-${arm.rate}`, `seed-${arm.seed}`];
  return {
    evaluator: {
      type: "constraints",
      args: { path: join(dataFolder(config), SETS[set]) },
      model: {
        type: "local",
        args: {
          model: config.model,
          ...arm !== null && { adapter: arm.directory },
          name: arm === null ? "base" : `${arm.method.title}, seed ${arm.seed}`,
          template: config.template,
          ...config.endpoint,
        },
        run_args: { temperature: 0, max_tokens: config.max_tokens },
      },
      out_dir: join(config.out_dir, set, ...place),
      seed: config.seed,
    },
  };
}
