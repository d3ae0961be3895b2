/**
 * LLaMA-Factory's keys for several processes, in terms of `trainer: torch`: DeepSpeed's file and FSDP's words become the
 * equivalents of FSDP2, and FORCE_TORCHRUN=1 torchrun's options. What has no equivalent is told.
 * @module
 */
import { basename } from "@std/path";

import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import type { Fault } from "./fault.ts";

/** Keys that are read here. */
export type DistributedKeys = Pick<TrainConfig, "deepspeed" | "fsdp" | "fsdp_config" | "ddp_timeout">;

/** Meaning of those keys. */
export interface Distributed {
  /** Key or variable that asks for several processes; null: nothing does. */
  asks: string | null;
  /** Options of `trainer: torch`. */
  options: Record<string, unknown>;
  notes: string[];
  faults: Fault[];
}

type Json = Record<string, unknown>;

/** Environment variables of LLaMA-Factory's launcher. */
export type Variables = (name: string) => string | undefined;

/** Reads the keys, the files that they name, and the launcher's variables. */
export function readDistributed(
  config: DistributedKeys,
  given: ReadonlyMap<string, unknown>,
  variable: Variables,
): Distributed {
  const found: Distributed = { asks: null, options: {}, notes: [], faults: [] };
  try {
    if (given.has("ddp_timeout")) found.options.ddp_timeout = config.ddp_timeout;
    if ((config.fsdp ?? []).length > 0 || config.fsdp_config !== null) readFsdp(config, found);
    if (config.deepspeed !== null) readDeepspeed(config.deepspeed, found);
  } catch (error) {
    const key = config.deepspeed !== null ? "deepspeed" : "fsdp_config";
    found.faults.push({
      key,
      message: `Cannot read ${key}: ${error instanceof Error ? error.message : String(error)}`,
    });
  }
  readLauncher(variable, found);
  return found;
}

/**
 * Chooses the trainer that the keys ask for, in place, unless one is written; written options win.
 * @param values A configuration, defaults filled in
 */
export function chooseTrainer(
  values: Pick<TrainConfig, "trainer" | "trainer_options"> & DistributedKeys,
  given: ReadonlyMap<string, unknown>,
  variable: Variables,
): Pick<Distributed, "notes" | "faults"> {
  const { asks, options, notes, faults } = readDistributed(values, given, variable);
  const keys = (["deepspeed", "fsdp", "fsdp_config", "ddp_timeout"] as const).filter((key) => given.has(key));
  if (given.has("trainer") && values.trainer !== "torch") {
    const unused = [...keys, ...asks === "FORCE_TORCHRUN" ? [asks] : []];
    if (unused.length === 0) return { notes: [], faults: [] };
    return {
      notes: [`${unused.join(", ")}: not used, as trainer: ${values.trainer} runs in one process`],
      faults: [],
    };
  }
  if (asks === null && values.trainer !== "torch") {
    return {
      notes: keys.map((key) => `${key}: not used, as trainer: local runs in one process`),
      faults: [],
    };
  }
  if (given.has("bf16")) options.dtype ??= given.get("bf16") === false ? "float32" : "bfloat16";
  values.trainer_options = { ...options, ...values.trainer_options };
  if (values.trainer === "torch" || asks === null) return { notes, faults };
  values.trainer = "torch";
  const set = Object.entries(values.trainer_options).map(([name, value]) => `${name}: ${value}`).join(", ");
  const note =
    `${asks}: training on PyTorch's processes (trainer: torch${
      set ? ` with ${set}` : ""
    }; docs/scale.md); trainer: local ` +
    "trains in this process instead";
  return { notes: [note, ...notes], faults };
}

/** Content of LLaMA-Factory's own files of these names, for files that name them without bringing them. */
const LLAMA_FACTORY_FILE = /^ds_z([023])(_offload)?_config\.json$/;

const WITHOUT_EQUIVALENT =
  /bucket_size|overlap_comm|contiguous_gradients|round_robin|sub_group|prefetch|max_live|max_reuse|persistence|allgather_partitions|reduce_scatter/;

