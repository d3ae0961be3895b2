/**
 * The configuration of one training run, as every part of it gets it: validated, every default filled in, never changed
 * afterwards. Names are LLaMA-Factory's; the ones of our own stand last. `key_table.ts` says what each key means to a
 * user; only keys that work here are in this type.
 * @module
 */

/** Method of training. `ppo` of LLaMA-Factory is refused. */
export type Stage = "pt" | "sft" | "rm" | "dpo" | "kto" | "iopo" | "grpo";

/** Preference losses of stages dpo and iopo. */
export type PreferenceLoss =
  | "sigmoid"
  | "hinge"
  | "ipo"
  | "robust"
  | "exo_pair"
  | "nca_pair"
  | "bco_pair"
  | "sppo_hard"
  | "apo_zero"
  | "apo_down"
  | "orpo"
  | "simpo";

/** Learning-rate schedules, with transformers' names. */
export type SchedulerType =
  | "linear"
  | "cosine"
  | "cosine_with_restarts"
  | "polynomial"
  | "constant"
  | "constant_with_warmup"
  | "inverse_sqrt"
  | "cosine_with_min_lr"
  | "warmup_stable_decay";

/** Values of `mix_strategy`. `under` stops when the first set is used up, `over` when the last one is, repeating rows. */
export type MixStrategy = "concat" | "interleave_under" | "interleave_over" | "interleave_once";

/** Both terms of IOPO, or one of the ablations of its paper. */
export type IopoVariant =
  | "full"
  | "without_output_preference"
  | "without_input_preference"
  | "first_group_only";

/** A resolved configuration. Lists are empty, other values null, where nothing was asked for. */
export interface TrainConfig {
  // Model
  /** Folder, GGUF file or hub id of the base model. */
  model_name_or_path: string;
  /** The base model's id on the hub (`owner/name`) that an adapter names; null: what the model's files tell, else the path. */
  base_model: string | null;
  /** Adapter folders: all but the last are merged, which is trained on unless `create_new_adapter`. */
  adapter_name_or_path: string[];
  /** Folder for downloads; null: HF_HOME's. */
  cache_dir: string | null;
  /** Branch, tag or commit on the hub. */
  model_revision: string;
  /** Begin from random weights: of the model only config.json and tokenizer are used. */
  train_from_scratch: boolean;
  /** Scaling of rotary positions to `cutoff_len`; null: the model's own. */
  rope_scaling: "linear" | "dynamic" | "yarn" | "llama3" | null;
  /** Token for the hub; never written to any file. */
  hf_hub_token: string | null;
  /** True: text that looks like a special token stays text. */
  split_special_tokens: boolean;
  /** Make the embeddings as large as the tokenizer, in multiples of 64. */
  resize_vocab: boolean;
  /** Tokens that are added to the vocabulary. */
  add_tokens: string[];
  /** Special tokens that are added to the vocabulary. */
  add_special_tokens: string[];
  /** What tokens of `add_special_tokens` mean; null: nothing is known of it. */
  new_special_tokens_config: Readonly<Record<string, string>> | null;
  /** What their rows begin as. */
  init_special_tokens: "noise_init" | "desc_init" | "desc_init_w_noise";
  /** True keeps activations instead of computing them again in the backward pass. */
  disable_gradient_checkpointing: boolean;

