/**
 * One optimizer step: forward and backward over its micro-batches, the update, and what is reported of it.
 * @module
 */
import { item } from "../../../../formats/elements.ts";
import type { TrainConfig } from "../../../kinds/train_config.ts";
import type { LogSink, StepReport } from "../../../kinds/log_sink.ts";
import type { Loss } from "../../../kinds/loss.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import { averageMetrics } from "../../../kinds/loss_evaluation.ts";
import { packBatches } from "../batches/batches.ts";
import {
  exampleWeights,
  inFlights,
  labelWeights,
  type Scored,
  scorePacks,
  type Scoring,
} from "../scoring/score.ts";

/** Inputs of a step besides its examples. */
export interface StepInputs extends Scoring {
  config: Pick<TrainConfig, "max_grad_norm" | "micro_batch_tokens" | "step_mean">;
  /** Probability of dropping an input of the adapters. */
  dropout: number;
  /** α ≥ 0 of noise on embeddings; absent: none. */
  neftuneAlpha?: number;
  log: LogSink;
  signal: AbortSignal;
}

/** The packs of a step with the weight of each example's loss. */
export interface ScoredStep {
  packs: Scored[];
  weightOf(example: EncodedExample): number;
  /** Metrics of the answers that were drawn for it, for its report. */
  ofRollout?: Readonly<Record<string, number>>;
}

/**
 * Forward and backward over the micro-batches of a step. null when interrupted.
 * @param onPack Told before the first pack and behind each
 */
export async function accumulateGradients(
  inputs: StepInputs,
  batches: readonly (readonly EncodedExample[])[],
  step: number,
  onPack: (done: number, total: number) => void = () => {},
): Promise<ScoredStep | null> {
  const { config, loss, engine, signal, dropout, neftuneAlpha = 0 } = inputs;
  const draws = dropout > 0 || neftuneAlpha > 0;
  const weightOf = exampleWeights(loss, batches, config.step_mean);
  const identity = loss.needsReference && !inputs.isReferenceGiven && !draws && await engine.isIdentity();
  inputs.carried?.begin(step);
  const units = packBatches(batches, config.micro_batch_tokens, loss, engine.replicas).map((
    { examples, groups },
    number,
  ) => ({
    examples,
    split: "train" as const,
    keep: true,
    groups,
    // The first pack of a run compares policy and reference for real; while B is zero the others needn't.
    ...(identity && { identity: step === 0 && number === 0 ? "compared" as const : "taken" as const }),
    ...(draws && { dropoutStep: step * 2 ** 16 + number }),
  }));
  const packs: Scored[] = [];
  onPack(0, units.length);
  for (const flight of inFlights(inputs, units)) {
    if (signal.aborted) return null;
    for (const [i, scored] of (await scorePacks(inputs, flight)).entries()) {
      if (i > 0 && signal.aborted) return null;
      if (step === 0 && packs.length === 0 && identity) assertInitialLoss(inputs, scored);
      await engine.backward(labelWeights(scored, weightOf));
      packs.push(scored);
      onPack(packs.length, units.length);
    }
  }
  inputs.carried?.end(step);
  return { packs, weightOf };
}

/** A fresh adapter changes nothing, so the loss has a known value; another one means that the reference is wrong. */
function assertInitialLoss(
  { loss: { initialLoss } }: StepInputs,
  { rows, compared = rows, examples }: Scored,
): void {
  if (initialLoss === undefined) return;
  compared.forEach((row, i) => {
    if (Math.abs(row.loss - initialLoss) < 1e-3) return;
    const { file, row: line } = item(examples, i).source;
    throw new Error(
      `Cannot start as a fresh adapter needs the loss ${initialLoss.toFixed(6)}: current value is ${
        row.loss.toFixed(6)
      } for ${file} row ${line}. Either initialLoss of the loss plugin isn't its value where policy = reference, or the two differ ` +
        `although the adapter is zero: please report that`,
    );
  });
}

/** Clips and updates without waiting for the norm where the engine can; else the norm before clipping. */
export async function stepOrGoAhead(
  inputs: StepInputs,
  batches: readonly (readonly EncodedExample[])[],
  learningRate: number,
): Promise<number | null> {
  const { engine, config } = inputs;
  if (!engine.stepAhead) return await stepOrExplain(inputs, batches, learningRate);
  await engine.stepAhead(learningRate, config.max_grad_norm);
  return null;
}

/**
 * The norm of a step that went ahead. Where the device could make none, nothing was changed, and the step is taken once more, with
 * the norm by the host.
 * @throws {RangeError} If a gradient isn't finite; names the tensor and the rows of the step
 */
export async function lateNorm(
  inputs: StepInputs,
  { batches, step, learningRate }: StepAhead,
): Promise<{ norm: number; again: boolean } | null> {
  const norm = await inputs.engine.lateNorm?.();
  if (norm == null) {
    // The next step has added gradients of the same weights by now; they are made again.
    await inputs.engine.discard();
    if (!await accumulateGradients(inputs, batches, step)) return null;
    return { norm: await stepOrExplain(inputs, batches, learningRate), again: true };
  }
  return { norm, again: false };
}

/** A step that was handed over, and isn't reported yet. */
export interface StepAhead {
  /** Number of the step, from 0. */
  step: number;
  batches: readonly (readonly EncodedExample[])[];
  learningRate: number;
}

/**
 * Clips the gradient and updates what is trained. Gives the norm before clipping.
 * @throws {RangeError} If a gradient isn't finite; names the tensor and the rows of the step
 */
export async function stepOrExplain(
  { engine, config }: StepInputs,
  batches: readonly (readonly EncodedExample[])[],
  learningRate: number,
): Promise<number> {
  try {
    return await engine.step(learningRate, config.max_grad_norm);
  } catch (error) {
    const rows = batches.flat().map(({ source }) => `${source.file} row ${source.row}`);
    const text = error instanceof Error ? error.message : String(error);
    throw new RangeError(`${text}. The step's rows: ${rows.slice(0, 8).join(", ")}`, { cause: error });
  }
}

/** Report of a step without its place in the run. */
export function stepReport(
  loss: Loss,
  { packs, weightOf, ofRollout }: ScoredStep,
): Pick<StepReport, "loss" | "metrics" | "examples" | "counts" | "tokens"> {
  const rows = packs.flatMap((pack) =>
    pack.rows.map((row, i) => ({ ...row, weight: weightOf(item(pack.examples, i)) }))
  );
  const counts: Record<string, number> = {};
  for (const name of rows.flatMap(({ metrics }) => Object.keys(metrics))) {
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return {
    loss: rows.reduce((sum, { loss, weight }) => sum + loss * weight, 0),
    metrics: { ...averageMetrics(loss, rows.map(({ metrics }) => metrics)), ...ofRollout },
    examples: rows.length,
    counts,
    tokens: packs.flatMap(({ pack }) => pack.sequences).reduce((sum, { tokens }) => sum + tokens, 0),
  };
}
