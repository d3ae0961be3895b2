/**
 * From label log-probabilities to losses and back: the same for training and evaluation.
 * @module
 */
import { entryOf, f64, i32, item, valueOf } from "../../../../formats/elements.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import type { ForwardPass } from "../../../../kernels/engine/forward.ts";
import type { EngineClient } from "../../../../kernels/engine/host.ts";
import { exampleRows, type Pack, packExamples, packUnits } from "../../../../kernels/engine/packs/pack.ts";
import { DEFAULT_ROWS } from "../../../../kernels/engine/pack_rows.ts";
import { type EvaluatedRow, evaluateLoss, type TokenRow } from "../../../kinds/loss_evaluation.ts";
import type { Loss } from "../../../kinds/loss.ts";
import { ReferenceCache } from "./reference.ts";
import type { CarriedOverSteps } from "./carried.ts";
import { byExample, labelsOfSequences, ownerWeights, sequenceSums } from "./sequence_sums.ts";

/** Inputs of scoring besides examples. */
export interface Scoring {
  engine: EngineClient;
  loss: Loss;
  references: ReferenceCache;
  /** Of a loss that carries numbers over micro-batches. */
  carried?: CarriedOverSteps;
  /** References are those of another model, and all there before the first step. */
  isReferenceGiven?: boolean;
  /** Most rows of packs that an engine that waits for a device gets at once; absent: one pack. */
  together?: number;
  /** Evaluations tell the share of an example's labels that no token is likelier than, as metric `accuracy`. */
  accuracy?: boolean;
}

/** Examples of one pack with what the model and the loss said of them. */
export interface Scored {
  pack: Pack;
  examples: readonly EncodedExample[];
  rows: EvaluatedRow[];
  /** What the loss took of each example's sequences under what is trained: sums of log-probabilities in nats, or values. */
  policy: Record<string, number>[];
  /** Labelled tokens of each example. */
  labels: number[];
  /** Weights of labels in their sequences' sums, laid out as the pack's `owners`; null: 1 each. */
  tokenWeights: Float64Array | null;
  /** Rows with the reference by a pass of its own, where `identity` asks to compare. */
  compared?: EvaluatedRow[];
}

/** A pack that is scored. */
export interface PackToScore {
  examples: readonly EncodedExample[];
  split: "train" | "eval";
  /** Keep the forward pass for a backward pass. */
  keep: boolean;
  /** Number that decides dropout and noise; undefined: neither. */
  dropoutStep?: number;
  /** Positions in `examples` that make up one micro-batch for `loss.batch`; default: each example its own. */
  groups?: readonly (readonly number[])[];
  /**
   * The adapter changes nothing yet, so that the reference is the policy, bit for bit. `compared`: a pass with adapters off says the same
   * within rounding, as some backends sum otherwise where nothing is kept for a backward pass.
   */
  identity?: "taken" | "compared";
}

/**
 * Packs, in their order, in groups that an engine gets at once: of as many rows together as it says, or each alone where waiting costs nothing.
 */
export function inFlights<Unit extends { examples: readonly EncodedExample[] }>(
  { engine, together = 0 }: Pick<Scoring, "engine" | "together">,
  packs: readonly Unit[],
): Unit[][] {
  if (!engine.forwardAll) return packs.map((pack) => [pack]);
  const flights: Unit[][] = [];
  let rows = Infinity;
  for (const pack of packs) {
    const own = pack.examples.reduce((sum, example) => sum + exampleRows(example), 0);
    rows += own;
    if (rows <= together) flights.at(-1)?.push(pack);
    else {
      flights.push([pack]);
      rows = own;
    }
  }
  return flights;
}

/**
 * Runs the model and the loss over packs; where an engine waits for a device, it waits once. Passes that are kept go backward in this order.
 * @throws {RangeError} If a log-probability isn't finite: names the layer, the file and the row.
 */