  // Data
  /** Name of the chat template, `auto` for the model's own; null only with stage pt. */
  template: string | null;
  /** Names in dataset_info.json. */
  dataset: string[];
  /** Names of evaluation sets; not together with `val_size`. */
  eval_dataset: string[];
  /** Evaluate each of them by itself. */
  eval_on_each_dataset: boolean;
  /** Folder with dataset_info.json. */
  dataset_dir: string;
  /** Largest number of tokens of one sequence, prompt and answer together, > 0. */
  cutoff_len: number;
  /** Prompt tokens get labels too. */
  train_on_prompt: boolean;
  /** Only the last turn gets labels. */
  mask_history: boolean;
  /** Read the data as a stream. */
  streaming: boolean;
  /** Rows in the shuffle buffer of a stream, > 0. */
  buffer_size: number;
  /** Values of `mix_strategy`. `under` stops when the first set is used up, `over` when the last one is, repeating rows. */
  mix_strategy: MixStrategy;
  /** One sampling weight a set, for interleaving. */
  interleave_probs: number[] | null;
  /** Encode again although there is a cached result. */
  overwrite_cache: boolean;
  /** Workers that encode; null: as many as there are processors. */
  preprocessing_num_workers: number | null;
  /** The first so many rows of each set; null: all. */
  max_samples: number | null;
  /** 0: none; above 1: rows; below 1: share of the training rows held out. */
  val_size: number;
  /** Several examples in one sequence of `cutoff_len`, as LLaMA-Factory lays them out. Resolved: true by default in stage pt. */
  packing: boolean;
  /** Packed examples don't see each other. */
  neat_packing: boolean;
  /** Folder in which LLaMA-Factory keeps encoded data; nothing is read or written there. */
  tokenized_path: string | null;
  /** Tool syntax instead of the template's own. */
  tool_format: string | null;
  /** System text instead of the template's own. */
  default_system: string | null;
  /** Reasoning templates: true puts empty thoughts into the answer, false into the prompt, null none. */
  enable_thinking: boolean | null;
  /** Reasoning templates: keep thoughts of earlier turns. */
  preserve_thinking: boolean;

