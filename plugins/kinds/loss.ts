/**
 * Losses: one formula over sequence log-probabilities (docs/architecture.md, idea 3). A loss plugin knows nothing of tensors.
 * @module
 */
import type { ExampleShape } from "./dataset.ts";
import type { LabelMeasure } from "../../kernels/engine/forward.ts";
import type { DrawnAnswer, SequenceMeasure } from "../../kernels/engine/packs/encoded.ts";
import type { Scalar } from "../../kernels/tape.ts";

/** A value for each name. */
export type ByName<N extends string, V> = Readonly<Record<N, V>>;

/**
 * One example as a loss sees it. Log-probabilities are in nats.
 * @typeParam N Names in {@linkcode Loss.sequences}
 * @typeParam Reference {@linkcode Loss.needsReference}
 * @typeParam B Names that {@linkcode Loss.batch} gives
 */
export interface LossInputs<
  N extends string = string,
  Reference extends boolean = boolean,
  B extends string = string,
> {
  /**
   * Sum of log π(label) over the labelled tokens of the sequence, <= 0; differentiable. Weighted where the loss has `tokenWeights`. With `measure: "value"`
   * the number that the value head gives the sequence's last token, of any sign.
   */
  policy: ByName<N, Scalar>;
  /** The same sum under the reference model, a constant; empty when `needsReference` is false. */
  reference: ByName<Reference extends true ? N : never, Scalar>;
  /** R = policy - reference. Empty when `needsReference` is false. */
  R: ByName<Reference extends true ? N : never, Scalar>;
  /** Number of labelled tokens of the sequence, > 0; 1 with `measure: "value"`. */
  length: ByName<N, number>;
  /**
   * Sum over the labelled tokens of KL(reference ‖ policy) over the whole vocabulary, in nats, ≥ 0; differentiable. Empty unless `labelMeasure` is
   * "divergence".
   */
  divergence: ByName<N, Scalar>;
  /** Log-probabilities of the labelled tokens themselves. Empty unless the loss is `perToken`. */
  tokens: ByName<N, TokenInputs>;
  /** `kto`: whether the answer is desirable. */
  desirable?: boolean;
  /** `prompt`: what is known of the answer that was drawn. */
  drawn?: DrawnAnswer;
  /** Results of {@linkcode Loss.batch} for the micro-batch, by name; constants. */
  batch: ByName<B, number>;
}

/** The labelled tokens of a sequence in their order, as a `perToken` loss sees them. */
export interface TokenInputs {
  /** log π of each under what is trained, `[length]`, in nats; differentiable. */
  policy: readonly Scalar[];
  /** The same when the answer was drawn, `[length]`; constants. Equal to `policy` where each answer is learnt from once. */
  old: Float64Array;
  /** Under the reference, `[length]`; constants. Empty when `needsReference` is false. */
  reference: Float64Array;
}

/** The labelled tokens of a sequence in their order. */
export interface LabelledTokens {
  /** log π of each, `[length]`, in nats. */
  logps: Float64Array;
  /** Places in the sequence, prompt included, `[length]`, ascending from 1 on. */
  positions: Int32Array;
  /** The loss's {@linkcode Loss.labelMeasure} of the distribution that each is predicted by, `[length]`, in nats; empty without one. */
  measures: Float64Array;
}

/** Log-probabilities of an example, as numbers: sums in nats. */
export interface MicroBatchRow<N extends string, Reference extends boolean> {
  /** Under what is trained. */
  policy: ByName<N, number>;
  /** Under the reference; {} without one. */
  reference: ByName<Reference extends true ? N : never, number>;
  /** Labelled tokens. */
  length: ByName<N, number>;
  /** Of shape kto. */
  desirable?: boolean | undefined;
}

/** Numbers of {@linkcode Carried} by name, finite. */
export type CarriedValues = Readonly<Record<string, number>>;

/**
 * What a loss knows of all micro-batches that were trained on so far, such as a running mean. Checkpoints keep it, a step that is taken again
 * begins from what it began from, and evaluations read it without moving it.
 */
export interface Carried<N extends string = string, Reference extends boolean = boolean> {
  /** Before the first micro-batch. */
  initial: CarriedValues;
  /** What they are with one more micro-batch; a pure function. */
  next(before: CarriedValues, rows: MicroBatchRow<N, Reference>[]): CarriedValues;
}

