/**
 * Keys that work, and do nothing beside the others of a run: told, so that nobody waits for their effect.
 * @module
 */
import { isOtherRule } from "../../../kernels/engine/optimizer/rules.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { keyTable } from "./key_table.ts";

type Key = keyof TrainConfig;

/** Keys, when they do nothing, and why in words. */
const IDLE: readonly [
  keys: readonly Key[],
  isIdle: (c: TrainConfig) => boolean,
  why: (c: TrainConfig) => string,
][] = [
  [["num_train_epochs"], (c) => c.max_steps > 0, (c) => `max_steps: ${c.max_steps} says how long the run is`],
  [
    ["warmup_ratio"],
    (c) => c.warmup_steps > 0,
    (c) => `warmup_steps: ${c.warmup_steps} says how long it warms up`,
  ],
  [
    ["adam_beta1", "adam_beta2", "adam_epsilon"],
    (c) => isOtherRule(c.optim),
    (c) => `optim: ${c.optim} has no moments of AdamW's`,
  ],
  [["eval_steps"], (c) => c.eval_strategy !== "steps", (c) => `eval_strategy is ${c.eval_strategy}`],
  [["save_steps"], (c) => c.save_strategy !== "steps", (c) => `save_strategy is ${c.save_strategy}`],
  [
    ["logging_steps"],
    (c) => c.logging_strategy !== "steps" && c.eval_strategy !== "steps",
    (c) => `logging_strategy is ${c.logging_strategy}`,
  ],
  [
    ["eval_dataset", "eval_on_each_dataset", "compute_accuracy"],
    ({ do_eval, do_predict }) => !do_eval && !do_predict,
    neverEvaluated,
  ],
  [["eval_on_each_dataset"], (c) => c.eval_dataset.length === 0, () => "eval_dataset names no set"],
  [["compute_accuracy"], ({ stage }) => stage !== "sft", stageIs],
  [
    [
      ...["do_sample", "temperature", "top_p", "top_k", "max_new_tokens"] as const,
      "repetition_penalty",
    ],
    (c) => c.stage !== "grpo" && (!c.do_predict || c.stage === "rm"),
    (c) =>
      c.do_predict
        ? "stage rm generates no text"
        : "it is about generating text, which only do_predict and stage grpo do",
  ],
  [
    ["num_beams", "skip_special_tokens"],
    (c) => !c.do_predict || c.stage === "rm",
    (c) =>
      c.do_predict ? "stage rm generates no text" : "it is about generating text, which only do_predict does",
  ],
  [
    ["temperature", "top_p", "top_k"],
    (c) => !c.do_sample && c.stage !== "grpo",
    () => "do_sample: false takes the likeliest tokens",
  ],
  [["tokenized_path"], () => true, () => "encoded data has its own cache (data_cache_dir)"],
  [["buffer_size"], (c) => !c.streaming, () => "the data are not streamed"],
  [
    [
      "lora_rank",
      "lora_alpha",
      "lora_dropout",
      "lora_target",
      "additional_target",
      "use_rslora",
      "use_dora",
      "pissa_init",
    ],
    (c) => c.finetuning_type !== "lora",
    (c) => `finetuning_type: ${c.finetuning_type} has no adapters`,
  ],
  [
    [
      ...["lora_rank", "lora_alpha", "lora_dropout", "lora_target", "use_rslora", "use_dora"] as const,
      ...["additional_target", "pissa_init", "use_llama_pro"] as const,
    ],
    (c) => c.adapter_name_or_path.length > 0 && !c.create_new_adapter,
    () => "the adapter of adapter_name_or_path has its own",
  ],
  [
    ["freeze_trainable_layers", "freeze_trainable_modules", "freeze_extra_modules"],
    (c) => c.finetuning_type !== "freeze" && !c.use_llama_pro,
    tuningIs,
  ],
  [
    ["freeze_trainable_modules", "freeze_extra_modules"],
    (c) => c.finetuning_type !== "freeze",
    tuningIs,
  ],
  [["pissa_iter", "pissa_convert"], (c) => !c.pissa_init, () => "pissa_init is false"],
  [
    ["create_new_adapter"],
    (c) => c.adapter_name_or_path.length === 0,
    () => "adapter_name_or_path names no adapter, and without one a new adapter is made anyway",
  ],
  [
    ["ref_model", "ref_model_adapters", "ref_model_quantization_bit"],
    isWithoutReference,
    whyWithoutReference,
  ],
  [
    ["truncation"],
    ({ stage }) => stage === "grpo",
    () => "prompts longer than cutoff_len are left out: answers would be judged by what is cut off, too",
  ],
  [["ref_model_quantization_bit"], (c) => c.ref_model === null, () => "ref_model names no model"],
  [["pref_beta", "pref_ftx"], ({ stage }) => ["pt", "sft", "rm"].includes(stage), stageIs],
  [
    [
      ...["reward_funcs", "reward_weights", "reward_options", "num_generations", "num_iterations"] as const,
      ...[
        "epsilon",
        "epsilon_high",
        "scale_rewards",
        "mask_truncated_completions",
        "log_completions",
      ] as const,
    ],
    ({ stage }) => stage !== "grpo",
    stageIs,
  ],
  [
    ["pref_bco_weight"],
    (c) => c.stage !== "dpo" || isWithoutReference(c),
    (c) => c.stage === "dpo" ? whyWithoutReference(c) : stageIs(c),
  ],
  [["pref_loss"], ({ stage }) => stage !== "dpo" && stage !== "iopo", stageIs],
  [["eaft_alpha"], (c) => !c.use_eaft_loss, () => "use_eaft_loss is false"],
  [["asft_alpha"], (c) => !c.use_asft_loss, () => "use_asft_loss is false"],
  [["kto_chosen_weight", "kto_rejected_weight"], ({ stage }) => stage !== "kto", stageIs],
  [
    ["simpo_gamma"],
    (c) => c.stage !== "dpo" || c.pref_loss !== "simpo",
    () => "only pref_loss: simpo has a margin",
  ],
  [
    [
      ...["pref_beta", "pref_ftx", "pref_bco_weight", "pref_loss"] as const,
      ...["kto_chosen_weight", "kto_rejected_weight"] as const,
      ...["simpo_gamma", "dpo_label_smoothing", "iopo_label_smoothing", "iopo_variant"] as const,
      ...["grpo_beta", "epsilon", "epsilon_high", "grpo_loss_type"] as const,
    ],
    (c) => c.loss !== null,
    (c) => `loss: ${c.loss} has its own options (loss_options)`,
  ],
];