  // Run
  /** Folder for everything that the run writes. */
  output_dir: string;
  /** Write over a folder that is not empty. */
  overwrite_output_dir: boolean;
  /** Train. */
  do_train: boolean;
  /** Answer the evaluation rows, instead of training. */
  do_predict: boolean;
  /** Evaluation rows are prompts to answer and the answers to compare with; needed by `do_predict`. */
  predict_with_generate: boolean;
  /** Evaluate at the end; true by itself when `eval_strategy` isn't `no`. */
  do_eval: boolean;
  /** When to evaluate during training. */
  eval_strategy: "no" | "steps" | "epoch";
  /** Steps between evaluations; below 1 a share of all steps (see {@linkcode absoluteSteps}). Resolved: `logging_steps` by default. */
  eval_steps: number;
  /** Steps (or epochs, by `eval_strategy`) before the first evaluation. */
  eval_delay: number;
  /** Evaluate before the first step. */
  eval_on_start: boolean;
  /** Examples of one micro-batch, > 0. */
  per_device_train_batch_size: number;
  /** Examples of one evaluation batch, > 0. */
  per_device_eval_batch_size: number;
  /** Micro-batches of one optimizer step, > 0. */
  gradient_accumulation_steps: number;
  /** Peak learning rate, >= 0. */
  learning_rate: number;
  /** Decoupled, not on biases and norms. */
  weight_decay: number;
  /** Name of the optimizer; all that begin with adamw are AdamW. */
  optim:
    | `adamw_${"torch" | "torch_fused" | "torch_xla" | "torch_npu_fused" | "apex_fused"}`
    | "adafactor"
    | "sgd"
    | "adagrad"
    | "rmsprop";
  /** Decay of the first moment, in [0, 1). */
  adam_beta1: number;
  /** Decay of the second moment, in [0, 1). */
  adam_beta2: number;
  /** Added to the root of the second moment, > 0. */
  adam_epsilon: number;
  /** ε in [0, 1): the share of a label that is spread over the whole vocabulary; stages sft and pt. */
  label_smoothing_factor: number;
  /** α ≥ 0 of the noise that training passes add to embeddings (NEFTune); null: none. */
  neftune_noise_alpha: number | null;
  /** Limit of the global L2 norm of the gradient; 0: no clipping. */
  max_grad_norm: number;
  /** May be a fraction. */
  num_train_epochs: number;
  /** Optimizer steps; overrides the epochs when > 0. */
  max_steps: number;
  /** Schedule of the learning rate over the steps. */
  lr_scheduler_type: SchedulerType;
  /** Further settings of the schedule, by its own names. */
  lr_scheduler_kwargs: Record<string, number | string>;
  /** Share of the steps that warm up, rounded up. */
  warmup_ratio: number;
  /** Steps from 1 on, a share of all steps below 1; overrides the ratio when > 0. */
  warmup_steps: number;
  /** Folder of TensorBoard files; null: `runs` in the output folder. */
  logging_dir: string | null;
  /** When a log line is written. */
  logging_strategy: "no" | "steps" | "epoch";
  /** Log step 1 too. */
  logging_first_step: boolean;
  /** Steps between log lines; below 1 a share of all steps. */
  logging_steps: number;
  /** When checkpoints are saved; `best`: when the metric got better. */
  save_strategy: "no" | "steps" | "epoch" | "best";
  /** Steps between checkpoints; below 1 a share of all steps. */
  save_steps: number;
  /** Checkpoints kept; null: all. */
  save_total_limit: number | null;
  /** Checkpoints without optimizer state (they can't be resumed from). */
  save_only_model: boolean;
  /** DeepSpeed's file, or what it holds: its equivalents of `trainer: torch` are set. null: none. */
  deepspeed: string | Record<string, unknown> | null;
  /** Words of transformers' `fsdp`, such as full_shard and offload; null: none. */
  fsdp: string[] | null;
  /** Settings of `fsdp`, or their file. */
  fsdp_config: string | Record<string, unknown> | null;
  /** Seconds that a process waits for the others. */
  ddp_timeout: number;
  /** Seed of initial adapters, dropout and row order. */
  seed: number;
  /** Seed of the row order. Resolved: `seed` by default. */
  data_seed: number;
  /** Leave out the last micro-batch of an epoch when it isn't full. */
  dataloader_drop_last: boolean;
  /** No progress bar. */
  disable_tqdm: boolean;
  /** The finished run is the best checkpoint, not the last. */
  load_best_model_at_end: boolean;
  /** Log key such as `eval_loss`; null: no best checkpoint is kept track of. Resolved: `eval_loss` when one is needed. */
  metric_for_best_model: string | null;
  /** Resolved: false for a metric that ends in `loss`. */
  greater_is_better: boolean;
  /** Files for other tools, beside trainer_log.jsonl. */
  report_to: ("tensorboard" | "csv")[];
  /** Bits of the frozen weights of modules; null: as the backend keeps them. */
  quantization_bit: 4 | 8 | null;
  /** Backend webgpu: keep frozen matrices as float16 even where that rounds them; provider cuda: compute with them, too. */
  fp16: boolean;
  /** Provider cuda: keep frozen matrices as bfloat16 and compute with them. Resolved: false where it has no effect. */
  bf16: boolean;
  /** Provider cuda: products of float32 in TF32; null: as NVIDIA's variable says. Resolved: null where it has no effect. */
  tf32: boolean | null;
  /** true: the last checkpoint of `output_dir`; `auto`: the last one if there is one; other text: that checkpoint. */
  resume_from_checkpoint: boolean | string | null;
  /** Name of the run in event files. */
  run_name: string | null;
  /** Write `num_input_tokens_seen` into the log. */
  include_num_input_tokens_seen: boolean;

