/**
 * Settings of a run as its model card lists them.
 * @module
 */
import { describedRule, isOtherRule } from "../../../../kernels/engine/optimizer/rules.ts";
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import { keyTable } from "../../config/key_table.ts";

/** Keys that say where others work. */
type Where = Pick<
  TrainConfig,
  | "stage"
  | "loss"
  | "pref_loss"
  | "finetuning_type"
  | "adapter_name_or_path"
  | "create_new_adapter"
  | "use_eaft_loss"
  | "use_asft_loss"
>;

/** Keys that change what is learnt and are shown where they differ from their default, which most runs leave them; by where they work. */
const DEPARTURES = [
  {
    works: () => true,
    keys: [
      ...["max_grad_norm", "lr_scheduler_kwargs", "neftune_noise_alpha", "label_smoothing_factor"] as const,
      ...["train_on_prompt", "mask_history", "neat_packing", "quantization_bit", "rope_scaling"] as const,
      ...["mix_strategy", "interleave_probs", "disable_shuffling"] as const,
      ...["add_tokens", "add_special_tokens", "init_special_tokens", "resize_vocab"] as const,
    ],
  },
  // prompts whose answers are drawn are never cut
  { works: ({ stage }) => stage !== "grpo", keys: ["truncation"] as const },
  {
    works: ({ stage }) => stage === "grpo",
    keys: [
      ...["reward_weights", "reward_options", "scale_rewards"] as const,
      ...["mask_truncated_completions", "repetition_penalty"] as const,
    ],
  },
  {
    works: ({ stage, loss }) => stage === "grpo" && loss === null,
    keys: ["grpo_loss_type", "grpo_beta", "epsilon", "epsilon_high"] as const,
  },
  {
    // a loss plugin has options of its own
    works: ({ loss }) => loss === null,
    keys: [
      ...[
        "use_dft_loss",
        "use_eaft_loss",
        "use_asft_loss",
        "ld_alpha",
        "dpo_label_smoothing",
        "iopo_label_smoothing",
        "iopo_variant",
      ] as const,
      ...["llamafactory_version"] as const,
    ],
  },
  { works: ({ loss, use_eaft_loss }) => loss === null && use_eaft_loss, keys: ["eaft_alpha"] as const },
  { works: ({ loss, use_asft_loss }) => loss === null && use_asft_loss, keys: ["asft_alpha"] as const },
  { works: ({ stage }) => stage !== "pt" && stage !== "sft", keys: ["step_mean"] as const },
  { works: ({ stage }) => stage !== "pt", keys: ["packing"] as const },
  {
    works: ({ stage, loss }) => stage === "kto" && loss === null,
    keys: ["kto_chosen_weight", "kto_rejected_weight"] as const,
  },
  {
    works: ({ stage, loss, pref_loss }) => stage === "dpo" && loss === null && pref_loss === "simpo",
    keys: ["simpo_gamma"] as const,
  },
  {
    works: (of) => of.finetuning_type === "lora" && !isContinued(of),
    keys: ["use_rslora", "use_dora", "pissa_init"] as const,
  },
  { works: ({ finetuning_type }) => finetuning_type === "lora", keys: ["loraplus_lr_ratio"] as const },
] satisfies { works(of: Where): boolean; keys: unknown }[];

/** True if an adapter is trained on, which has its own settings. */
function isContinued({ adapter_name_or_path, create_new_adapter }: Where): boolean {
  return adapter_name_or_path.length > 0 && !create_new_adapter;
}

/** Keys of stage grpo that every card of it shows. */
const DRAWING = [
  "reward_funcs",
  "num_generations",
  "max_new_tokens",
  "temperature",
  "top_p",
  "top_k",
] as const;

/** Keys of a configuration that a model card shows. */
export type ModelCardKeys = Pick<
  TrainConfig,
  | "stage"
  | "finetuning_type"
  | "dataset"
  | "eval_dataset"
  | "eval_on_each_dataset"
  | "template"
  | "train_from_scratch"
  | "cutoff_len"
  | "seed"
  | "per_device_train_batch_size"
  | "per_device_eval_batch_size"
  | "gradient_accumulation_steps"
  | "learning_rate"
  | "optim"
  | "adam_beta1"
  | "adam_beta2"
  | "adam_epsilon"
  | "weight_decay"
  | "lr_scheduler_type"
  | "warmup_steps"
  | "warmup_ratio"
  | "max_steps"
  | "num_train_epochs"
  | "freeze_trainable_layers"
  | "freeze_trainable_modules"
  | "freeze_extra_modules"
  | "use_llama_pro"
  | "lora_rank"
  | "lora_alpha"
  | "lora_dropout"
  | "lora_target"
  | "adapter_name_or_path"
  | "create_new_adapter"
  | "loss"
  | "loss_options"
  | "pref_beta"
  | "pref_loss"
  | "pref_ftx"
  | "pref_bco_weight"
  | typeof DRAWING[number]
  | "ref_model"
  | "ref_model_adapters"
  | "ref_model_quantization_bit"
  | typeof DEPARTURES[number]["keys"][number]
>;

/** A run, and what it saved. */
export interface SavedRun {
  /** Of the run. */
  config: ModelCardKeys;
  /** Fields of the adapter_config.json that is saved; null: none is. */
  adapter: Readonly<Record<string, unknown>> | null;
  /** Optimizer steps done. */
  totalSteps: number;
}

