/**
 * Evaluation during and after training, weighted as transformers weighs it: the mean over batches of a batch's mean loss,
 * each batch counting as many times as it has examples.
 * @module
 */
import type { EncodedExample } from "../../../kernels/engine/encoded.ts";
import { packUnits } from "../../../kernels/engine/pack.ts";
import { DEFAULT_ROWS } from "../../../kernels/engine/pack_rows.ts";
import { averageMetrics } from "../../kinds/loss_evaluation.ts";
import { scorePack, type Scoring } from "./score.ts";

/** Batch size, row budget and interruption of an evaluation. */
export interface EvaluationOptions {
  /** Examples of a batch: per_device_eval_batch_size. */
  batch: number;
  /** Most rows of a pack; null: {@linkcode DEFAULT_ROWS}. */
  budget: number | null;
  signal: AbortSignal;
  onProgress(done: number, total: number): void;
}

/**
 * `eval_loss` and the loss's metrics as `eval_NAME`.
 * @returns null when interrupted.
 */
export async function evaluateExamples(
  scoring: Scoring,
  examples: readonly EncodedExample[],
  { batch, budget, signal, onProgress }: EvaluationOptions,
): Promise<Record<string, number> | null> {
  const began = performance.now();
  const batches: EncodedExample[][] = [];
  for (let i = 0; i < examples.length; i += batch) batches.push(examples.slice(i, i + batch));
  const metrics: Record<string, number>[] = [];
  let total = 0, done = 0;
  for (const group of batches) {
    let loss = 0, labels = 0;
    for (
      const pack of packUnits(
        scoring.loss.batch ? [group] : group.map((e) => [e]),
        budget ?? DEFAULT_ROWS,
        scoring.engine.replicas,
      )
    ) {
      if (signal.aborted) return null;
      const groups = scoring.loss.batch ? [pack.map((_, i) => i)] : undefined;
      const scored = await scorePack(scoring, pack, {
        split: "eval",
        keep: false,
        ...(groups && { groups }),
      });
      loss += scored.rows.reduce((sum, row) => sum + row.loss, 0);
      labels += scored.labels.reduce((a, b) => a + b, 0);
      metrics.push(...scored.rows.map((row) => row.metrics));
    }
    total += group.length * loss / (scoring.loss.normalize === "label_tokens" ? labels : group.length);
    done += group.length;
    onProgress(done, examples.length);
  }
  const seconds = (performance.now() - began) / 1000;
  const named = Object.entries(averageMetrics(scoring.loss, metrics)).map((
    [name, value],
  ) => [`eval_${name}`, value]);
  return {
    eval_loss: total / examples.length,
    ...Object.fromEntries(named),
    eval_runtime: seconds,
    eval_samples_per_second: examples.length / seconds,
    eval_steps_per_second: batches.length / seconds,
  };
}