function readDeepspeed(deepspeed: string | Json, found: Distributed): void {
  found.asks = "deepspeed";
  const settings = typeof deepspeed === "string" ? deepspeedFile(deepspeed, found) : deepspeed;
  const zero = object(settings.zero_optimization), stage = Number(zero.stage ?? 0);
  if (![0, 1, 2, 3].includes(stage)) {
    throw new RangeError(`zero_optimization.stage has to be 0, 1, 2 or 3: current value is ${zero.stage}`);
  }
  shard(stage, found);
  const devices = ["offload_optimizer", "offload_param"].map((key) => object(zero[key]).device);
  const bad = devices.find((device) => ![undefined, "none", "cpu"].includes(device as string | undefined));
  if (bad !== undefined) {
    throw new RangeError(`offloading goes to cpu here: current value is ${bad}`);
  }
  if (devices.includes("cpu")) {
    if (stage === 0) {
      throw new RangeError("offloading needs zero_optimization.stage 1 or more: current value is 0");
    }
    found.options.cpu_offload = true;
    if (!devices.every((device) => device === "cpu")) {
      found.notes.push(
        "deepspeed: optimizer and parameters are offloaded together, as FSDP2 knows no other way",
      );
    }
  }
  if (object(settings.bf16).enabled === false && object(settings.fp16).enabled === false) {
    found.options.dtype = "float32";
  }
  if (object(settings.fp16).enabled === true) {
    found.notes.push("deepspeed: fp16.enabled: bfloat16 is used, which needs no scaling of the loss");
  }
  const unused = Object.keys(zero).filter((key) => WITHOUT_EQUIVALENT.test(key));
  if (unused.length > 0) {
    found.notes.push(`deepspeed: ${unused.join(", ")}: not used, as FSDP2 has no such knobs`);
  }
}

function deepspeedFile(path: string, { notes }: Distributed): Json {
  try {
    return jsonFile(path);
  } catch (error) {
    const own = LLAMA_FACTORY_FILE.exec(basename(path));
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    if (!own) {
      throw new RangeError(
        `there is no file ${path}: name another, or leave the key out to train in this process`,
      );
    }
    notes.push(`deepspeed: there is no ${path}, so LLaMA-Factory's file of that name is meant`);
    const to = own[2] ? { offload_optimizer: { device: "cpu" }, offload_param: { device: "cpu" } } : {};
    // Its stage 2 with offloading moves the optimizer alone.
    if (own[1] === "2") delete (to as Json).offload_param;
    return { zero_optimization: { stage: Number(own[1]), ...to } };
  }
}

function readFsdp({ fsdp, fsdp_config }: DistributedKeys, found: Distributed): void {
  const words = fsdp ?? [];
  found.asks = words.length > 0 ? "fsdp" : "fsdp_config";
  const unknown = words.find((word) => !FSDP_WORDS.includes(word));
  if (unknown !== undefined) {
    throw new RangeError(`fsdp knows ${FSDP_WORDS.join(", ")}: current value has ${unknown}`);
  }
  shard(
    words.includes("no_shard")
      ? 0
      : words.some((word) => word.endsWith("grad_op") || word.endsWith("zero2"))
      ? 2
      : 3,
    found,
  );
  const settings = typeof fsdp_config === "string" ? jsonFile(fsdp_config) : fsdp_config ?? {};
  const setting = (name: string) => settings[`fsdp_${name}`] ?? settings[name];
  if (words.includes("offload") || setting("offload_params") === true) found.options.cpu_offload = true;
  const reshard = setting("reshard_after_forward");
  if (typeof reshard === "boolean") found.options.reshard_after_forward = reshard;
}

const FSDP_WORDS = [
  "full_shard",
  "shard_grad_op",
  "no_shard",
  "hybrid_shard",
  "hybrid_shard_zero2",
  "offload",
  "auto_wrap",
  "true",
];

/** ZeRO's stages as FSDP2 has them. */
function shard(stage: number, { options }: Distributed): void {
  // One process has nothing to share out, and the trainer's default knows how many there are.
  if (stage === 0) return;
  Object.assign(options, { sharding: "fsdp", reshard_after_forward: stage === 3 });
}

function readLauncher(variable: Variables, found: Distributed): void {
  const force = variable("FORCE_TORCHRUN")?.toLowerCase();
  if (force === undefined || !["1", "true", "y", "yes", "on"].includes(force)) return;
  found.asks = "FORCE_TORCHRUN";
  found.options.launcher = "torchrun";
  const count = (name: string, option: string) => {
    const text = variable(name);
    if (text === undefined || text === "") return;
    const value = Number(text);
    if (Number.isInteger(value) && value > 0) found.options[option] = value;
    else {found.faults.push({
        key: "trainer",
        message: `Cannot read ${name} as a whole number >= 1: current value is ${text}`,
      });}
  };
  count("NPROC_PER_NODE", "nproc_per_node");
  count("NNODES", "nnodes");
  const address = variable("MASTER_ADDR"), nodes = found.options.nnodes;
  if (address && nodes !== undefined && nodes !== 1) {
    found.options.rdzv_endpoint = `${address}:${variable("MASTER_PORT") ?? "29500"}`;
  }
}

function jsonFile(path: string): Json {
  return object(JSON.parse(Deno.readTextFileSync(path)));
}

function object(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Json : {};
}
