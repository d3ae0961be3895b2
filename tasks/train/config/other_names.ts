/**
 * Keys of older versions of LLaMA-Factory, of axolotl (0.19), TRL (0.24 and 1.16) and Unsloth (2026.10), for the hint of an
 * unknown key: under another name here, or not there at all.
 * @module
 */

/** Keys that have another name here and take the same values. */
const RENAMED: Readonly<Record<string, string>> = {
  // older versions of LLaMA-Factory and transformers, and the IOPO authors' code
  evaluation_strategy: "eval_strategy",
  iopo_beta: "pref_beta",
  dpo_beta: "pref_beta",
  dpo_loss: "pref_loss",
  dpo_ftx: "pref_ftx",
  orpo_beta: "pref_beta",
  kto_beta: "pref_beta",
  kto_ftx: "pref_ftx",
  sft_packing: "packing",
  prompt_template: "template",
  checkpoint_dir: "adapter_name_or_path",
  cutoff_length: "cutoff_len",
  new_special_tokens: "add_special_tokens",
  max_length_cutoff: "cutoff_len",
  lr: "learning_rate",
  epochs: "num_train_epochs",
  // axolotl
  revision_of_model: "model_revision",
  lora_model_dir: "adapter_name_or_path",
  sequence_len: "cutoff_len",
  micro_batch_size: "per_device_train_batch_size",
  eval_batch_size: "per_device_eval_batch_size",
  num_epochs: "num_train_epochs",
  lr_scheduler: "lr_scheduler_type",
  lora_r: "lora_rank",
  lora_target_modules: "lora_target",
  lora_modules_to_save: "additional_target",
  tokens: "add_tokens",
  peft_use_rslora: "use_rslora",
  peft_use_dora: "use_dora",
  val_set_size: "val_size",
  train_on_inputs: "train_on_prompt",
  sample_packing: "neat_packing",
  dataset_prepared_path: "data_cache_dir",
  dataset_processes: "preprocessing_num_workers",
  default_system_message: "default_system",
  early_stopping_patience: "early_stopping_steps",
  rl_beta: "pref_beta",
  orpo_alpha: "pref_beta",
  rpo_alpha: "pref_ftx",
  kto_desirable_weight: "kto_chosen_weight",
  kto_undesirable_weight: "kto_rejected_weight",
  noisy_embedding_alpha: "neftune_noise_alpha",
  wandb_name: "run_name",
  // TRL
  dataset_streaming: "streaming",
  dataset_num_proc: "preprocessing_num_workers",
  max_seq_length: "cutoff_len",
  truncation_mode: "truncation",
  beta: "pref_beta",
  loss_type: "pref_loss",
  max_completion_length: "max_new_tokens",
  label_smoothing: "dpo_label_smoothing",
  desirable_weight: "kto_chosen_weight",
  undesirable_weight: "kto_rejected_weight",
  // Unsloth
  model_name: "model_name_or_path",
  target_modules: "lora_target",
  modules_to_save: "additional_target",
  r: "lora_rank",
  random_state: "seed",
  name_module_trainable: "freeze_trainable_modules",
  num_layer_trainable: "freeze_trainable_layers",
  token: "hf_hub_token",
  model: "model_name_or_path",
};

const WEIGHTS = "quantization_bit: 4 or 8 keeps frozen weights in so few bits";
const FLOATS = "leave it out: arithmetic is float32, and fp16 says how webgpu keeps frozen weights";
const LENGTHS = "cutoff_len bounds prompt and answer together, cut by their lengths: leave it out";
const CUT =
  "prompts and answers are cut at their ends, by their lengths, to cutoff_len together (truncation: keep_template spares the assistant header, drop " +
  "leaves the row out, and keep_start and keep_end cut the whole sequence as TRL does)";
const UNPADDED = "nothing is padded here: leave it out";
const FIXED_REFERENCE = "the reference stays as it was at the start: leave it out";
const DIVERGENCE = "the reverse KL divergence is the only one: leave it out";
const REFERENCE_ADAPTERS =
  "the reference is the model without the adapter that is trained, or ref_model with ref_model_adapters: leave it out";
