/**
 * Checks between keys: LLaMA-Factory's own, transformers', and ours.
 * @module
 */
import type { Fault } from "./fault.ts";
import { idleNotes } from "./idle_keys.ts";
import { providerFault } from "../../../kernels/engine/provider_fault.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { probabilityFault } from "../data/mix.ts";
import { scheduleOptions } from "../../../plugins/trainers/local/schedules.ts";

/** True if this project's own trainer runs on ONNX Runtime's CUDA provider. */
export function onCuda(
  { trainer, backend, provider }: Pick<TrainConfig, "trainer" | "backend" | "provider">,
): boolean {
  return trainer !== "torch" && provider === "cuda" && (backend === "onnx" || backend === "auto");
}

/** True if ONNX Runtime runs all blocks as one program (kernels/engine/body_stack.ts). */
export function isOneProgram(
  { backend, provider, cuda_tensors }: Pick<TrainConfig, "backend" | "provider" | "cuda_tensors">,
): boolean {
  const gpu = provider !== "cpu" && (backend === "onnx" || backend === "auto");
  return gpu && !(provider === "cuda" && cuda_tensors === "device");
}

/**
 * Checks a configuration whose values fit their types.
 * @param config Defaults filled in
 * @param given Values as they were written
 * @returns Faults (the run must not start) and notes (to say once)
 */
export function checkConfig(
  config: TrainConfig,
  given: ReadonlyMap<string, unknown>,
): { faults: Fault[]; notes: string[] } {
  const faults: Fault[] = [];
  const notes: string[] = [];
  const refuse = (when: boolean, key: keyof TrainConfig | "use_cpu" | "no_cuda", message: string) => {
    if (when) faults.push({ key, message });
  };
  checkData(config, refuse);
  checkRun(config, refuse);
  checkMethod(config, refuse);
  for (const key of ["use_cpu", "no_cuda"] as const) {
    const elsewhere = config.backend === "webgpu" ||
      (config.backend !== "reference" && config.provider !== "cpu");
    refuse(
      given.get(key) === true && elsewhere,
      key,
      `Cannot use ${key}: true with backend: ${config.backend} and provider: ${config.provider}: remove one of them`,
    );
  }
  const providers = config.trainer === "local" ? providerFault(config) : null;
  refuse(providers !== null, "provider", providers ?? "");
  if (config.quantization_bit !== null) {
    const key = "quantization_bit", used = `Cannot use quantization_bit: ${config.quantization_bit} with`;
    const elsewhere = config.backend === "webgpu" ||
      (config.backend !== "reference" && config.provider !== "cpu");
    refuse(
      config.finetuning_type === "full",
      key,
      `${used} finetuning_type: full: weights that are trained are float32; use finetuning_type: lora, or leave it out`,
    );
    refuse(
      config.trainer !== "local",
      key,
      `${used} trainer: ${config.trainer}: it is the local trainer's; torch has quantization: 4bit among its trainer_options`,
    );
    refuse(
      config.trainer === "local" && elsewhere,
      key,
      `${used} backend: ${config.backend} and provider: ${config.provider}: it needs backend: onnx and provider: cpu`,
    );
  }
  if (config.packing && config.stage !== "pt" && config.stage !== "sft") {
    notes.push(
      `packing: not used in stage ${config.stage}, there as in LLaMA-Factory; nothing is ever padded here`,
    );
  }
  if (config.packing && !config.neat_packing && config.stage === "sft") {
    notes.push(
      "packing: examples that share a row don't see each other here, as with neat_packing: true; in LLaMA-Factory an " +
        "example attends to those before it in its row, which teaches answers to unrelated texts",
    );
  }
  const torch = config.trainer === "torch";
  for (const key of ["backend", "provider"]) {
    if (!torch || !given.has(key)) continue;
    notes.push(`${key}: not used with trainer: torch, where PyTorch takes its GPUs, or the CPU without one`);
  }
  const cuda = onCuda(config);
  refuse(
    cuda && config.fp16 && config.bf16,
    "fp16",
    "Cannot use fp16: true with bf16: true: frozen matrices have one form; remove one of them",
  );
  for (const key of ["bf16", "tf32"] as const) {
    if (!config[key] || cuda || (torch && key === "bf16")) continue;
    notes.push(`${key}: not used, as float32 is used throughout, which this number type only approximates`);
  }
  if (cuda && config.bf16 && config.finetuning_type === "full") {
    notes.push("bf16: not used with finetuning_type: full, as weights that are trained are float32");
  }
  if (config.cuda_tensors !== "host" && !cuda) {
    notes.push("cuda_tensors: not used, as it is of provider: cuda alone");
  }
  if (torch && config.fp16) {
    notes.push("fp16: not used with trainer: torch, which computes in the dtype of its trainer_options");
  } else if (config.fp16 && config.finetuning_type === "full") {
    notes.push("fp16: not used with finetuning_type: full, as weights that are trained are float32");
  } else if (config.fp16 && config.backend !== "webgpu" && !cuda) {
    notes.push(
      "fp16: only backend webgpu and provider cuda keep weights as float16; float32 is used on any other",
    );
  }
  if (
    !torch && config.disable_gradient_checkpointing && isOneProgram(config)
  ) {
    notes.push(
      `disable_gradient_checkpointing: without effect with provider: ${config.provider}, where a pass is one program ` +
        `that keeps what it needs itself (docs/cuda.md)${
          cuda ? "; cuda_tensors: device gives it its meaning" : ""
        }`,
    );
  }
  if (config.lr_scheduler_type === "inverse_sqrt" && "timescale" in config.lr_scheduler_kwargs) {
    notes.push(
      "lr_scheduler_kwargs timescale: not used, as in transformers; the warm-up steps (10000 without warm-up) are the timescale",
    );
  }
  if (config.resume_from_checkpoint && config.overwrite_output_dir) {
    notes.push(
      "overwrite_output_dir: not used, as resume_from_checkpoint continues with what is in output_dir",
    );
  }
  if (
    config.stage === "dpo" && config.llamafactory_version === null &&
    ["hinge", "ipo"].includes(config.pref_loss)
  ) {
    notes.push(
      `pref_loss: ${config.pref_loss} is what its paper says; LLaMA-Factory 0.9.5 trains the sigmoid under that name ` +
        "(llamafactory_version: 0.9.5 repeats it)",
    );
  }
  if (config.learning_rate === 0) {
    notes.push("learning_rate: 0 changes no weight: the run computes and saves, and learns nothing");
  }
  notes.push(...idleNotes(config, given));
  if (!given.has("split_special_tokens")) {
    notes.push(
      "split_special_tokens: true here by default, so text in the data that looks like a special token stays text " +
        "(LLaMA-Factory's default makes it that token)",
    );
  }
  return { faults, notes };
}

