/**
 * Trainers: what carries out a run. The one here trains in this process; the interface also admits one that starts
 * another process (a resolved config, encoded examples and a log sink in; an adapter directory out).
 * @module
 */
import type { ConfigDifference, TrainConfig } from "./train_config.ts";
import type { EncodedExample } from "../../kernels/engine/packs/encoded.ts";
import type { LogSink } from "./log_sink.ts";
import type { Loss } from "./loss.ts";
import type { Rollout } from "./rewards.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import type { EmbeddingChange } from "../../kernels/engine/weights/embedding_change.ts";
import type { FreshStart } from "../../kernels/engine/weights/fresh_weights.ts";
import type { LoadedModel } from "../../formats/hf_model/loaded_model.ts";

/** Keys that say when a run evaluates, when and what it saves, and when it stops early. */
export type DueWorkKey =
  | "eval_strategy"
  | "eval_steps"
  | "eval_delay"
  | "eval_on_start"
  | "save_strategy"
  | "save_steps"
  | "save_total_limit"
  | "save_only_model"
  | "load_best_model_at_end"
  | "metric_for_best_model"
  | "greater_is_better"
  | "early_stopping_steps";

/** Keys of a resolved configuration that a trainer may need: method, steps, evaluation, checkpoints, device. No data, no secrets. */
export type TrainerConfig = Pick<
  TrainConfig,
  // Method
  | "stage"
  | "finetuning_type"
  | "freeze_trainable_layers"
  | "freeze_trainable_modules"
  | "freeze_extra_modules"
  | "use_llama_pro"
  | "model_name_or_path"
  | "rope_scaling"
  | "base_model"
  | "adapter_name_or_path"
  | "lora_rank"
  | "lora_alpha"
  | "lora_dropout"
  | "lora_target"
  | "additional_target"
  | "use_rslora"
  | "use_dora"
  | "pissa_init"
  | "pissa_iter"
  | "loraplus_lr_ratio"
  | "create_new_adapter"
  // Answers that are drawn
  | "num_generations"
  | "temperature"
  | "top_p"
  | "top_k"
  | "repetition_penalty"
  | "max_new_tokens"
  | "scale_rewards"
  | "mask_truncated_completions"
  | "log_completions"
  | "logging_strategy"
  | "logging_steps"
  // Steps
  | "seed"
  | "data_seed"
  | "per_device_train_batch_size"
  | "gradient_accumulation_steps"
  | "num_train_epochs"
  | "max_steps"
  | "dataloader_drop_last"
  | "step_mean"
  | "label_smoothing_factor"
  | "neftune_noise_alpha"
  | "learning_rate"
  | "lr_scheduler_type"
  | "lr_scheduler_kwargs"
  | "warmup_steps"
  | "warmup_ratio"
  | "weight_decay"
  | "optim"
  | "adam_beta1"
  | "adam_beta2"
  | "adam_epsilon"
  | "max_grad_norm"
  // Evaluation and checkpoints
  | "output_dir"
  | "do_eval"
  | DueWorkKey
  | "per_device_eval_batch_size"
  | "compute_accuracy"
  | "allow_changes"
  // Device
  | "backend"
  | "provider"
  | "threads"
  | "fp16"
  | "bf16"
  | "tf32"
  | "cuda_tensors"
  | "quantization_bit"
  | "micro_batch_tokens"
  | "disable_gradient_checkpointing"
>;

/** A model of its own whose log-probabilities are the reference (`ref_model`). */
export interface ReferenceModel {
  /** Opened; its weights have `merged` merged in. */
  model: LoadedModel;
  /** The model's config.json as its family reads it. */
  decoder: DecoderConfig;
  /** Folders of adapters that `model.weights` has merged in, in turn. */
  merged: readonly string[];
  /** Folder of an adapter that is computed beside weights in few bits instead; null: none. */
  adapter: string | null;
  /** Bits of the weights of the layers' modules; null: as the files have them. */
  quantizationBit: 4 | 8 | null;
  /** SHA-256 over weights, configuration, adapters and bits. */
  hash: string;
}

/** A set of evaluation rows. */
export interface EvaluationSet {
  /** As `eval_dataset` has it. */
  name: string;
  /** Its examples, > 0. */
  count: number;
}

