/**
 * DeepSpeed's file: its stage and offloading become FSDP2's, what also stands in the training file has to be the same, and
 * what has no equivalent is told.
 * @module
 */
import { basename } from "@std/path";

import { isOtherRule } from "../../../../kernels/engine/optimizer/rules.ts";
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import { type Distributed, mapOf, noteUnused, type SettingsMap, shard } from "./found.ts";
import { settingsFile } from "./settings_file.ts";

/** Keys of a training file that DeepSpeed's file may repeat. */
export type RepeatedKeys = Pick<
  TrainConfig,
  | "per_device_train_batch_size"
  | "gradient_accumulation_steps"
  | "max_grad_norm"
  | "learning_rate"
  | "adam_beta1"
  | "adam_beta2"
  | "adam_epsilon"
  | "weight_decay"
  | "optim"
  | "trainer_options"
>;

/**
 * Reads a DeepSpeed file or its content.
 * @throws {RangeError} If it can't be read or followed
 */
export function readDeepspeed(
  deepspeed: string | SettingsMap,
  config: RepeatedKeys,
  given: ReadonlyMap<string, unknown>,
  found: Distributed,
): void {
  found.asks = "deepspeed";
  const settings = typeof deepspeed === "string" ? deepspeedFile(deepspeed, found) : deepspeed;
  const zero = mapOf(settings.zero_optimization, "zero_optimization"), stage = Number(zero.stage ?? 0);
  if (![0, 1, 2, 3].includes(stage)) {
    throw new RangeError(`zero_optimization.stage has to be 0, 1, 2 or 3: current value is ${zero.stage}`);
  }
  shard(stage, found);
  readOffloading(zero, stage, found);
  readPrecision(settings, given, found);
  checkRepeated(settings, config, found);
  const extra = Object.keys(zero).filter((key) => !ZERO_KEYS.includes(key));
  const itself = config.trainer_options.sharding === "deepspeed";
  noteUnused(
    "deepspeed",
    extra,
    itself ? "as DeepSpeed's defaults are" : "as FSDP2 has no such knobs",
    found,
  );
  const others = Object.keys(settings).filter((key) => !KEYS.includes(key) && !key.startsWith("_"));
  noteUnused("deepspeed", others, "as nothing here takes it", found);
}

function readOffloading(zero: SettingsMap, stage: number, { options, notes }: Distributed): void {
  const devices = ["offload_optimizer", "offload_param"].map((key) =>
    mapOf(zero[key], `zero_optimization.${key}`).device
  );
  const bad = devices.find((device) => ![undefined, "none", "cpu"].includes(device as string | undefined));
  if (bad !== undefined) throw new RangeError(`offloading goes to cpu here: current value is ${bad}`);
  if (!devices.includes("cpu")) return;
  if (stage === 0) {
    throw new RangeError("offloading needs zero_optimization.stage 1 or more: current value is 0");
  }
  options.cpu_offload = true;
  if (!devices.every((device) => device === "cpu")) {
    notes.push("deepspeed: optimizer and parameters are offloaded together, as FSDP2 knows no other way");
  }
}

function readPrecision(
  settings: SettingsMap,
  given: ReadonlyMap<string, unknown>,
  { options, notes, faults }: Distributed,
): void {
  const enabled = (name: string) => mapOf(settings[name], name).enabled;
  for (const name of ["bf16", "fp16"]) {
    const value = enabled(name);
    if (typeof value === "boolean" && given.has(name) && given.get(name) !== value) {
      faults.push(differs(`${name}.enabled`, value, name, given.get(name)));
    }
  }
  if (enabled("bf16") === true) options.dtype = "bfloat16";
  else if (enabled("bf16") === false && enabled("fp16") === false) options.dtype = "float32";
  for (const name of ["fp16", "fp8"]) {
    if (enabled(name) !== true) continue;
    options.dtype = "bfloat16";
    notes.push(`deepspeed: ${name}.enabled: bfloat16 is used, which needs no scaling of the loss`);
  }
}

