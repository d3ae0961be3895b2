/**
 * Evaluation during and after training, weighted as transformers weighs it: the mean over batches of a batch's mean loss,
 * each batch counting as many times as it has examples.
 * @module
 */
import { item, valueOf } from "../../../../formats/elements.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import { averageMetrics } from "../../../kinds/loss_evaluation.ts";
import type { EvaluationSet } from "../../../kinds/trainer.ts";
import { packBatches } from "../batches/batches.ts";
import { inFlights, scorePacks, type Scoring } from "./score.ts";

/** Batch size, row budget and interruption of an evaluation. */
export interface EvaluationOptions {
  /** Examples of a batch: per_device_eval_batch_size. */
  batch: number;
  /** Most rows of a pack; null: DEFAULT_ROWS of pack_rows.ts. */
  budget: number | null;
  signal: AbortSignal;
  onProgress(done: number, total: number): void;
  /** Gets each example with what the loss took of its sequences, by name: sums of log-probabilities in nats, or values. In no order. */
  onExample?(example: EncodedExample, policy: Readonly<Record<string, number>>): void;
}

/** What is evaluated. */
export interface EvaluationRows {
  evaluation: readonly EncodedExample[];
  evaluationSets?: readonly EvaluationSet[] | null;
}

/**
 * Evaluates all rows together, as {@linkcode evaluateExamples}, or each set by itself: `eval_SET_loss` and so on, as transformers names them.
 * @returns null when interrupted.
 */
export async function evaluateSets(
  scoring: Scoring,
  { evaluation, evaluationSets }: EvaluationRows,
  options: EvaluationOptions,
): Promise<Record<string, number> | null> {
  if (!evaluationSets) return await evaluateExamples(scoring, evaluation, options);
  const all: Record<string, number> = {};
  let from = 0;
  for (const { name, count } of evaluationSets) {
    const before = from, examples = evaluation.slice(from, from += count);
    const onProgress = (done: number) => options.onProgress(before + done, evaluation.length);
    const metrics = await evaluateExamples(scoring, examples, { ...options, onProgress });
    if (!metrics) return null;
    for (const [key, value] of Object.entries(metrics)) {
      all[key.replace(/^eval_/, () => `eval_${name}_`)] = value;
    }
  }
  return all;
}

/**
 * `eval_loss` and the loss's metrics as `eval_NAME`.
 * @returns null when interrupted.
 */
export async function evaluateExamples(
  scoring: Scoring,
  examples: readonly EncodedExample[],
  { batch, budget, signal, onProgress, onExample }: EvaluationOptions,
): Promise<Record<string, number> | null> {
  const began = performance.now();
  const batches: EncodedExample[][] = [];
  for (let i = 0; i < examples.length; i += batch) batches.push(examples.slice(i, i + batch));
  const batchOf = new Map(batches.flatMap((group, b) => group.map((example) => [example, b] as const)));
  const sums = batches.map(() => ({ loss: 0, labels: 0 }));
  const metrics = new Map<EncodedExample, Record<string, number>>();
  // Batches share packs: one of a few short examples would leave most of an engine's replicas, and most of a pack, empty.
  const packs = packBatches(batches, budget, scoring.loss, scoring.engine.replicas);
  const units = packs.map((pack) => ({ ...pack, split: "eval" as const, keep: false }));
  for (const flight of inFlights(scoring, units)) {
    if (signal.aborted) return null;
    for (const scored of await scorePacks(scoring, flight)) {
      scored.examples.forEach((example, i) => {
        const sum = item(sums, valueOf(batchOf, example));
        sum.loss += item(scored.rows, i).loss;
        sum.labels += item(scored.labels, i);
        metrics.set(example, item(scored.rows, i).metrics);
        onExample?.(example, item(scored.policy, i));
      });
    }
    onProgress(metrics.size, examples.length);
  }
  const perToken = scoring.loss.normalize === "label_tokens";
  const total = sums.reduce((all, { loss, labels }, b) => {
    const { length } = item(batches, b);
    return all + length * loss / (perToken ? labels : length);
  }, 0);
  const seconds = (performance.now() - began) / 1000;
  const named = Object.entries(
    averageMetrics(scoring.loss, examples.map((example) => valueOf(metrics, example))),
  ).map((
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
