/**
 * From label log-probabilities to losses and back: the same for training and evaluation.
 * @module
 */
import { entryOf, f64, i32, item, valueOf } from "../../../formats/elements.ts";
import type { EncodedExample } from "../../../kernels/engine/encoded.ts";
import type { EngineClient } from "../../../kernels/engine/host.ts";
import { type Pack, packExamples, packUnits } from "../../../kernels/engine/pack.ts";
import { DEFAULT_ROWS } from "../../../kernels/engine/pack_rows.ts";
import { type EvaluatedRow, evaluateLoss } from "../../kinds/loss_evaluation.ts";
import type { Loss } from "../../kinds/loss.ts";
import type { ReferenceCache } from "./reference.ts";

/** Inputs of scoring besides examples. */
export interface Scoring {
  engine: EngineClient;
  loss: Loss;
  references: ReferenceCache;
}

/** Examples of one pack with what the model and the loss said of them. */
export interface Scored {
  pack: Pack;
  examples: readonly EncodedExample[];
  rows: EvaluatedRow[];
  /** Labelled tokens of each example. */
  labels: number[];
}

/** Options of scoring a pack. */
export interface ScoreOptions {
  split: "train" | "eval";
  /** Keep the forward pass for a backward pass. */
  keep: boolean;
  /** Number that decides dropout; undefined: none. */
  dropoutStep?: number;
  /** Positions in `examples` that make up one micro-batch for `loss.batch`; default: each example its own. */
  groups?: readonly (readonly number[])[];
  /** The adapter changes nothing yet, so that the reference is the policy. */
  identity?: boolean;
}

/** Sums of label log-probabilities by sequence of the pack. */
function sequenceSums(pack: Pack, logps: Float64Array): Float64Array {
  const sums = new Float64Array(pack.sequences.length);
  for (let l = 0; l < logps.length; l++) {
    for (let o = i32(pack.ownerStart, l); o < i32(pack.ownerStart, l + 1); o++) {
      const owner = i32(pack.owners, o);
      sums[owner] = f64(sums, owner) + f64(logps, l);
    }
  }
  return sums;
}

/** Values by sequence name of each example of a pack. */
function byExample(pack: Pack, count: number, value: (sequence: number) => number): Record<string, number>[] {
  const rows: Record<string, number>[] = Array.from({ length: count }, () => ({}));
  pack.sequences.forEach(({ example, name }, s) => item(rows, example)[name] = value(s));
  return rows;
}

/**
 * Runs the model and the loss over examples that share a pack.
 * @throws {RangeError} If a log-probability isn't finite: names the layer, the file and the row.
 */
export async function scorePack(
  scoring: Scoring,
  examples: readonly EncodedExample[],
  options: ScoreOptions,
): Promise<Scored> {
  const { engine, loss, references } = scoring, { split, keep, dropoutStep } = options;
  const pack = packExamples(examples);
  const missing = loss.needsReference && examples.some((e) => !references.get(split, e));
  const pass = { keep, ...(dropoutStep !== undefined && { dropoutStep }) };
  let logps: Float64Array;
  if (missing && !options.identity && engine.forwardBoth) {
    const { policy, reference } = await engine.forwardBoth(pack, pass);
    remember(sequenceSums(pack, reference));
    logps = policy;
  } else {
    if (missing && !options.identity) {
      remember(sequenceSums(pack, await engine.forward(pack, { adapter: false, keep: false })));
    }
    logps = await engine.forward(pack, { adapter: true, ...pass });
  }
  const bad = logps.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) throw await notFinite(engine, pack, examples, bad, f64(logps, bad));
  const sums = sequenceSums(pack, logps);
  if (missing && options.identity) remember(sums);

  const policy = byExample(pack, examples.length, (s) => f64(sums, s));
  const length = byExample(pack, examples.length, (s) => item(pack.sequences, s).length);
  const inputs = examples.map((example, i) => ({
    policy: item(policy, i),
    length: item(length, i),
    ...(loss.needsReference && { reference: references.of(split, example) }),
    ...(example.desirable !== undefined && { desirable: example.desirable }),
  }));
  const rows: EvaluatedRow[] = [];
  for (const group of options.groups ?? examples.map((_, i) => [i])) {
    evaluateLoss(loss, group.map((i) => item(inputs, i))).forEach((row, k) => rows[item(group, k)] = row);
  }
  return { pack, examples, rows, labels: length.map((r) => Object.values(r).reduce((a, b) => a + b, 0)) };

  function remember(referenceSums: Float64Array): void {
    const found = byExample(pack, examples.length, (s) => item(referenceSums, s));
    examples.forEach((example, i) => {
      if (!references.get(split, example)) references.set(split, example, item(found, i));
    });
  }
}