/** Numbers that stand in both files: as in transformers, they have to agree, unless DeepSpeed's say "auto". */
function checkRepeated(settings: SettingsMap, config: RepeatedKeys, { faults }: Distributed): void {
  const optimizer = mapOf(settings.optimizer, "optimizer"),
    params = mapOf(optimizer.params, "optimizer.params");
  const micro = config.per_device_train_batch_size, steps = config.gradient_accumulation_steps;
  const pairs: [name: string, theirs: unknown, key: string, ours: unknown][] = [
    [
      "train_micro_batch_size_per_gpu",
      settings.train_micro_batch_size_per_gpu,
      "per_device_train_batch_size",
      micro,
    ],
    [
      "gradient_accumulation_steps",
      settings.gradient_accumulation_steps,
      "gradient_accumulation_steps",
      steps,
    ],
    ["gradient_clipping", settings.gradient_clipping, "max_grad_norm", config.max_grad_norm],
    ["optimizer.params.lr", params.lr, "learning_rate", config.learning_rate],
    ["optimizer.params.betas", params.betas, "adam_beta1, adam_beta2", [
      config.adam_beta1,
      config.adam_beta2,
    ]],
    ["optimizer.params.eps", params.eps, "adam_epsilon", config.adam_epsilon],
    ["optimizer.params.weight_decay", params.weight_decay, "weight_decay", config.weight_decay],
    // More processes don't make a step larger here (docs/scale.md).
    [
      "train_batch_size",
      settings.train_batch_size,
      "per_device_train_batch_size × gradient_accumulation_steps",
      micro * steps,
    ],
  ];
  for (const [name, theirs, key, ours] of pairs) {
    if (theirs === undefined || theirs === null || theirs === "auto") continue;
    if (JSON.stringify(theirs) !== JSON.stringify(ours)) faults.push(differs(name, theirs, key, ours));
  }
  const { type } = optimizer;
  if (type !== undefined && (isOtherRule(config.optim) || !/^adamw?$/i.test(`${type}`))) {
    faults.push({
      key: "deepspeed",
      message:
        `Cannot use optimizer.type of deepspeed, where AdamW alone is taken with an optim that is AdamW: current value is ${type} ` +
        `with optim: ${config.optim}; take optimizer out, and set optim to the one that you mean`,
    });
  }
  if (settings.scheduler !== undefined) {
    faults.push({
      key: "deepspeed",
      message:
        "Cannot use scheduler of deepspeed: take it out, and set lr_scheduler_type and warmup_steps or warmup_ratio",
    });
  }
}

function differs(name: string, theirs: unknown, key: string, ours: unknown) {
  return {
    key: "deepspeed",
    message: `Cannot use ${name} of deepspeed as it needs the value of ${key}, ${
      JSON.stringify(ours)
    }: current value is ${JSON.stringify(theirs)}; set the one that you mean, and "auto" in DeepSpeed's file`,
  };
}

/** Keys of zero_optimization that are read, or hold anyway: weights are saved whole. */
const ZERO_KEYS = [
  "stage",
  "offload_optimizer",
  "offload_param",
  "stage3_gather_16bit_weights_on_model_save",
  "stage3_gather_fp16_weights_on_model_save",
];

/** Keys of the file that are read, or change neither numbers nor memory. */
const KEYS = [
  "zero_optimization",
  "bf16",
  "fp16",
  "fp8",
  "optimizer",
  "scheduler",
  "train_batch_size",
  "train_micro_batch_size_per_gpu",
  "gradient_accumulation_steps",
  "gradient_clipping",
  "zero_allow_untested_optimizer",
  "zero_force_ds_cpu_optimizer",
  "steps_per_print",
  "wall_clock_breakdown",
  "dump_state",
  "comms_config",
  "comms_logger",
  "monitor_config",
  "flops_profiler",
];

/** Names of LLaMA-Factory's own files, for training files that name them without bringing them. */
const LLAMA_FACTORY_FILE = /^ds_z([023])(_offload)?_config\.json$/;

function deepspeedFile(path: string, { notes }: Distributed): SettingsMap {
  try {
    return settingsFile(path);
  } catch (error) {
    const own = LLAMA_FACTORY_FILE.exec(basename(path));
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    if (!own) {
      throw new RangeError(
        `there is no file ${path}: name another, or leave the key out to train in this process`,
      );
    }
    notes.push(`deepspeed: there is no ${path}, so LLaMA-Factory's file of that name is meant`);
    const cpu = { device: "cpu" };
    return {
      zero_optimization: {
        stage: Number(own[1]),
        ...own[2] && { offload_optimizer: cpu },
        // Its stage 2 with offloading moves the optimizer alone.
        ...own[2] && own[1] === "3" && { offload_param: cpu },
      },
    };
  }
}