/** Everything a trainer is given. */
export interface TrainerInputs {
  /** Keys that trainers read, resolved. */
  config: TrainerConfig;
  /** Every key of the run but secrets, as JSON values: kept in checkpoints, so that `changes` can tell what differs on resume. */
  record: Readonly<Record<string, unknown>>;
  /** Keys in which an earlier `record` differs from this run in a way that changes what is learnt. */
  changes(earlier: Readonly<Record<string, unknown>>): ConfigDifference[];
  /** Opened, its tokenizer as the template wants it. */
  model: LoadedModel;
  /** The model's config.json as its family reads it. */
  decoder: DecoderConfig;
  /** Folders of adapters that `model.weights` has merged in, in turn; what opens the model's path anew has to do the same. */
  merged?: readonly string[];
  /** `model.weights` are these, drawn, and no file's; absent: the model's own. */
  fresh?: FreshStart;
  /** `decoder` has another embedding or head than the model's files, and `model.weights` has them; absent: the same. */
  embeddings?: EmbeddingChange;
  /** Made by the run's loss plugin. */
  loss: Loss;
  /** Stage grpo: how answers are rewarded and end; null or absent in other stages. */
  rollout?: Rollout | null;
  /** Model whose log-probabilities the loss takes as its reference; null or absent: the policy as it begins, if the loss needs one. */
  reference?: ReferenceModel | null;
  /** In split order. */
  train: EncodedExample[];
  /** Empty without evaluation. */
  evaluation: EncodedExample[];
  /** Sets of `evaluation`, one behind the other, each evaluated by itself as `eval_NAME_loss`; null or absent: together. */
  evaluationSets?: readonly EvaluationSet[] | null;
  /** True if `train` is shuffled each epoch; false when the data or the configuration ordered it already. */
  shuffle: boolean;
  /** Numbers of the examples that count as one (LLaMA-Factory's packing), by that one; null: no packing. */
  trainBins: number[][] | null;
  /** SHA-256 over the encoded examples, for resume and the reference cache. */
  dataHash: string;
  /** Files that belong beside every saved adapter or model, by name: the tokenizer's. */
  files: Record<string, string | Uint8Array>;
  /** Folder, there already, for what was trained: its files become part of `output_dir` once the run has finished. */
  trainedDir: string;
  /** Checkpoint to continue from, in a directory that is ready to be written to; null: from the start. */
  resumeFrom: { path: string; step: number } | null;
  /**
   * To be called once, when everything that the run takes is there (model, engine, a checkpoint of this very run) and before
   * the first file is written: takes away what an earlier run left in `output_dir`, and writes run.yaml.
   */
  begin(): void;
  /** Gets every step, evaluation and checkpoint. */
  log: LogSink;
  /** Aborted by Ctrl-C: the trainer saves a checkpoint and returns. */
  signal: AbortSignal;
}

/** One file that was written. */
export interface WrittenFile {
  /** In its directory. */
  name: string;
  /** Description in a few words. */
  what: string;
}

/** Result of a trainer. */
export interface TrainerResult {
  /** Files in `trainedDir`; none after an interruption. */
  files: WrittenFile[];
  /** True if all steps were done; false after an interruption. */
  finished: boolean;
  /** Metrics of the evaluation of what was trained, such as "eval_loss"; empty without one. */
  metrics: Record<string, number>;
}

/**
 * The product of a trainer plugin.
 * @example A trainer that counts labels and trains nothing
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { z } from "zod";
 * import { definePlugin } from "./plugin.ts";
 * import { Registry } from "../registry.ts";
 * import type { TrainerInputs } from "./trainer.ts";
 *
 * const counting = definePlugin({
 *   kind: "trainer",
 *   name: "counting",
 *   version: "1",
 *   description: "Counts what would be learnt",
 *   options: z.strictObject({}),
 *   create: () => ({
 *     train({ train, begin }: Pick<TrainerInputs, "train" | "begin">) {
 *       begin();
 *       const labels = train.flatMap(({ sequences }) => sequences).flatMap(({ labels }) => Array.from(labels));
 *       const learnt = labels.filter((id) => id !== -100).length;
 *       return Promise.resolve({ files: [], finished: true, metrics: { learnt } });
 *     },
 *   }),
 * });
 * const trainer = new Registry([counting]).create("trainer", "counting");
 * const sequence = { name: "y", input_ids: Int32Array.of(5, 6, 7), labels: Int32Array.of(-100, 6, 7) };
 * const example = { index: 0, source: { file: "rows.jsonl", row: 0 }, sequences: [sequence] };
 * const { metrics } = await trainer.train({ train: [example], begin() {} } as unknown as TrainerInputs);
 * assertEquals(metrics, { learnt: 2 });
 * ```
 */
export interface Trainer {
  /** Carries out the run. */
  train(inputs: TrainerInputs): Promise<TrainerResult>;
  /**
   * There on a machine that lends its processes to a run which another one leads: does so until that run ends, and nothing else
   * is done here.
   * @throws {Error} If one of the processes ends before the run
   */
  lend?(log: { note(line: string): void; signal: AbortSignal }): Promise<void>;
  /** Memory of a run, for `--dry-run`; left out: the arithmetic of the local trainer is the right one. */
  memory?(size: RunSize): RunMemory;
}

/** Sizes that decide a run's memory. */
export interface RunSize {
  /** Sizes of the model. */
  decoder: DecoderConfig;
  /** Weights of the model. */
  parameters: number;
  /** Weights that are trained. */
  trained: number;
  /** Numbers that the optimizer keeps of them. */
  kept: number;
  /** The model's own are, all or some, rather than adapters. */
  own: boolean;
  /** A value head is in the output head's place. */
  valueHead: boolean;
  /** Rows of the largest pack. */
  rows: number;
  /** Rows of the largest example. */
  longest: number;
  /** True if blocks' activations are made again in the backward pass. */
  checkpointing: boolean;
}

/** Memory of one of a trainer's processes, bytes. */
export interface RunMemory {
  /** Parts of the peak. */
  memory: { weights: number; trained: number; activations: number; runtime: number; total: number };
  /** Processes that each need it, all machines together. */
  processes: number;
  /** Storage of frozen weights, in words. */
  storage: string;
  /** Whose memory it is. */
  place: "host" | "device";
}