/** True if a run's loss is known to have no reference; of a loss plugin that `loss` names only the loss itself knows. */
export function isWithoutReference({ stage, loss, pref_loss, grpo_beta }: TrainConfig): boolean {
  if (loss !== null) return false;
  if (stage === "grpo") return grpo_beta === 0;
  return ["pt", "sft", "rm"].includes(stage) || (stage === "dpo" && ["orpo", "simpo"].includes(pref_loss));
}

function whyWithoutReference(c: TrainConfig): string {
  return c.stage === "dpo" ? `pref_loss: ${c.pref_loss} has no reference` : stageIs(c);
}

function neverEvaluated({ eval_strategy }: TrainConfig): string {
  return `eval_strategy is ${eval_strategy} and do_eval isn't true`;
}

function tuningIs({ finetuning_type }: TrainConfig): string {
  return `finetuning_type is ${finetuning_type}`;
}

function stageIs({ stage }: TrainConfig): string {
  return `stage is ${stage}`;
}

/**
 * One note a reason; keys that have their default aren't worth one.
 * @param given Values as they were written
 */
export function idleNotes(config: TrainConfig, given: ReadonlyMap<string, unknown>): string[] {
  const told = new Set<Key>();
  const notes = IDLE.flatMap(([keys, isIdle, why]) => {
    const idle = isIdle(config) ? keys.filter((key) => !told.has(key) && isChosen(key, config, given)) : [];
    for (const key of idle) told.add(key);
    return idle.length === 0 ? [] : [`${idle.join(", ")}: not used, as ${why(config)}`];
  });
  if (config.val_size > 0 && !config.do_eval && !config.do_predict) {
    notes.push(
      `val_size: ${config.val_size} only keeps rows from training, as ${neverEvaluated(config)}`,
    );
  }
  if (config.neat_packing && given.get("packing") === false) {
    notes.push("packing: false is not used, as neat_packing: true packs, as in LLaMA-Factory");
  }
  return notes;
}

/** True if a key was written with another value than its default. */
function isChosen(key: Key, config: TrainConfig, given: ReadonlyMap<string, unknown>): boolean {
  const spec = keyTable().get(key);
  if (!given.has(key) || (given.get(key) ?? null) === null || spec?.state !== "works") return false;
  const fallback = key === "lora_alpha"
    ? 2 * config.lora_rank
    : key === "eval_steps"
    ? config.logging_steps
    : spec.default;
  return JSON.stringify(config[key]) !== JSON.stringify(fallback);
}
