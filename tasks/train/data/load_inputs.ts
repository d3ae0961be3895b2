/**
 * Inputs of loading a run's data, and the result that is kept.
 * @module
 */
import type { Tokenizer } from "../../../formats/tokenizer/tokenizer.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import type { Loss } from "../../../plugins/kinds/loss.ts";
import type { ResolveOptions } from "../../../formats/hub/mod.ts";
import type { Registry } from "../../../plugins/registry.ts";
import type { Template } from "../../../plugins/kinds/template.ts";
import type { DataReport } from "./report/report.ts";
import type { StoredExample } from "./encoding/store.ts";

/** The keys of a training configuration that decide about data. */
export const DATA_KEYS = [
  "dataset",
  "eval_dataset",
  "eval_on_each_dataset",
  "dataset_dir",
  "cutoff_len",
  "train_on_prompt",
  "mask_history",
  "predict_with_generate",
  "streaming",
  "buffer_size",
  "mix_strategy",
  "interleave_probs",
  "overwrite_cache",
  "max_samples",
  "max_steps",
  "per_device_train_batch_size",
  "gradient_accumulation_steps",
  "val_size",
  "packing",
  "neat_packing",
  "truncation",
  "split_special_tokens",
  "data_cache_dir",
  "seed",
] as const satisfies readonly (keyof TrainConfig)[];

/** Their values. */
export type DataOptions = Pick<TrainConfig, typeof DATA_KEYS[number]>;

/** Inputs of `loadExamples` of load.ts. */
export interface LoadInputs {
  /** The configuration, or its part about data. */
  options: DataOptions;
  /** For the dataset plugins that dataset_info.json names. */
  registry: Registry;
  /** Made by the registry; null only for stage pt. */
  template: Template | null;
  /** As the template wants it (eos replaced and so on). */
  tokenizer: Tokenizer;
  /** Says which sequences an example gives. */
  loss: Loss;
  /** Where the hub is and how it is asked, for sets that are there. */
  hub?: ResolveOptions;
  /** Called with the progress of reading and encoding, in bytes. */
  onProgress?: (phase: string, done: number, total: number) => void;
  /** Where a key was written, for errors about what only the data show. */
  placeOf?: (key: string) => string;
  /** Aborted to stop reading. */
  signal?: AbortSignal;
}

/** Encoded data as they are kept. */
export interface StoredExamples {
  /** In split order. */
  train: StoredExample[];
  /** Rows held out, then those of `eval_dataset`. */
  evaluation: StoredExample[];
  /** Examples of each set of `eval_dataset`, one behind the other; null: they are evaluated together. */
  evaluationCounts: number[] | null;
  /** Counts of used, cut and dropped rows. */
  report: DataReport;
  /** SHA-256 over all ids and labels, in order. */
  hash: string;
}