type Refuse = (when: boolean, key: keyof TrainConfig, message: string) => void;

function checkData(c: TrainConfig, refuse: Refuse): void {
  const sets = c.dataset.length;
  const evaluates = c.eval_dataset.length > 0 || c.val_size > 0;
  refuse(
    !c.do_train,
    "do_train",
    "Cannot run as do_train isn't true: set do_train: true (a finished model is judged by deno task eval)",
  );
  refuse(
    c.do_train && sets === 0,
    "dataset",
    "Cannot train as dataset is needed: name sets of dataset_info.json",
  );
  refuse(
    c.template === null && c.stage !== "pt",
    "template",
    "Cannot train as template is needed: name one (deno task plugins lists them), or auto for the model's own",
  );
  refuse(
    c.do_eval && !evaluates,
    c.eval_strategy !== "no" ? "eval_strategy" : "do_eval",
    "Cannot evaluate as there is no evaluation data: give eval_dataset or val_size",
  );
  refuse(
    c.eval_dataset.length > 0 && c.val_size > 0,
    "val_size",
    `Cannot use val_size: ${c.val_size} with eval_dataset as evaluation data would come from both: remove one of them`,
  );
  refuse(
    c.val_size > 0 && sets === 0,
    "val_size",
    "Cannot use val_size without dataset as there is nothing to hold out from",
  );
  refuse(
    c.val_size > 1 && !Number.isInteger(c.val_size),
    "val_size",
    `Cannot hold out ${c.val_size} rows as a whole number is needed from 1 on, or a share below 1`,
  );
  const s = c.streaming;
  refuse(
    s && c.max_steps <= 0,
    "streaming",
    "Cannot stream without max_steps as the number of rows isn't known: set max_steps",
  );
  refuse(
    s && c.max_samples !== null,
    "max_samples",
    "Cannot use max_samples with streaming: remove one of them",
  );
  refuse(
    s && c.val_size > 0 && c.val_size < 1,
    "val_size",
    "Cannot hold out a share of a stream as its length isn't known: give a number of rows",
  );
  refuse(
    s && sets > 1 && c.mix_strategy !== "concat",
    "mix_strategy",
    `Cannot stream ${sets} sets with mix_strategy: ${c.mix_strategy}: use concat, or leave streaming out`,
  );
  const sft = c.stage === "sft";
  refuse(
    c.train_on_prompt && !sft,
    "train_on_prompt",
    `Cannot use train_on_prompt in stage ${c.stage}: it is for sft`,
  );
  refuse(
    c.mask_history && !sft,
    "mask_history",
    `Cannot use mask_history in stage ${c.stage}: it is for sft`,
  );
  refuse(
    c.neat_packing && !sft,
    "neat_packing",
    `Cannot use neat_packing in stage ${c.stage}: it is for sft`,
  );
  refuse(
    c.train_on_prompt && c.mask_history,
    "mask_history",
    "Cannot use mask_history with train_on_prompt: remove one of them",
  );
  const probs = c.interleave_probs;
  refuse(
    probs !== null && c.mix_strategy === "concat",
    "interleave_probs",
    "Cannot use interleave_probs with mix_strategy: concat: set mix_strategy: interleave_under or another",
  );
  refuse(
    probs !== null && c.mix_strategy !== "concat" && probs.length !== sets,
    "interleave_probs",
    `Cannot mix ${sets} sets with ${probs?.length} interleave_probs: give one a set`,
  );
  const fault = probs === null ? null : probabilityFault(probs);
  refuse(fault !== null, "interleave_probs", `Cannot use interleave_probs: ${fault}`);
}

