/**
 * Losses: one formula over sequence log-probabilities (docs/architecture.md, idea 3). A loss plugin knows nothing of tensors.
 * @module
 */
import type { ExampleShape } from "./dataset.ts";
import type { Scalar } from "../../kernels/tape.ts";

/** What a loss sees of one example. Keys are the names in {@linkcode Loss.sequences}. Log-probabilities are in nats. */
export interface LossInputs {
  /** Sum of log π(label) over the labelled tokens of the sequence, <= 0; differentiable. */
  policy: Readonly<Record<string, Scalar>>;
  /** The same sum under the reference model, a constant; empty when `needsReference` is false. */
  reference: Readonly<Record<string, Scalar>>;
  /** R = policy - reference. Empty when `needsReference` is false. */
  R: Readonly<Record<string, Scalar>>;
  /** Number of labelled tokens of the sequence, > 0. */
  length: Readonly<Record<string, number>>;
  /** `kto`: whether the answer is desirable. */
  desirable?: boolean;
  /** What {@linkcode Loss.batch} gave for the micro-batch, by name; constants. */
  batch: Readonly<Record<string, number>>;
}

/** What a loss gives back for one example. */
export interface LossOutputs {
  /** The example's loss. With `normalize: "label_tokens"` a sum over tokens, else the example's mean contribution. */
  loss: Scalar;
  /**
   * Logged as means, each over the examples that give it, under these flat names, such as "rewards/margins". A name
   * that an example has no value for is left out (KTO: an example is either chosen or rejected).
   */
  metrics: Record<string, Scalar | number>;
}

/** The product of a loss plugin. */
export interface Loss {
  /** The shape of example that it is made for. */
  shape: ExampleShape;
  /**
   * Each sequence's prompt and answer by name: `{ x1y1: ["x1", "y1"] }`. `""` as prompt: no prompt (stage pt). The
   * answer name `kl` (shape `kto`) is the answer of the row before, which encoding fills in.
   */
  sequences: Readonly<Record<string, readonly [prompt: string, answer: string]>>;
  /** Whether reference log-probabilities are needed. */
  needsReference: boolean;
  /** An optimizer step divides the sum of losses by its number of label tokens (SFT) or of examples (preference). */
  normalize: "label_tokens" | "examples";
  /** The value of the loss of an untrained adapter (policy = reference), asserted at step 0; absent: not fixed. */
  initialLoss?: number;
  /** Constants that need the whole micro-batch first, such as KTO's KL estimate. Values of `policy` are given as numbers. */
  batch?(
    rows: { policy: Record<string, number>; reference: Record<string, number> }[],
  ): Record<string, number>;
  /** Metrics made from the other metrics' means, such as a difference of two that no example has both of. */
  summarize?(means: Readonly<Record<string, number>>): Record<string, number>;
  /** The formula. */
  loss(inputs: LossInputs): LossOutputs;
}
