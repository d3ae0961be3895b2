/**
 * Runs a loss over the rows of a micro-batch: builds the tape, calls the formula, differentiates it.
 * @module
 */
import type { DrawnAnswer } from "../../kernels/engine/packs/encoded.ts";
import type { CarriedValues, Loss, MicroBatchRow, TokenInputs } from "./loss.ts";
import { constant, gradients, variable } from "../../kernels/tape.ts";

/** The numbers of one example, by sequence name. Log-probabilities are sums over labelled tokens, in nats. */
export interface LossRow {
  /** Under the model being trained, <= 0. */
  policy: Readonly<Record<string, number>>;
  /** Under the reference; left out when the loss needs none. */
  reference?: Readonly<Record<string, number>>;
  /** Labelled tokens, > 0. */
  length: Readonly<Record<string, number>>;
  /** Sums of KL(reference ‖ policy), >= 0; left out when the loss measures none. */
  divergence?: Readonly<Record<string, number>>;
  /** `kto` only. */
  desirable?: boolean;
  /** `prompt` only. */
  drawn?: DrawnAnswer;
  /** Log-probabilities of labelled tokens, `[length]` each; left out when the loss isn't `perToken`. */
  tokens?: Readonly<Record<string, TokenRow>>;
}

/** Log-probabilities of a sequence's labelled tokens, `[length]` each, in nats. */
export interface TokenRow {
  /** Under what is trained. */
  policy: Float64Array;
  /** When the answer was drawn; absent: the policy's. */
  old?: Float64Array;
  /** Absent where the loss has none. */
  reference?: Float64Array;
}

/** A loss's value, metrics and gradient for one row. */
export interface EvaluatedRow {
  /** The row's own loss, not yet divided by examples or tokens. */
  loss: number;
  /** d `loss` / d policy log-probability sum, by sequence name. */
  gradient: Record<string, number>;
  /** d `loss` / d divergence sum, by sequence name; of a loss that measures one. */
  divergenceGradient?: Record<string, number>;
  /** d `loss` / d log-probability of each labelled token, `[length]`, beside that by sums; of a `perToken` loss. */
  tokenGradient?: Record<string, Float64Array>;
  /** As in the loss's outputs, as numbers. One that `Loss.batch` gives is the micro-batch's, so only its first row has it. */
  metrics: Record<string, number>;
}

/**
 * Values and gradients of a loss for the rows of one micro-batch, in order.
 * @param carried Of a loss that carries numbers; default: those that it begins with
 * @throws {TypeError} If a row lacks a sequence's policy, reference, length or divergence.
 */
export function evaluateLoss(
  loss: Loss,
  rows: readonly LossRow[],
  carried: CarriedValues = loss.carried?.initial ?? {},
): EvaluatedRow[] {
  const filled = filledRows(loss, rows);
  const batch = loss.batch?.(filled, carried) ?? {};
  return filled.map((row, i) => {
    const policy = mapRecord(row.policy, variable);
    const reference = mapRecord(row.reference, constant), divergence = mapRecord(row.divergence, variable);
    const R = Object.fromEntries(
      Object.entries(policy).flatMap(([name, of]) => {
        const under = row.reference[name];
        return under === undefined ? [] : [[name, of.minus(under)]];
      }),
    );
    const tokens = mapRecord(row.tokens, tokenInputs),
      apart = Object.values(tokens).map(({ policy }) => policy);
    const outputs = loss.loss({
      policy,
      reference,
      R,
      length: row.length,
      divergence,
      tokens,
      batch,
      ...(row.desirable !== undefined && { desirable: row.desirable }),
      ...(row.drawn && { drawn: row.drawn }),
    });
    const sums = [...Object.values(policy), ...Object.values(divergence)];
    const slopes = gradients(outputs.loss, [...sums, ...apart.flat()]);
    const metrics = Object.entries(outputs.metrics).filter(([name]) => i === 0 || !(name in batch));
    return {
      loss: outputs.loss.value,
      gradient: named(Object.keys(policy), slopes),
      ...(loss.labelMeasure === "divergence" && {
        divergenceGradient: named(Object.keys(divergence), slopes.slice(Object.keys(policy).length)),
      }),
      ...(loss.perToken &&
        { tokenGradient: slopesOfTokens(Object.keys(tokens), apart, slopes.slice(sums.length)) }),
      metrics: mapRecord(
        Object.fromEntries(metrics),
        (value) => typeof value === "number" ? value : value.value,
      ),
    };
  });
}