function checkRun(c: TrainConfig, refuse: Refuse): void {
  refuse(
    c.warmup_steps > 1 && !Number.isInteger(c.warmup_steps),
    "warmup_steps",
    `Cannot warm up for ${c.warmup_steps} steps as a whole number is needed from 1 on, or a share of all steps below 1`,
  );
  for (const key of ["logging_steps", "eval_steps", "save_steps"] as const) {
    refuse(
      c[key] > 1 && !Number.isInteger(c[key]),
      key,
      `Cannot use ${key}: ${c[key]} as a whole number is needed from 1 on, or a share of all steps below 1`,
    );
  }
  const { lr_scheduler_type: type, lr_scheduler_kwargs: kwargs } = c;
  const taken = Object.keys(scheduleOptions[type].shape);
  const unknown = Object.keys(kwargs).filter((name) => !taken.includes(name));
  refuse(
    unknown.length > 0,
    "lr_scheduler_kwargs",
    `Cannot use lr_scheduler_kwargs ${unknown.join(", ")} with lr_scheduler_type: ${type}: ` +
      `it takes ${taken.join(", ") || "none"}`,
  );
  const issue = unknown.length > 0 ? undefined : scheduleOptions[type].safeParse(kwargs).error?.issues[0];
  const floors = Number("min_lr" in kwargs) + Number("min_lr_rate" in kwargs);
  const hasFloor = floors === 1;
  refuse(
    issue !== undefined && type === "cosine_with_min_lr" && floors === 0,
    "lr_scheduler_type",
    "Cannot use cosine_with_min_lr without its floor: give lr_scheduler_kwargs: {min_lr: ...} or {min_lr_rate: ...}",
  );
  refuse(
    issue !== undefined && floors === 2,
    "lr_scheduler_kwargs",
    "Cannot use lr_scheduler_kwargs min_lr with min_lr_rate as both say where the floor is: remove one of them",
  );
  refuse(
    issue === undefined && "min_lr" in kwargs && c.learning_rate === 0,
    "lr_scheduler_kwargs",
    "Cannot use lr_scheduler_kwargs min_lr with learning_rate: 0, of which it can't be a share: raise learning_rate",
  );
  const name = issue?.path.join(".") ?? "";
  refuse(
    issue !== undefined && (type !== "cosine_with_min_lr" || hasFloor),
    "lr_scheduler_kwargs",
    `Cannot use lr_scheduler_kwargs ${name}: ${kwargs[name]} as ${issue?.message}`,
  );
  const { lr_end = 1e-7 } = kwargs;
  refuse(
    type === "polynomial" && issue === undefined && lr_end >= c.learning_rate,
    "lr_scheduler_kwargs",
    `Cannot use lr_scheduler_type: polynomial as lr_end has to be below learning_rate ${c.learning_rate}: current value is ${lr_end}`,
  );
  const best = c.load_best_model_at_end;
  const bestKey = best
    ? "load_best_model_at_end"
    : c.save_strategy === "best"
    ? "save_strategy"
    : "early_stopping_steps";
  refuse(
    c.metric_for_best_model !== null && c.eval_strategy === "no" &&
      (best || c.save_strategy === "best" || c.early_stopping_steps !== null),
    bestKey,
    `Cannot use ${bestKey} with eval_strategy: no as ${
      bestKey === "early_stopping_steps"
        ? "nothing is evaluated that tells when to stop"
        : "the best checkpoint isn't known"
    }: set eval_strategy: steps or epoch`,
  );
  refuse(
    best && c.eval_strategy !== "no" && c.save_strategy !== "best" && c.save_strategy !== c.eval_strategy,
    "load_best_model_at_end",
    `Cannot use load_best_model_at_end with save_strategy: ${c.save_strategy} and eval_strategy: ${c.eval_strategy} ` +
      "as the best checkpoint may not have been saved: make them equal",
  );
  refuse(
    best && c.save_strategy === "steps" && c.eval_strategy === "steps" &&
      !isMultiple(c.save_steps, c.eval_steps),
    "save_steps",
    `Cannot use load_best_model_at_end with save_steps: ${c.save_steps} and eval_steps: ${c.eval_steps} ` +
      "as every checkpoint needs an evaluation: make save_steps a multiple of eval_steps",
  );
}

