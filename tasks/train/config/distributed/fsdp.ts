/**
 * FSDP's words and settings, as transformers reads them, and accelerate's file; of FSDP1 and FSDP2.
 * @module
 */
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import { type Distributed, mapOf, noteUnused, type SettingsMap, shard } from "./found.ts";
import { settingsFile } from "./settings_file.ts";

/**
 * Reads `fsdp` and `fsdp_config`; at least one of them is written.
 * @throws {RangeError} If a word or a value is unknown
 */
export function readFsdp(
  { fsdp, fsdp_config }: Pick<TrainConfig, "fsdp" | "fsdp_config">,
  found: Distributed,
): void {
  const words = fsdp ?? [];
  found.asks = words.length > 0 ? "fsdp" : "fsdp_config";
  const unknown = words.find((word) => !FSDP_WORDS.includes(word));
  if (unknown !== undefined) {
    throw new RangeError(`fsdp knows ${FSDP_WORDS.join(", ")}: current value has ${unknown}`);
  }
  const content = typeof fsdp_config === "string" ? settingsFile(fsdp_config) : fsdp_config ?? {};
  const settings = "distributed_type" in content ? ofAccelerate(content, found) : content;
  if (settings === null) return;
  const read = new Set<string>();
  const setting = (name: string) => {
    for (const key of [`fsdp_${name}`, name]) {
      if (key in settings) read.add(key);
    }
    return settings[`fsdp_${name}`] ?? settings[name];
  };
  const strategy = strategyOf(setting("sharding_strategy")) ??
    words.find((word) => STAGES.has(word)) ?? "full_shard";
  shard(STAGES.get(strategy) ?? 3, found);
  if (strategy.startsWith("hybrid")) {
    found.notes.push(
      `${found.asks}: ${strategy}: weights are shared out over all processes, not over those of a machine`,
    );
  }
  if (words.includes("offload") || isTrue("offload_params", setting("offload_params"))) {
    found.options.cpu_offload = true;
  }
  const reshard = setting("reshard_after_forward");
  // FSDP1's files may say it by a strategy.
  const stage = STAGES.get(`${reshard}`.toLowerCase());
  if (stage !== undefined) shard(stage, found);
  else if (reshard !== undefined) {
    found.options.reshard_after_forward = isTrue("reshard_after_forward", reshard);
  }
  if (isTrue("activation_checkpointing", setting("activation_checkpointing") ?? false)) {
    found.notes.push(
      `${found.asks}: activation_checkpointing: it is on unless disable_gradient_checkpointing is true`,
    );
  }
  if (found.options.cpu_offload === true && found.options.sharding !== "fsdp") {
    throw new RangeError(
      "offloading needs weights that are shared out: current value of the strategy is no_shard",
    );
  }
  const others = Object.keys(settings).filter((key) => !read.has(key) && !WITHOUT_EFFECT.test(key));
  noteUnused("fsdp_config", others, "as a block is FSDP2's unit and the rest its own choice", found);
}

/** Settings of processes in accelerate's own file go into options; gives its FSDP settings, or null where it uses none. */
function ofAccelerate(content: SettingsMap, { options, notes }: Distributed): SettingsMap | null {
  const count = (key: string) =>
    typeof content[key] === "number" && content[key] as number > 0 ? content[key] as number : null;
  const machines = count("num_machines") ?? 1, processes = count("num_processes");
  if (processes !== null) options.nproc_per_node = Math.max(1, Math.floor(processes / machines));
  if (machines > 1) {
    Object.assign(options, { launcher: "torchrun", nnodes: machines, node_rank: content.machine_rank ?? 0 });
    if (content.main_process_ip) {
      options.rdzv_endpoint = `${content.main_process_ip}:${content.main_process_port ?? 29500}`;
    }
  }
  if (content.use_cpu === true) options.device = "cpu";
  const precision = content.mixed_precision;
  if (precision === "bf16" || precision === "fp16") options.dtype = "bfloat16";
  if (precision === "no") options.dtype = "float32";
  if (precision === "fp16") {
    notes.push("fsdp_config: mixed_precision: fp16: bfloat16 is used, which needs no scaling of the loss");
  }
  const type = `${content.distributed_type}`;
  if (type === "FSDP") return mapOf(content.fsdp_config, "fsdp_config");
  if (type === "NO" || type === "MULTI_GPU" || type === "MULTI_CPU") return null;
  throw new RangeError(
    `accelerate's distributed_type has to be FSDP, MULTI_GPU, MULTI_CPU or NO: current value is ${type}` +
      (type === "DEEPSPEED" ? "; name DeepSpeed's file by the key deepspeed" : ""),
  );
}

/** ZeRO's stage of each strategy, in the order of their numbers in FSDP1. */
const STAGES: ReadonlyMap<string, number> = new Map([
  ["full_shard", 3],
  ["shard_grad_op", 2],
  ["no_shard", 0],
  ["hybrid_shard", 3],
  ["hybrid_shard_zero2", 2],
]);

const FSDP_WORDS = [...STAGES.keys(), "offload", "auto_wrap", "true"];

/** SettingsMap of FSDP1 and FSDP2 that change neither numbers nor what rests where. */
const WITHOUT_EFFECT =
  /^(fsdp_)?(version|auto_wrap_policy|transformer_layer_cls_to_wrap|min_num_params|backward_prefetch|forward_prefetch|cpu_ram_efficient_loading|state_dict_type|sync_module_states|use_orig_params|limit_all_gathers)$|^xla|^_/;

/** A strategy by its word, or by its number in FSDP1; undefined: none is written. */
function strategyOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const names = [...STAGES.keys()], word = `${value}`.toLowerCase();
  const found = names[Number(word) - 1] ?? names.find((name) => name === word);
  if (found !== undefined) return found;
  throw new RangeError(
    `the sharding strategy has to be one of ${names.join(", ")}: current value is ${value}`,
  );
}

function isTrue(name: string, value: unknown): boolean {
  const text = `${value ?? false}`.toLowerCase();
  if (text === "true" || text === "false") return text === "true";
  throw new RangeError(`${name} has to be true or false: current value is ${value}`);
}