  // Method
  /** Method of training. */
  stage: Stage;
  /** Adapters, some of the model's own tensors, or all of them. */
  finetuning_type: "lora" | "freeze" | "full";
  /** Last layers that `freeze` trains; negative: first layers. */
  freeze_trainable_layers: number;
  /** Their modules, such as `mlp`; `all`: every tensor of theirs. */
  freeze_trainable_modules: string[];
  /** Modules beside the layers that `freeze` trains, such as `lm_head`. */
  freeze_extra_modules: string[];
  /** `freeze` trains the last layer of each of `freeze_trainable_layers` shares, which block expansion added. */
  use_llama_pro: boolean;
  /** Rank of the adapters, > 0. */
  lora_rank: number;
  /** Resolved: twice the rank by default. */
  lora_alpha: number;
  /** Probability of dropping an input of A, in [0, 1). */
  lora_dropout: number;
  /** Module names; `["all"]`: every linear layer but the output head. */
  lora_target: string[];
  /** Endings of names of modules that are trained and saved as a whole beside the adapters; [] also stands for both embeddings of a changed vocabulary. */
  additional_target: string[];
  /** Scale by alpha over the square root of the rank. */
  use_rslora: boolean;
  /** Train lengths of the merged weights' rows, too (DoRA). */
  use_dora: boolean;
  /** Begin from the leading singular parts of the weights (PiSSA). */
  pissa_init: boolean;
  /** Subspace iterations for them; −1: in full. */
  pissa_iter: number;
  /** Save a LoRA upon the model itself, of twice the rank. */
  pissa_convert: boolean;
  /** Merge every adapter of `adapter_name_or_path`, and train a new one upon that. */
  create_new_adapter: boolean;
  /** LoRA+: learning rate of B over that of A; null: the same. */
  loraplus_lr_ratio: number | null;
  /** Folder, GGUF file or hub id of the model whose log-probabilities are the reference; null: the policy as it begins. */
  ref_model: string | null;
  /** Adapters of `ref_model`, merged into it in turn. */
  ref_model_adapters: string[];
  /** Bits of the weights of `ref_model`; null: as its files have them. */
  ref_model_quantization_bit: 4 | 8 | null;
  /** β of the preference loss, > 0. */
  pref_beta: number;
  /** Weight of an added SFT loss on the chosen answer's mean log-probability. */
  pref_ftx: number;
  /** Weight of BCO's loss, >= 0. */
  pref_bco_weight: number;
  /** Preference loss of stages dpo and iopo. */
  pref_loss: PreferenceLoss;
  /** ε of stage dpo, in [0, 0.5). */
  dpo_label_smoothing: number;
  /** ε of stage iopo, in [0, 0.5). */
  iopo_label_smoothing: number;
  /** α of stage dpo's length desensitising, in [0, 1]; null: none. */
  ld_alpha: number | null;
  /** Stage sft: weigh each token's loss by its probability. */
  use_dft_loss: boolean;
  /** Stage sft: weigh each token's loss by the entropy of its 20 likeliest tokens. */
  use_eaft_loss: boolean;
  /** Exponent of that weight, >= 0. */
  eaft_alpha: number;
  /** Stage sft: `use_dft_loss`, and a divergence from the model before training. */
  use_asft_loss: boolean;
  /** Weight of that divergence, >= 0. */
  asft_alpha: number;
  /** Weight of desirable rows. */
  kto_chosen_weight: number;
  /** Weight of undesirable rows. */
  kto_rejected_weight: number;
  /** Target margin of SimPO. */
  simpo_gamma: number;
  /** Keep the order of the training rows. */
  disable_shuffling: boolean;
  /** Evaluations without a gain before stopping; null: never. */
  early_stopping_steps: number | null;
  /** Stage sft: evaluations give `eval_accuracy`. */
  compute_accuracy: boolean;
  /** Write pictures of the loss curves. */
  plot_loss: boolean;

  // Generating
  /** Predictions draw their tokens; false: the likeliest one. */
  do_sample: boolean;
  /** Of sampling, >= 0; 0: the likeliest token. */
  temperature: number;
  /** Only the likeliest tokens whose probabilities together reach this, in (0, 1]. */
  top_p: number;
  /** Only the likeliest so many tokens; 0: all. */
  top_k: number;
  /** Beams of a search; 1: none. */
  num_beams: number;
  /** Tokens of an answer at most. */
  max_new_tokens: number;
  /** Divides (or multiplies) the logits of tokens that are there already, > 0; 1: none. */
  repetition_penalty: number;
  /** Special tokens are left out of texts that are written. */
  skip_special_tokens: boolean;