/** Settings by name: those that every run has, and what is otherwise than its default. */
export function hyperparameters(
  { config, totalSteps, adapter }: SavedRun,
): Record<string, string | number | null> {
  const preference = ["dpo", "iopo", "kto"].includes(config.stage);
  const batch = config.per_device_train_batch_size;
  return {
    learning_rate: config.learning_rate,
    train_batch_size: batch,
    eval_batch_size: config.per_device_eval_batch_size,
    seed: config.seed,
    gradient_accumulation_steps: config.gradient_accumulation_steps,
    total_train_batch_size: batch * config.gradient_accumulation_steps,
    optimizer: optimizerText(config),
    lr_scheduler_type: config.lr_scheduler_type,
    ...(config.warmup_steps > 0
      ? { lr_scheduler_warmup_steps: config.warmup_steps }
      : config.warmup_ratio > 0 && { lr_scheduler_warmup_ratio: config.warmup_ratio }),
    ...(config.max_steps <= 0 && { num_epochs: config.num_train_epochs }),
    training_steps: totalSteps,
    ...departures(config),
    cutoff_len: config.cutoff_len,
    ...(config.template !== null && { template: config.template }),
    ...(config.finetuning_type === "lora" && adapterSettings(config, adapter)),
    ...(config.finetuning_type === "freeze" && {
      freeze_trainable_layers: config.freeze_trainable_layers,
      freeze_trainable_modules: config.freeze_trainable_modules.join(","),
      ...(config.freeze_extra_modules.length > 0 &&
        { freeze_extra_modules: config.freeze_extra_modules.join(",") }),
      ...(config.use_llama_pro && { use_llama_pro: "true" }),
    }),
    ...(preference && config.loss === null &&
      {
        pref_beta: config.pref_beta,
        ...(config.stage !== "kto" && { pref_loss: config.pref_loss }),
        pref_ftx: config.pref_ftx,
        ...(config.pref_bco_weight > 0 && { pref_bco_weight: config.pref_bco_weight }),
      }),
    ...(config.stage === "grpo" &&
      Object.fromEntries(DRAWING.map((key) => [key, [config[key]].flat().join(",")]))),
    ...(config.ref_model !== null && {
      ref_model: config.ref_model,
      ...(config.ref_model_adapters.length > 0 &&
        { ref_model_adapters: config.ref_model_adapters.join(",") }),
      ...(config.ref_model_quantization_bit !== null &&
        { ref_model_quantization_bit: config.ref_model_quantization_bit }),
    }),
    ...(config.loss !== null && {
      loss: config.loss,
      ...(Object.keys(config.loss_options).length > 0 && { loss_options: asText(config.loss_options) }),
    }),
  };
}

function optimizerText(
  { optim, adam_beta1, adam_beta2, adam_epsilon, weight_decay }: ModelCardKeys,
): string {
  const own = !isOtherRule(optim)
    ? `betas=(${adam_beta1},${adam_beta2}), epsilon=${adam_epsilon} and `
    : optim === "adafactor"
    ? "scale_parameter=False, relative_step=False and "
    : "";
  return `${describedRule(optim).name} with ${own}weight_decay=${weight_decay}`;
}

/** Settings of the adapter: those of the run, or its own where it was trained on. */
function adapterSettings(
  config: ModelCardKeys,
  adapter: SavedRun["adapter"],
): Record<string, string | number> {
  const whole = wholeModules(adapter),
    additional = whole.length > 0 && { additional_target: whole.join(",") };
  if (adapter === null || !isContinued(config)) {
    return {
      lora_rank: config.lora_rank,
      lora_alpha: config.lora_alpha,
      lora_dropout: config.lora_dropout,
      lora_target: config.lora_target.join(","),
      ...additional,
      // only the expanded blocks are adapted
      ...(config.use_llama_pro && {
        use_llama_pro: "true",
        freeze_trainable_layers: config.freeze_trainable_layers,
      }),
    };
  }
  return {
    lora_rank: asText(adapter.r),
    lora_alpha: asText(adapter.lora_alpha),
    lora_dropout: asText(adapter.lora_dropout ?? 0),
    lora_target: [adapter.target_modules].flat().join(","),
    ...additional,
    ...(adapter.use_rslora === true && { use_rslora: "true" }),
    ...(adapter.use_dora === true && { use_dora: "true" }),
  };
}

/** Modules that an adapter has whole, PEFT's `modules_to_save`. */
export function wholeModules(adapter: SavedRun["adapter"]): string[] {
  return [adapter?.modules_to_save ?? []].flat().map(String);
}

/** Values of {@linkcode DEPARTURES} that aren't the default. */
function departures(config: ModelCardKeys): Record<string, string> {
  const chosen = DEPARTURES.filter(({ works }) => works(config)).flatMap(({ keys }) => [...keys])
    .map((key): [string, string] => [key, asText(config[key])])
    .filter(([key, value]) => {
      const spec = keyTable().get(key);
      return spec?.state === "works" && ![asText(spec.default), NOTHING].includes(value);
    });
  return Object.fromEntries(chosen);
}

/** What a key holds that may be left out. */
const NOTHING = "";

function asText(value: unknown): string {
  const none = value === null || value === false || JSON.stringify(value) === "{}";
  return none ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
}