/**
 * Computes the reference of examples that have none yet. Needed before the first step where training changes the model
 * itself (full tuning); with adapters it is done when a row is first met.
 */
export async function precomputeReferences(
  { engine, references }: Scoring,
  split: "train" | "eval",
  examples: readonly EncodedExample[],
  budget: number | null,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const missing = examples.filter((example) => !references.get(split, example));
  let done = 0;
  for (
    const group of packUnits(missing.map((example) => [example]), budget ?? DEFAULT_ROWS, engine.replicas)
  ) {
    if (signal.aborted) return;
    const pack = packExamples(group),
      sums = sequenceSums(pack, await engine.forward(pack, { adapter: false, keep: false }));
    byExample(pack, group.length, (s) => f64(sums, s)).forEach((found, i) =>
      references.set(split, item(group, i), found)
    );
    onProgress(done += group.length, missing.length);
  }
}

/** Whose mean the loss of a step is: of its micro-batches' means, or of its examples. */
export type StepMean = "micro_batches" | "examples";

/**
 * The weight of each example's loss in the loss of its step. Losses per label token are divided by the step's labels, as
 * transformers does. Of losses per example, transformers takes the mean of the micro-batches' means, so that an example of a
 * micro-batch that isn't full weighs more; `examples` weighs all alike.
 */
export function exampleWeights(
  loss: Pick<Loss, "normalize">,
  batches: readonly (readonly EncodedExample[])[],
  mean: StepMean,
): (example: EncodedExample) => number {
  if (loss.normalize === "label_tokens") {
    const labels = batches.flat().reduce((sum, example) => sum + countLabels(example), 0);
    return () => 1 / labels;
  }
  if (mean === "examples") {
    const examples = batches.flat().length;
    return () => 1 / examples;
  }
  const weights = new Map(
    batches.flatMap((batch) =>
      batch.map((example) => [example, 1 / (batches.length * batch.length)] as const)
    ),
  );
  return (example) => valueOf(weights, example);
}

function countLabels({ sequences }: EncodedExample): number {
  let count = 0;
  for (const { labels } of sequences) {
    for (let i = 1; i < labels.length; i++) if (labels[i] !== -100) count++;
  }
  return count;
}

/** d step loss / d log-probability of every label of the pack. */
export function labelWeights(
  { pack, rows, examples }: Scored,
  weightOf: (example: EncodedExample) => number,
): Float64Array {
  const weights = new Float64Array(pack.labelIds.length);
  const slopes = pack.sequences.map(({ example, name }) =>
    entryOf(item(rows, example).gradient, name) * weightOf(item(examples, example))
  );
  for (let l = 0; l < weights.length; l++) {
    for (let o = i32(pack.ownerStart, l); o < i32(pack.ownerStart, l + 1); o++) {
      weights[l] = f64(weights, l) + item(slopes, i32(pack.owners, o));
    }
  }
  return weights;
}

async function notFinite(
  engine: EngineClient,
  pack: Pack,
  examples: readonly EncodedExample[],
  label: number,
  value: number,
) {
  const sequence = item(pack.sequences, i32(pack.owners, i32(pack.ownerStart, label)));
  const { file, row } = item(examples, sequence.example).source;
  const place = await engine.findNonFinite(pack);
  return new RangeError(
    `Cannot continue as the loss needs finite log-probabilities: current value is ${value} in ${file} row ${row}, sequence ` +
      `"${sequence.name}"; the first layer that isn't finite is ${place?.layer ?? "the output head"}. ` +
      "Lower learning_rate, or look at that row",
  );
}