  // Stage grpo
  /** Judges that reward answers: `JUDGE` by the share of constraints kept, `JUDGE:overall` by the whole. */
  reward_funcs: string[];
  /** Weight of each; null: 1. */
  reward_weights: number[] | null;
  /** Options of these judges by their names. */
  reward_options: Record<string, unknown>;
  /** Answers of a group, ≥ 2. */
  num_generations: number;
  /** Times that an answer is learnt from; 1. */
  num_iterations: number;
  /** Weight of the divergence from the model without the adapter, ≥ 0. */
  grpo_beta: number;
  /** How far below 1 a ratio of probabilities still teaches, ≥ 0. */
  epsilon: number;
  /** How far above 1; null: as far as `epsilon`. */
  epsilon_high: number | null;
  /** How tokens' losses are summed up. */
  grpo_loss_type: "grpo" | "dr_grpo" | "bnpo" | "dapo";
  /** What scales advantages. */
  scale_rewards: "group" | "batch" | "none";
  /** Answers that were cut aren't learnt from. */
  mask_truncated_completions: boolean;
  /** Write answers of logged steps. */
  log_completions: boolean;

  // Our own
  /** Terms of IOPO that are used. */
  iopo_variant: IopoVariant;
  /** Name of a loss plugin instead of the one that `stage` and `pref_loss` name; null: theirs. */
  loss: string | null;
  /** Options of `loss`. */
  loss_options: Record<string, unknown>;
  /** Options of `template` that have no key of their own. */
  template_options: Record<string, unknown>;
  /** Name of the trainer plugin. */
  trainer: string;
  /** Options of `trainer`. */
  trainer_options: Record<string, unknown>;
  /** Absolute paths or `npm:` specifiers of modules whose default export is a plugin or a list of them. */
  plugins: string[];
  /** `llama_factory`: cut the prompt at its end; `keep_template`: never cut the assistant header; `drop`: leave the row out. */
  truncation: "llama_factory" | "keep_template" | "keep_start" | "keep_end" | "drop";
  /** Backend that runs the kernels. `auto`: webgpu where a hardware adapter passes its self-test, else onnx. */
  backend: "auto" | "onnx" | "webgpu" | "reference";
  /** Execution provider of the onnx backend. */
  provider: "cpu" | "cuda" | "webgpu";
  /** Place of tensors between programs with provider cuda. */
  cuda_tensors: "host" | "device";
  /** Threads of one product; null: as many as there are processors. */
  threads: number | null;
  /** Most tokens that go through the model at once; null: 1,024, on a GPU what it holds. Doesn't change what is learnt. */
  micro_batch_tokens: number | null;
  /**
   * Preference stages: the loss of a step is the mean of its micro-batches' means, as in transformers, or of its examples.
   * They differ only where a micro-batch isn't full.
   */
  step_mean: "micro_batches" | "examples";
  /** Folder of encoded data; null: `.cache/dinotune` in the home folder (or XDG_CACHE_HOME). */
  data_cache_dir: string | null;
  /** Repeat what that version of LLaMA-Factory really did where it differs; null: what the keys say. */
  llamafactory_version: "0.9.5" | null;
  /** Go on although data or configuration changed since the checkpoint or run.yaml was written. */
  allow_changes: boolean;
}

/**
 * Steps that a value means which is a share of all steps when below 1 (logging_steps, eval_steps, save_steps).
 * @throws {RangeError} If it isn't positive
 */
export function absoluteSteps(value: number, totalSteps: number): number {
  if (!(value > 0)) {
    throw new RangeError(`Cannot count steps as a positive number is needed: current value is ${value}`);
  }
  return value < 1 ? Math.ceil(totalSteps * value) : Math.round(value);
}

/** A key whose value differs between two configurations. */
export interface ConfigDifference {
  /** Name of the key, as in the YAML. */
  key: string;
  /** Value in the first configuration. */
  before: unknown;
  /** Value in the second. */
  after: unknown;
}