export async function scorePacks(scoring: Scoring, given: readonly PackToScore[]): Promise<Scored[]> {
  const { engine, loss, references, isReferenceGiven = false } = scoring;
  const passes: ForwardPass[] = [];
  const isBestTold = (split: "train" | "eval") => split === "eval" && (scoring.accuracy ?? false);
  const laid = given.map(({ examples, split, keep, dropoutStep, identity }) => {
    const pack = packExamples(examples, { shared: engine.replicas === 1 && dropoutStep === undefined });
    // answers that are drawn are new in every step, so nothing of them is kept
    const missing = loss.needsReference && !isReferenceGiven &&
      (loss.perToken === true || examples.some((e) => !references.get(split, e)));
    if (missing && identity !== "taken") passes.push({ pack, adapter: false, keep: false });
    passes.push({
      pack,
      adapter: true,
      keep,
      ...(dropoutStep !== undefined && { dropoutStep }),
      ...(isBestTold(split) && { best: true }),
      ...(loss.labelMeasure && { measure: loss.labelMeasure }),
    });
    return { pack, missing };
  });
  const logps = await forwardAll(engine, passes), scored: Scored[] = [];
  let next = 0;
  for (const [i, { pack, missing }] of laid.entries()) {
    const one = item(given, i), reference = missing && one.identity !== "taken" ? item(logps, next++) : null;
    const values = item(logps, next++), labels = pack.labelIds.length, policy = values.subarray(0, labels);
    const measures = loss.labelMeasure ? values.subarray(values.length - labels) : new Float64Array();
    const isCompared = one.identity === "compared" && reference !== null;
    const taken = isCompared || reference === null ? policy : reference;
    const pass = await evaluatePack(scoring, one, pack, {
      policy,
      measures,
      reference: missing ? taken : null,
    });
    if (isCompared) {
      const { carried: _, ...still } = scoring, apart = { ...still, references: new ReferenceCache() };
      pass.compared = (await evaluatePack(apart, one, pack, { policy, measures, reference })).rows;
    }
    if (isBestTold(one.split)) addAccuracy(pass, values.subarray(labels, 2 * labels));
    scored.push(pass);
  }
  return scored;
}

/**
 * Metric `accuracy` of every example: the share of its labels whose token is the most probable one. LLaMA-Factory's ComputeAccuracy
 * takes the mean over examples of the same share.
 * @param best `[L]`, 1 or 0
 */
function addAccuracy({ pack, rows, labels }: Scored, best: Float64Array): void {
  const hits = sequenceSums(pack, best), counts = rows.map(() => 0);
  pack.sequences.forEach(({ example }, s) => counts[example] = item(counts, example) + f64(hits, s));
  rows.forEach((row, i) => row.metrics.accuracy = item(counts, i) / item(labels, i));
}

/** Log-probabilities of passes in their order. */
async function forwardAll(engine: EngineClient, passes: readonly ForwardPass[]): Promise<Float64Array[]> {
  if (engine.forwardAll) return await engine.forwardAll(passes);
  const logps: Float64Array[] = [];
  for (const { pack, ...options } of passes) logps.push(await engine.forward(pack, options));
  return logps;
}

