/**
 * Checks a loss as its author would want it checked: gradients against central differences, extreme rows, step 0.
 * @module
 */
import { stream, uniform } from "../../kernels/random/counter.ts";
import { evaluateLoss, type LossRow } from "../kinds/loss_evaluation.ts";
import type { Loss } from "../kinds/loss.ts";

/** Options of a loss's check. */
export interface LossCheckOptions {
  /** Rows of your own, as one micro-batch; otherwise `examples` rows are drawn from `seed`. */
  rows?: readonly LossRow[];
  /** Default 1. */
  seed?: number;
  /** Rows to draw, >= 1; default 16. */
  examples?: number;
  /** Largest relative difference that passes; default 1e-6. */
  tolerance?: number;
}

/** Results; a fault is thrown instead. */
export interface LossCheck {
  /** Largest relative difference between the tape's gradient and central differences. */
  worst: number;
  /** Sequences that no row's loss depends on: a forward pass spent on metrics or `batch`, or a slip in the formula. */
  unused: string[];
}

/**
 * Evaluates a loss on ordinary rows, on rows at policy = reference, and on rows thousands of nats apart.
 *
 * The result of `batch` is held fixed while differences are taken, since it is a constant to the formula. A formula with
 * kinks (hinge) may fail on a row that lies on one: draw others with another `seed`.
 *
 * @throws {Error} If a gradient differs from central differences, anything isn't finite, `initialLoss` isn't the loss at
 * policy = reference, or a second evaluation gives other numbers.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Registry } from "../registry.ts";
 * import { checkLossGradient } from "./check.ts";
 * import dpo from "./dpo.ts";
 *
 * const loss = new Registry([dpo]).create("loss", "dpo", { beta: 0.5 });
 * const { unused } = checkLossGradient(loss);
 * assertEquals(unused, []);
 * ```
 */
export function checkLossGradient(loss: Loss, options: LossCheckOptions = {}): LossCheck {
  const { seed = 1, examples = 16, tolerance = 1e-6 } = options;
  const rows = options.rows ?? Array.from({ length: examples }, (_, i) => drawRow(loss, seed, i));
  checkInitialLoss(loss, rows);
  checkExtremes(loss, rows);

  const frozen = withBatch(
    loss,
    loss.batch?.(
      rows.map((row) => ({
        policy: { ...row.policy },
        reference: { ...row.reference },
        length: { ...row.length },
      })),
      loss.carried?.initial ?? {},
    ),
  );
  const results = evaluateLoss(frozen, rows);
  if (JSON.stringify(evaluateLoss(frozen, rows)) !== JSON.stringify(results)) {
    throw new Error(
      "Cannot trust the loss as it gives other numbers when evaluated again: it must not keep state",
    );
  }
  const used = new Set<string>();
  let worst = 0;
  results.forEach((result, i) => {
    checkFinite(result, `row ${i}`);
    const slopes = (["policy", "divergence"] as const).flatMap((sums) =>
      Object.entries((sums === "policy" ? result.gradient : result.divergenceGradient) ?? {}).map((
        [name, actual],
      ) => ({ sums, name, actual }))
    );
    for (const { sums, name, actual } of slopes) {
      const expected = slope(frozen, rows[i], sums, name);
      const difference = Math.abs(actual - expected);
      if (!(difference <= tolerance * Math.abs(expected) + 1e-9)) {
        throw new Error(
          `Cannot trust the gradient by ${
            sums === "policy" ? "" : "the divergence of "
          }sequence "${name}" in row ${i} as central differences give ${expected}: ` +
            `current value is ${actual}. Is a number computed from .value outside of the tape, or is there a kink?`,
        );
      }
      if (Math.abs(expected) > 1e-6) worst = Math.max(worst, difference / Math.abs(expected));
      if (actual !== 0) used.add(name);
    }
  });
  return { worst, unused: Object.keys(loss.sequences).filter((name) => !used.has(name)) };
}

/** Derivative of a row's loss by one sum: central differences at two steps, extrapolated (Richardson). */
function slope(loss: Loss, row: LossRow | undefined, sums: "policy" | "divergence", name: string): number {
  const x = row?.[sums]?.[name];
  if (row === undefined || x === undefined) return NaN;
  const lossAt = (value: number) => {
    const [result] = evaluateLoss(loss, [{ ...row, [sums]: { ...row[sums], [name]: value } }]);
    return result?.loss ?? NaN;
  };
  const central = (step: number) => (lossAt(x + step) - lossAt(x - step)) / ((x + step) - (x - step));
  return (4 * central(0.005) - central(0.01)) / 3;
}

function checkInitialLoss(loss: Loss, rows: readonly LossRow[]): void {
  const { initialLoss } = loss;
  if (initialLoss === undefined) return;
  const start = rows.map((row) => ({
    ...row,
    reference: row.policy,
    ...(row.divergence && { divergence: atReference(row.divergence) }),
  }));
  evaluateLoss(loss, start).forEach((result, i) => {
    if (!(Math.abs(result.loss - initialLoss) <= 1e-9 * Math.max(1, Math.abs(initialLoss)))) {
      throw new Error(
        `Cannot trust initialLoss ${initialLoss} as the loss of row ${i} at policy = reference is ${result.loss}: ` +
          "correct it, or leave it out if it depends on the data",
      );
    }
  });
}

function atReference(divergence: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.keys(divergence).map((name) => [name, 0]));
}

/** Rewards of thousands of nats come up in a diverging run; the error should then name the data, not be a NaN. */
function checkExtremes(loss: Loss, rows: readonly LossRow[]): void {
  for (const name of Object.keys(loss.sequences)) {
    for (const nats of [-1e4, -1e-9]) {
      const extreme = rows.map((row) => ({ ...row, policy: { ...row.policy, [name]: nats } }));
      evaluateLoss(loss, extreme).forEach((result, i) =>
        checkFinite(result, `row ${i} with policy ${nats} of sequence "${name}"`)
      );
    }
  }
}

function checkFinite(
  { loss, gradient, metrics }: ReturnType<typeof evaluateLoss>[number],
  where: string,
): void {
  const numbers: [string, number][] = [
    ["loss", loss],
    ...Object.entries(gradient),
    ...Object.entries(metrics),
  ];
  const fault = numbers.find(([, value]) => !Number.isFinite(value));
  if (fault) {
    throw new Error(
      `Cannot trust the loss as ${fault[0]} of ${where} must be finite: current value is ${fault[1]}`,
    );
  }
}

function withBatch(loss: Loss, batch: Record<string, number> | undefined): Loss {
  return batch === undefined ? loss : Object.assign(Object.create(loss) as Loss, { batch: () => batch });
}

/** Answers of 3 to 200 tokens at 0.2 to 1.7 nats a token, the reference within 10 nats of the policy. */
function drawRow(loss: Loss, seed: number, index: number): LossRow {
  const row = { policy: {}, reference: {}, length: {}, desirable: index % 2 === 0 } as
    & { desirable: boolean; divergence?: Record<string, number> }
    & Record<"policy" | "reference" | "length", Record<string, number>>;
  for (const name of Object.keys(loss.sequences)) {
    const draw = (what: string) => uniform(seed, stream(`check/${name}/${what}`), index);
    row.length[name] = 3 + Math.floor(198 * draw("length"));
    row.policy[name] = -(0.2 + 1.5 * draw("policy")) * row.length[name];
    row.reference[name] = Math.min(0, row.policy[name] + 20 * draw("reference") - 10);
    if (loss.labelMeasure === "divergence") {
      row.divergence = { ...row.divergence, [name]: row.length[name] * draw("kl") };
    }
  }
  return row;
}
