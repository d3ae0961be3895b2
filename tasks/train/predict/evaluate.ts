/**
 * `do_eval` without `do_train`: losses of a finished model on the evaluation rows, with LLaMA-Factory's files.
 * @module
 */
import type { EncodedExample } from "../../../kernels/engine/packs/encoded.ts";
import { valueOf } from "../../../formats/elements.ts";
import { evaluateHere } from "../../../plugins/trainers/local/evaluate_model.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { withPerplexity } from "../outputs/mod.ts";
import { writeResults } from "./files.ts";
import { type AskingModel, prepareRows, resultText, type WorkResult } from "./rows.ts";

/**
 * Evaluates the model with its adapter, if one is named, and writes eval_results.json and all_results.json.
 * @throws {RangeError} As {@linkcode prepareRows}; also if the model's weights are wrong
 */
export async function evaluateFinished(config: TrainConfig, asking: AskingModel): Promise<WorkResult> {
  const losses = await lossesOfFinished(config, asking);
  if (losses === null) return { files: [], metrics: {} };
  const metrics = withPerplexity(losses.metrics, config);
  return { files: await writeResults(config.output_dir, "eval", metrics), metrics };
}

/** Losses on all evaluation rows, and what the loss took of each row's sequences. */
export interface FinishedLosses {
  /** As `eval_NAME`. */
  metrics: Record<string, number>;
  /** Sums of log-probabilities in nats, or values, by the names of the loss's sequences. */
  rows: Readonly<Record<string, number>>[];
}

/**
 * Losses of the model with its adapter on the evaluation rows; null when it was stopped.
 * @throws {RangeError} As {@linkcode evaluateFinished}
 */
export async function lossesOfFinished(
  config: TrainConfig,
  asking: AskingModel,
): Promise<FinishedLosses | null> {
  const { say, progress, signal } = asking;
  const { ready, examples, sets } = await prepareRows(config, asking);
  const taken = new Map<EncodedExample, Readonly<Record<string, number>>>();
  try {
    const metrics = await evaluateHere({
      config: { ...config, adapter_name_or_path: ready.adapterFolders, additional_target: [] },
      model: ready.model,
      decoder: ready.decoder,
      merged: ready.mergedFolders,
      ...(ready.embeddings && { embeddings: ready.embeddings }),
      loss: ready.loss,
      reference: ready.reference,
      evaluation: examples,
      evaluationSets: sets,
      signal,
      onExample: (example, policy) => taken.set(example, policy),
      log: {
        note: (line) => say(`note: ${line}`),
        phase: (name, done, total) => progress.phase(name, done, total),
      },
    });
    progress.stop();
    return metrics && { metrics, rows: examples.map((example) => valueOf(taken, example)) };
  } finally {
    ready.model.weights.close();
    ready.reference?.model.weights.close();
  }
}

/** The end of an evaluation as text. */
export function evaluatedText(directory: string, result: WorkResult): string {
  return resultText(directory, result, "no results were written");
}
