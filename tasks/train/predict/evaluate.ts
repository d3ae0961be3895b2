/**
 * `do_eval` without `do_train`: losses of a finished model on the evaluation rows, with LLaMA-Factory's files.
 * @module
 */
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
  const { say, progress, signal } = asking;
  const { ready, examples, sets } = await prepareRows(config, asking);
  try {
    const losses = await evaluateHere({
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
      log: {
        note: (line) => say(`note: ${line}`),
        phase: (name, done, total) => progress.phase(name, done, total),
      },
    });
    progress.stop();
    if (losses === null) return { files: [], metrics: {} };
    const metrics = withPerplexity(losses, config);
    return { files: await writeResults(config.output_dir, "eval", metrics), metrics };
  } finally {
    ready.model.weights.close();
    ready.reference?.model.weights.close();
  }
}

/** The end of an evaluation as text. */
export function evaluatedText(directory: string, result: WorkResult): string {
  return resultText(directory, result, "no results were written");
}