/** A loss's result for one example. */
export interface LossOutputs {
  /** The example's loss. With `normalize: "label_tokens"` a sum over tokens, else the example's mean contribution. */
  loss: Scalar;
  /**
   * Logged as means, each over the examples that give it, under these flat names, such as "rewards/margins". A name
   * that an example has no value for is left out (KTO: an example is either chosen or rejected).
   */
  metrics: Record<string, Scalar | number>;
}

/**
 * The product of a loss plugin; write it with {@linkcode defineLoss}.
 * @typeParam N Names of the sequences
 * @typeParam Reference Whether reference log-probabilities are needed
 * @typeParam B Names of the constants of a micro-batch
 */
export interface Loss<
  N extends string = string,
  Reference extends boolean = boolean,
  B extends string = string,
> {
  /** The shape of example that it is made for. */
  shape: ExampleShape;
  /**
   * Each sequence's prompt and answer by name: `{ x1y1: ["x1", "y1"] }`. `""` as prompt: no prompt (stage pt). The
   * answer name `kl` (shape `kto`) is the answer of the row before, which encoding fills in.
   */
  sequences: ByName<N, readonly [prompt: string, answer: string]>;
  /** True if reference log-probabilities are needed. */
  needsReference: Reference;
  /**
   * What `policy` has of a sequence: `logp`, the default, log-probabilities of its answer; `value` the number that a value head, trained with the rest, reads
   * from the hidden state of its last token. Values are for stage rm, have no reference, and are normalised by examples.
   */
  measure?: SequenceMeasure;
  /**
   * What is measured of the distribution over the vocabulary that predicts each labelled token: the entropy of its 20 likeliest tokens, for
   * `tokenWeights`, or KL(reference ‖ policy), for the formula too; the reference is the model without adapters, or as it was before training.
   */
  labelMeasure?: LabelMeasure;
  /** An optimizer step divides the sum of losses by its number of label tokens (SFT) or of examples (preference). */
  normalize: "label_tokens" | "examples";
  /** The value of the loss of an untrained adapter (policy = reference), asserted at step 0; absent: not fixed. */
  initialLoss?: number;
  /**
   * Constants that need the whole micro-batch first, such as KTO's KL estimate. Values of `policy` are given as numbers.
   * @param carried Of {@linkcode Loss.carried}, in training with this micro-batch in it; absent or {} of a loss that carries nothing
   */
  batch?(rows: MicroBatchRow<N, Reference>[], carried?: CarriedValues): Record<B, number>;
  /** Numbers that training carries from micro-batch to micro-batch; for `batch`, without which they reach nothing. */
  carried?: Carried<N, Reference>;
  /**
   * Weights of an example's labelled tokens, `[length]` each: `policy` is Σ weight · log π then, with the weights constants to the gradient.
   * Absent: 1 each. The reference's sums have none, nor has `length`.
   */
  tokenWeights?(tokens: ByName<N, LabelledTokens>): ByName<N, Float64Array>;
  /**
   * The formula takes single tokens (`tokens`), and learns from each by itself. Their reference is computed in every step, so `ref_model` isn't for it.
   * Default false.
   */
  perToken?: boolean;
  /** Metrics made from the other metrics' means, such as a difference of two that no example has both of. */
  summarize?(means: Readonly<Record<string, number>>): Record<string, number>;
  /** The loss of one example and its metrics, from log-probabilities in nats. */
  loss(inputs: LossInputs<N, Reference, B>): LossOutputs;
}

/**
 * Gives a loss its exact type, so that its formula knows the names which it declares: `R.x1y1` exists when `sequences` has
 * `x1y1` and the loss needs a reference, and anything else is an error of the compiler.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { defineLoss } from "./loss.ts";
 *
 * const sft = defineLoss({
 *   shape: "single",
 *   sequences: { y: ["x", "y"] },
 *   needsReference: false,
 *   normalize: "label_tokens",
 *   loss: ({ policy }) => ({ loss: policy.y.neg(), metrics: {} }),
 * });
 * assertEquals(Object.keys(sft.sequences), ["y"]);
 * ```
 */
export function defineLoss<N extends string, Reference extends boolean, B extends string = never>(
  loss: Loss<N, Reference, B>,
): Loss<N, Reference, B> {
  return loss;
}