/** The loss of a pack's examples, from its log-probabilities. */
async function evaluatePack(
  { engine, loss, references, carried }: Scoring,
  { examples, split, groups }: PackToScore,
  pack: Pack,
  { policy: logps, measures, reference }: {
    policy: Float64Array;
    measures: Float64Array;
    reference: Float64Array | null;
  },
): Promise<Scored> {
  const bad = logps.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) throw await notFinite({ engine, loss }, { pack, examples }, bad, f64(logps, bad));
  const tokenWeights = ownerWeights(loss, pack, examples.length, { logps, measures });
  const apart = loss.labelMeasure === "divergence" ? sequenceSums(pack, measures) : null;
  const sums = sequenceSums(pack, logps, tokenWeights);
  const apartReference = loss.perToken ? reference && sequenceSums(pack, reference) : null;
  if (reference && !loss.perToken) remember(sequenceSums(pack, reference));
  const tokens = loss.perToken ? tokensOf(pack, examples, logps, reference) : null;

  const policy = byExample(pack, examples.length, (s) => f64(sums, s));
  const length = byExample(pack, examples.length, (s) => item(pack.sequences, s).length);
  const divergence = apart && byExample(pack, examples.length, (s) => f64(apart, s));
  const referenceSums = apartReference ? byExample(pack, examples.length, (s) => f64(apartReference, s)) : [];
  const inputs = examples.map((example, i) => ({
    policy: item(policy, i),
    length: item(length, i),
    ...(divergence && { divergence: item(divergence, i) }),
    ...(loss.needsReference && {
      reference: apartReference ? item(referenceSums, i) : references.of(split, example),
    }),
    ...(example.desirable !== undefined && { desirable: example.desirable }),
    ...(example.drawn && { drawn: example.drawn }),
    ...(tokens && { tokens: item(tokens, i) }),
  }));
  const rows: EvaluatedRow[] = [];
  for (const group of groups ?? examples.map((_, i) => [i])) {
    const own = group.map((i) => item(inputs, i));
    if (split === "train") carried?.move(own);
    evaluateLoss(loss, own, carried?.now).forEach((row, k) => rows[item(group, k)] = row);
  }
  const labels = length.map((r) => Object.values(r).reduce((a, b) => a + b, 0));
  if (!loss.perToken) return { pack, examples, rows, policy, labels, tokenWeights };
  return { pack, examples, policy, labels, ...tokenSlopes(pack, rows) };

  function remember(referenceSums: Float64Array): void {
    const found = byExample(pack, examples.length, (s) => item(referenceSums, s));
    examples.forEach((example, i) => {
      if (!references.get(split, example)) references.set(split, example, item(found, i));
    });
  }
}

/** Log-probabilities of the labels of every sequence, by example and name. */
function tokensOf(
  pack: Pack,
  examples: readonly EncodedExample[],
  logps: Float64Array,
  reference: Float64Array | null,
): Record<string, TokenRow>[] {
  const labels = labelsOfSequences(pack);
  const of = (values: Float64Array, s: number) =>
    Float64Array.from(item(labels, s), ({ label }) => f64(values, label));
  return byExample(pack, examples.length, (s) => {
    const { old } = item(examples, item(pack.sequences, s).example).drawn ?? {};
    return {
      policy: of(logps, s),
      ...(old && { old }),
      ...(reference && { reference: of(reference, s) }),
    };
  });
}

/** Slopes of single labels as weights of theirs, laid out as the pack's `owners`, under sums whose slope is 1. */
function tokenSlopes(
  pack: Pack,
  rows: readonly EvaluatedRow[],
): Pick<Scored, "rows" | "tokenWeights"> {
  const tokenWeights = new Float64Array(pack.owners.length), labels = labelsOfSequences(pack);
  pack.sequences.forEach(({ example, name }, s) => {
    const { gradient, tokenGradient = {} } = item(rows, example), slopes = entryOf(tokenGradient, name);
    item(labels, s).forEach(({ entry }, i) => tokenWeights[entry] = f64(slopes, i) + entryOf(gradient, name));
  });
  return {
    rows: rows.map((row) => ({
      ...row,
      gradient: Object.fromEntries(Object.keys(row.gradient).map((name) => [name, 1])),
    })),
    tokenWeights,
  };
}

