/**
 * Trainers: what carries out a run. The one here trains in this process; the interface also admits one that starts
 * another process (a resolved config, encoded examples and a log sink in; an adapter directory out).
 * @module
 */
import type { TrainConfig } from "../config/train_config.ts";
import type { EncodedExample } from "../data/encoded.ts";
import type { LogSink } from "../outputs/log_sink.ts";
import type { Loss } from "../losses/loss.ts";
import type { LoadedModel } from "../../formats/hf_model/loaded_model.ts";

/** Everything a trainer is given. */
export interface TrainerInputs {
  config: TrainConfig;
  model: LoadedModel;
  loss: Loss;
  train: EncodedExample[];
  evaluation: EncodedExample[];
  /** SHA-256 over the encoded examples, for resume and the reference cache. */
  dataHash: string;
  log: LogSink;
  /** Aborted by Ctrl-C: the trainer saves a checkpoint and returns. */
  signal: AbortSignal;
}

/** What a trainer gives back. */
export interface TrainerResult {
  /** Directory of the adapter (or full model). */
  directory: string;
  /** Whether all steps were done; false after an interruption. */
  finished: boolean;
  metrics: Record<string, number>;
}

/** The product of a trainer plugin. */
export interface Trainer {
  train(inputs: TrainerInputs): Promise<TrainerResult>;
}