const SORTED = "it compares the sorted margins of a batch, which no loss here does: use pref_loss: sigmoid";
const LOGS = "report_to: tensorboard or csv writes files, nothing is sent anywhere: leave it out";
const ORDER = "weights lie as the model's files have them: leave it out";
const NO_TEXTS = "no text is generated while evaluating here: deno task eval does that";
const TOKENS = "a template brings its own special tokens: leave it out, and name the template";
const PROCESSES =
  "processes and how they share the work are trainer: torch's trainer_options (docs/scale.md): leave it out";
const KTRANSFORMERS = "KTransformers is a program of its own: leave it out";
const IMAGES = "models here are text alone: leave it out";
const CHOICES = "it is for LLaMA-Factory's own benchmarks: deno task eval has others";
const BUILT_IN = "leave it out: it makes no difference to the result here";

/** Keys that have no counterpart of the same values: what to write. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  adapter:
    "finetuning_type: lora, freeze or full says what is trained, adapter_name_or_path names an adapter to continue from",
  batch_size:
    "a step takes per_device_train_batch_size times gradient_accumulation_steps examples: set these two",
  reserved_label_len: "truncation says how a sequence longer than cutoff_len is cut",
  max_source_length: LENGTHS,
  cache_path: "encoded data has its own cache, which data_cache_dir places: leave it out",
  dataset_shards: "streaming: true reads a set piece by piece: leave it out",
  lora_bf16_mode: FLOATS,
  padding_side: UNPADDED,
  efficient_eos: "the end of every learnt answer is learnt: leave it out",
  visual_inputs: IMAGES,
  image_resolution: IMAGES,
  video_resolution: IMAGES,
  ray_run_name: PROCESSES,
  ray_storage_path: PROCESSES,
  ray_storage_filesystem: PROCESSES,
  placement_strategy: PROCESSES,
  resources_per_worker: PROCESSES,
  sequence_parallel_size: PROCESSES,
  sequence_parallel_mode: PROCESSES,
  // its Megatron arguments
  tensor_model_parallel_size: PROCESSES,
  pipeline_model_parallel_size: PROCESSES,
  virtual_pipeline_model_parallel_size: PROCESSES,
  expert_model_parallel_size: PROCESSES,
  context_parallel_size: PROCESSES,
  sequence_parallel: PROCESSES,
  use_distributed_optimizer: PROCESSES,
  kt_optimize_rule: KTRANSFORMERS,
  cpu_infer: KTRANSFORMERS,
  chunk_size: KTRANSFORMERS,
  // its eval
  task: CHOICES,
  task_dir: CHOICES,
  n_shot: CHOICES,
  lang: CHOICES,
  save_dir: CHOICES,
  download_mode: CHOICES,
  // axolotl
  chat_template: "template names it; template: auto renders the model's own",
  chat_template_jinja: "template: auto renders the model's own (chat_template.jinja in its folder)",
  datasets: "dataset names sets, which dataset_dir's dataset_info.json describes (docs/datasets.md)",
  test_datasets:
    "eval_dataset names sets, which dataset_dir's dataset_info.json describes (docs/datasets.md)",
  pretraining_dataset: "use stage: pt, and name the set with dataset",
  rl: "use stage: dpo, kto or iopo; pref_loss: ipo, orpo or simpo is set in stage dpo",
  optimizer: "optim is its name: adamw_torch, adafactor, sgd, adagrad or rmsprop",
  lora_target_linear: "use lora_target: all",
  unfrozen_parameters: "use finetuning_type: freeze, which names layers and modules, or full",
  saves_per_epoch: "use save_strategy: steps with save_steps below 1, a share of all steps",
  evals_per_epoch: "use eval_strategy: steps with eval_steps below 1, a share of all steps",
  auto_resume_from_checkpoints: "use resume_from_checkpoint: auto",
  shuffle_merged_datasets: "rows are shuffled unless disable_shuffling: true is set",
  special_tokens: "a template brings its own special tokens, and add_special_tokens names further ones",
  pad_to_sequence_len: UNPADDED,
  lora_fan_in_fan_out: ORDER,
  lora_on_cpu: "the backend decides where adapters lie: leave it out",
  base_model_config: "the configuration is the model's own config.json: leave it out",
  overrides_of_model_config: "the configuration is the model's own config.json: change it there",
  overrides_of_model_kwargs: "the configuration is the model's own config.json: change it there",
  relora_steps: "ReLoRA isn't there: leave it out",
  relora: "ReLoRA isn't there: leave it out",
  cosine_min_lr_ratio:
    'use lr_scheduler_type: cosine_with_min_lr with lr_scheduler_kwargs: {"min_lr_rate": 0.1}',
  roles_to_train:
    'answers are learnt; "train": false on a turn leaves it out, train_on_prompt: true adds prompts',
  train_on_eos: "the end of every learnt answer is learnt: leave it out",
  train_on_eot: "the end of every learnt answer is learnt: leave it out",
  eval_sample_packing: "evaluation rows are never packed: leave it out",
  eval_table_size: NO_TEXTS,
  eval_max_new_tokens: NO_TEXTS,
  gpu_memory_limit: "--dry-run says how much memory the run needs; micro_batch_tokens bounds it",
  total_num_tokens: "max_steps or num_train_epochs say how long it trains: leave it out",
  strict: "unknown keys are always errors: leave it out",
  s2_attention: "LongLoRA's shifted attention isn't there: leave it out",
  flash_attention: BUILT_IN,
  sdp_attention: BUILT_IN,
  xformers_attention: BUILT_IN,
  eager_attention: BUILT_IN,
  dpo_padding_free: BUILT_IN,
  tokenizer_type: "the tokenizer is the model's own: leave it out",
  tokenizer_config: "the tokenizer is the model's own: leave it out",
  type_of_model: "config.json's model_type says it: leave it out",
  model_type: "config.json's model_type says it: leave it out",
  wandb_project: LOGS,
  wandb_entity: LOGS,
  wandb_watch: LOGS,
  wandb_log_model: LOGS,
  wandb_run_id: LOGS,
  use_wandb: LOGS,
  use_mlflow: LOGS,
  // TRL
  dataset_name: "dataset names a set, which dataset_dir's dataset_info.json describes (docs/datasets.md)",
  chat_template_path: "template names it; template: auto renders the model's own",
  truncation_side: CUT,
  attn_implementation: BUILT_IN,
  dataset_text_field: "columns of the set in dataset_info.json say it (docs/datasets.md)",
  dataset_train_split: "split of the set in dataset_info.json says it (docs/datasets.md)",
  dataset_test_split: "eval_dataset names a set of its own, with its split in dataset_info.json",
  completion_only_loss: "that is the default; train_on_prompt: true learns the prompt too",
  assistant_only_loss: "that is the default; mask_history: true learns only the last answer",
  max_prompt_length: LENGTHS,
  max_completion_length: LENGTHS,
  use_peft: "use finetuning_type: lora, freeze or full",
  precompute_ref_log_probs: "they are computed once and kept in any case: leave it out",
  reference_free: "use pref_loss: orpo or simpo, which need no reference model",
  padding_free: UNPADDED,
  packing_strategy: "use packing or neat_packing",
  eval_packing: "evaluation rows are never packed: leave it out",
  cpo_alpha: "use pref_ftx, the weight of an added SFT loss",
  dataset_config: "subset of the set in dataset_info.json says it (docs/datasets.md)",
  dataset_kwargs: "options of the set in dataset_info.json say it (docs/datasets.md)",
  lora_task_type: "models here write text, so it is always CAUSAL_LM: leave it out",
  model_init_kwargs: "each has a key of its own here, or makes no difference: leave it out",
  ref_model_init_kwargs:
    "ref_model names a reference of its own, which else is the model itself, adapters off: leave it out",
  sync_ref_model: FIXED_REFERENCE,
  ref_model_mixup_alpha: FIXED_REFERENCE,
  ref_model_sync_steps: FIXED_REFERENCE,
  model_adapter_name: REFERENCE_ADAPTERS,
  ref_adapter_name: REFERENCE_ADAPTERS,
  force_use_ref_model: REFERENCE_ADAPTERS,
  label_pad_token_id: UNPADDED,
  padding_value: UNPADDED,
  pad_to_multiple_of: UNPADDED,
  use_logits_to_keep: BUILT_IN,
  use_liger_loss: BUILT_IN,
  activation_offloading: BUILT_IN,
  precompute_ref_batch_size: BUILT_IN,
  base_model_attribute_name: BUILT_IN,
  use_weighting: "WPO's weights aren't there: leave it out",
  discopop_tau: "pref_loss has no discopop: leave it out",
  loss_weights:
    "a run has one loss, to which pref_ftx adds an SFT loss: leave it out, or write the sum as a loss plugin and name it with loss",
  generate_during_eval: NO_TEXTS,
  router_aux_loss_coef: "mixture-of-experts models aren't there: leave it out",
  tools: "tools are a column of the set's rows, which dataset_info.json names (docs/datasets.md)",
  eos_token: TOKENS,
  pad_token: TOKENS,
  f_divergence_type: DIVERGENCE,
  f_alpha_divergence_coef: DIVERGENCE,
  max_target_length: LENGTHS,
  bnb_4bit_quant_type: WEIGHTS,
  bnb_4bit_compute_dtype: WEIGHTS,
  use_bnb_nested_quant: WEIGHTS,
  disable_dropout: "lora_dropout is 0 unless it is set, and there is no other dropout",
  dtype: FLOATS,
  torch_dtype: FLOATS,
  // Unsloth, and TRL's and axolotl's names for the same
  load_in_4bit: WEIGHTS,
  load_in_8bit: WEIGHTS,
  load_in_16bit: FLOATS,
  full_finetuning: "use finetuning_type: full",
  use_gradient_checkpointing: "it is on unless disable_gradient_checkpointing: true is set",
  train_on_responses_only: "that is the default; train_on_prompt: true learns the prompt too",
  embedding_learning_rate: "one learning_rate is for all that is trained: leave it out",
  loftq_config: "adapters begin as B = 0: leave it out",
  finetune_language_layers: "models here are text alone: leave it out",
  finetune_vision_layers: "models here are text alone: leave it out",
  finetune_attention_modules: "lora_target names the modules",
  finetune_mlp_modules: "lora_target names the modules",
  bias: "no biases are trained with LoRA: leave it out",
};

/** Values of an otherwise renamed key that mean something else than a value of the key named above; TRL's SFT and KTO trainers'. */
const BY_VALUE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  loss_type: {
    dft: "use stage: sft with use_dft_loss: true",
    nll: "that is the loss of stage: sft: leave it out",
    chunked_nll: "that is the loss of stage: sft: leave it out",
    kto: "use stage: kto, whose loss it is",
    sft: "use stage: sft, or pref_ftx, its weight beside another loss",
    aot: SORTED,
    aot_pair: SORTED,
    aot_unpaired: SORTED,
    discopop: "this loss isn't there: write it as a loss plugin and name it with loss",
    apo_zero_unpaired:
      "this loss isn't there: use stage: kto with its own loss, or write it as a loss plugin",
  },
};

/**
 * The part of the message about an unknown key that says what to write; "" where nothing is known of it.
 * @param value As written, where a value is known
 */
export function otherName(key: string, value?: unknown): string {
  const words = Object.hasOwn(BY_VALUE, key) ? BY_VALUE[key]! : {};
  const said = [value].flat()[0];
  if (typeof said === "string" && Object.hasOwn(words, said)) return `: ${words[said]}`;
  if (Object.hasOwn(RENAMED, key)) return ` - it is called ${RENAMED[key]} here`;
  return Object.hasOwn(ELSEWHERE, key) ? `: ${ELSEWHERE[key]}` : "";
}

/** Every key of which {@linkcode otherName} knows something, with the key that it names where it is only renamed. */
export function otherNames(): ReadonlyMap<string, string | null> {
  return new Map<string, string | null>([
    ...Object.entries(RENAMED),
    ...Object.keys(ELSEWHERE).map((key): [string, null] => [key, null]),
  ]);
}