/** What computes references, and who is told. */
export interface ReferencePass extends Pick<Scoring, "engine" | "references" | "together"> {
  /** True if the engine's adapters belong to the reference. Default false. */
  adapter?: boolean;
  /** Ends the pass between two packs. */
  signal?: AbortSignal;
  /** Called with examples that are done, of all that are missing. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Computes the reference of examples that have none yet. Needed before the first step where training changes the model
 * itself (full tuning), or where the reference is another model; with adapters it is done when a row is first met.
 * @param budget Rows of a pack, > 0; null: 1,024
 */
export async function precomputeReferences(
  { engine, references, together = 0, adapter = false, signal, onProgress }: ReferencePass,
  split: "train" | "eval",
  examples: readonly EncodedExample[],
  budget: number | null,
): Promise<void> {
  const missing = examples.filter((example) => !references.get(split, example));
  let done = 0;
  const groups = packUnits(missing.map((example) => [example]), budget ?? DEFAULT_ROWS, engine.replicas);
  for (const flight of inFlights({ engine, together }, groups.map((examples) => ({ examples })))) {
    if (signal?.aborted) return;
    const shared = engine.replicas === 1;
    const packs = flight.map(({ examples }) => packExamples(examples, { shared }));
    const logps = await forwardAll(engine, packs.map((pack) => ({ pack, adapter, keep: false })));
    packs.forEach((pack, p) => {
      const { examples } = item(flight, p), sums = sequenceSums(pack, item(logps, p));
      byExample(pack, examples.length, (s) => f64(sums, s)).forEach((found, i) =>
        references.set(split, item(examples, i), found)
      );
      done += examples.length;
    });
    onProgress?.(done, missing.length);
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
    // none where all answers of a step are masked
    return () => 1 / Math.max(1, labels);
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

function countLabels({ sequences, drawn }: EncodedExample): number {
  let count = 0;
  if (drawn?.masked) return count;
  for (const { labels } of sequences) {
    for (let i = 1; i < labels.length; i++) if (labels[i] !== -100) count++;
  }
  return count;
}

/** d step loss / d log-probability of every label of the pack, `[L]`; behind it, of a loss that measures a divergence, d step loss / d that. */
export function labelWeights(
  { pack, rows, examples, tokenWeights }: Scored,
  weightOf: (example: EncodedExample) => number,
): Float64Array {
  const labels = pack.labelIds.length;
  const slopesOf = (what: "gradient" | "divergenceGradient") =>
    pack.sequences.map(({ example, name }) =>
      entryOf(item(rows, example)[what] ?? {}, name) * weightOf(item(examples, example))
    );
  const measured = rows.some(({ divergenceGradient }) => divergenceGradient);
  const weights = new Float64Array(measured ? 2 * labels : labels);
  fillWeights(weights, pack, slopesOf("gradient"), tokenWeights);
  if (measured) fillWeights(weights.subarray(labels), pack, slopesOf("divergenceGradient"));
  return weights;
}

/** Adds to each label the slopes of the sequences that it belongs to. */
function fillWeights(
  weights: Float64Array,
  pack: Pack,
  slopes: readonly number[],
  tokenWeights: Float64Array | null = null,
): void {
  for (let l = 0; l < pack.labelIds.length; l++) {
    for (let o = i32(pack.ownerStart, l); o < i32(pack.ownerStart, l + 1); o++) {
      const slope = item(slopes, i32(pack.owners, o));
      weights[l] = f64(weights, l) + (tokenWeights ? f64(tokenWeights, o) * slope : slope);
    }
  }
}

async function notFinite(
  { engine, loss }: Pick<Scoring, "engine" | "loss">,
  { pack, examples }: { pack: Pack; examples: readonly EncodedExample[] },
  label: number,
  value: number,
) {
  const sequence = item(pack.sequences, i32(pack.owners, i32(pack.ownerStart, label)));
  const { file, row } = item(examples, sequence.example).source;
  const place = await engine.findNonFinite(pack);
  return new RangeError(
    `Cannot continue as the loss needs finite ${
      loss.measure === "value" ? "values" : "log-probabilities"
    }: current value is ${value} in ${file} row ${row}, sequence ` +
      `"${sequence.name}"; the first layer that isn't finite is ${
        place?.layer ?? (loss.measure === "value" ? "the value head" : "the output head")
      }. ` +
      "Lower learning_rate, or look at that row",
  );
}