function tokenInputs({ policy, old = policy, reference = new Float64Array() }: TokenRow): TokenInputs {
  return { policy: Array.from(policy, variable), old, reference };
}

/** @param slopes Those of all tokens, one sequence behind the other */
function slopesOfTokens(
  names: readonly string[],
  tokens: readonly { length: number }[],
  slopes: readonly number[],
): Record<string, Float64Array> {
  let from = 0;
  return Object.fromEntries(
    names.map((name, i) => [name, Float64Array.from(slopes.slice(from, from += tokens[i]?.length ?? 0))]),
  );
}

/**
 * What a loss carries on from a micro-batch; {} of one that carries nothing.
 * @throws {TypeError} As {@linkcode evaluateLoss}
 */
export function carriedOn(loss: Loss, rows: readonly LossRow[], before: CarriedValues): CarriedValues {
  return loss.carried?.next(before, filledRows(loss, rows)) ?? {};
}

function named(names: readonly string[], slopes: readonly number[]): Record<string, number> {
  return Object.fromEntries(names.map((name, k) => [name, slopes[k] ?? NaN]));
}

/** What a row has for the formula beside what a micro-batch is told. */
interface Filled extends Pick<LossRow, "drawn"> {
  divergence: Record<string, number>;
  tokens: Record<string, TokenRow>;
}

function filledRows(
  loss: Loss,
  rows: readonly LossRow[],
): (MicroBatchRow<string, boolean> & Filled)[] {
  const names = Object.keys(loss.sequences);
  return rows.map((row, i) => ({
    policy: pick(row.policy, names, "policy", i),
    reference: loss.needsReference ? pick(row.reference, names, "reference", i) : {},
    length: pick(row.length, names, "length", i),
    divergence: loss.labelMeasure === "divergence" ? pick(row.divergence, names, "divergence", i) : {},
    desirable: row.desirable,
    ...(row.drawn && { drawn: row.drawn }),
    tokens: loss.perToken ? Object.fromEntries(names.map((name) => [name, tokensOf(row, name, i)])) : {},
  }));
}

function tokensOf({ tokens = {} }: LossRow, name: string, row: number): TokenRow {
  const found = tokens[name];
  if (found) return found;
  throw new TypeError(
    `Cannot compute the loss as it needs tokens of sequence "${name}" in row ${row}: current value is undefined`,
  );
}

/**
 * Means of the rows' metrics, each over the rows that give it (KTO: a row is either chosen or rejected, and `kl` is given
 * once per micro-batch, so that its mean is TRL's), then what the loss's `summarize` adds.
 */
export function averageMetrics(loss: Loss, rows: readonly Record<string, number>[]): Record<string, number> {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      const entry = sums.get(name) ?? { sum: 0, count: 0 };
      sums.set(name, { sum: entry.sum + value, count: entry.count + 1 });
    }
  }
  const means = Object.fromEntries([...sums].map(([name, { sum, count }]) => [name, sum / count]));
  return { ...means, ...loss.summarize?.(means) };
}

function pick(
  record: Readonly<Record<string, number>> | undefined,
  names: readonly string[],
  what: string,
  row: number,
): Record<string, number> {
  return Object.fromEntries(names.map((name) => {
    const value = record?.[name];
    if (value === undefined) {
      throw new TypeError(
        `Cannot compute the loss as it needs ${what} of sequence "${name}" in row ${row}: current value is undefined`,
      );
    }
    return [name, value];
  }));
}

function mapRecord<V, W>(
  record: Readonly<Record<string, V>>,
  map: (value: V) => W,
): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}