/** True if a is a whole multiple of b, to the rounding of decimal fractions. */
function isMultiple(a: number, b: number): boolean {
  return Math.abs(a / b - Math.round(a / b)) < 1e-9 * (a / b);
}

function checkMethod(c: TrainConfig, refuse: Refuse): void {
  const { stage } = c;
  const adapters = c.adapter_name_or_path.length;
  refuse(
    adapters > 0 && c.finetuning_type === "full",
    "adapter_name_or_path",
    "Cannot train all weights from an adapter: merge it first, or use finetuning_type: lora",
  );
  refuse(
    adapters > 1,
    "adapter_name_or_path",
    `Cannot continue from ${adapters} adapters as one at most is needed: merge all but the last into a model first`,
  );
  refuse(
    c.lora_target.length === 0,
    "lora_target",
    "Cannot train as lora_target names no module: use all, or names",
  );
  refuse(
    stage === "iopo" && !["sigmoid", "hinge", "robust"].includes(c.pref_loss),
    "pref_loss",
    `Cannot use pref_loss: ${c.pref_loss} in stage iopo: it takes sigmoid, hinge and robust`,
  );
  for (const [name, key] of [["dpo", "dpo_label_smoothing"], ["iopo", "iopo_label_smoothing"]] as const) {
    refuse(
      c[key] > 0 && stage !== name,
      key,
      `Cannot use ${key} in stage ${stage}: it is for ${name}` +
        (stage === "iopo" || stage === "dpo" ? `, use ${stage}_label_smoothing` : ""),
    );
    refuse(
      c[key] > 0 && stage === name && c.pref_loss !== "sigmoid" && c.pref_loss !== "robust",
      key,
      `Cannot use ${key} with pref_loss: ${c.pref_loss}: it is for sigmoid and robust`,
    );
  }
  refuse(
    c.iopo_variant !== "full" && stage !== "iopo",
    "iopo_variant",
    `Cannot use iopo_variant: ${c.iopo_variant} in stage ${stage}: it is for iopo`,
  );
  refuse(
    c.loss === null && Object.keys(c.loss_options).length > 0,
    "loss_options",
    "Cannot use loss_options without loss: name the loss plugin they are for",
  );
  refuse(
    c.template === null && Object.keys(c.template_options).length > 0,
    "template_options",
    "Cannot use template_options without template: name the template plugin they are for",
  );
}
