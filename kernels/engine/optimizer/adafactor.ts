/**
 * Adafactor (Shazeer & Stern 2018) as transformers' Trainer makes it: `Adafactor(scale_parameter=False, relative_step=False)`, which has the run's own learning
 * rate and no first moment. Of a matrix the averages of squares are kept by row and by column alone. For step t from 1, β = 1 − t^−0.8:
 *
 * ```text
 * r ← β r + (1 − β) mean over columns of (g² + 1e-30)      c ← β c + (1 − β) mean over rows of (g² + 1e-30)
 * u = g / √(r / mean(r)) / √c                              of a vector s ← β s + (1 − β) (g² + 1e-30), u = g / √s
 * u ← u / max(1, rms(u))                                   p ← p (1 − lr · wd) − lr · u
 * ```
 * @module
 */
import { entryOf, float, item } from "../../../formats/elements.ts";
import type { RuledStep, RuledTensor, UpdateRule, Values } from "./rule.ts";

/** Added to squares of gradients: eps[0]. */
const EPSILON = 1e-30;
/** −decay_rate. */
const DECAY = 0.8;

/** Adafactor; formulas above. */
export const adafactor: UpdateRule = Object.freeze<UpdateRule>({
  name: "Adafactor",
  states: (shape) => {
    const [rows = 1, columns] = shape;
    return columns === undefined ? { exp_avg_sq: rows } : { exp_avg_sq_row: rows, exp_avg_sq_col: columns };
  },
  update(tensor, step) {
    const kept = 1 - step.count ** -DECAY;
    const [rowFactors, columnFactors] = tensor.shape.length > 1
      ? ofMatrix(tensor, step, kept)
      : [Float64Array.of(1), ofVector(tensor, step, kept)];
    apply(tensor, step, rowFactors, columnFactors);
  },
});

/** Averages of a matrix's squares by rows and columns; gives 1 / √ of both parts. */
function ofMatrix(
  { shape, gradient, states }: RuledTensor,
  { gradientScale }: RuledStep,
  kept: number,
): [rows: Float64Array, columns: Float64Array] {
  const rows = item(shape, 0), columns = item(shape, 1);
  const byRow = entryOf(states, "exp_avg_sq_row"), byColumn = entryOf(states, "exp_avg_sq_col");
  const columnSums = new Float64Array(columns);
  let mean = 0;
  for (let r = 0; r < rows; r++) {
    const sum = addSquares(gradient.subarray(r * columns, (r + 1) * columns), gradientScale, columnSums);
    byRow[r] = kept * float(byRow, r) + (1 - kept) * sum / columns;
    mean += float(byRow, r) / rows;
  }
  for (let c = 0; c < columns; c++) {
    byColumn[c] = kept * float(byColumn, c) + (1 - kept) * float(columnSums, c) / rows;
  }
  return [inverseRoots(byRow, mean), inverseRoots(byColumn, 1)];
}

/** Adds a row's squares to their columns' sums; gives their own sum. */
function addSquares(gradient: Values, scale: number, columnSums: Float64Array): number {
  let sum = 0;
  for (let c = 0; c < gradient.length; c++) {
    const scaled = float(gradient, c) * scale, square = scaled * scaled + EPSILON;
    sum += square;
    columnSums[c] = float(columnSums, c) + square;
  }
  return sum;
}

function ofVector(
  { gradient, states }: RuledTensor,
  { gradientScale }: RuledStep,
  kept: number,
): Float64Array {
  const average = entryOf(states, "exp_avg_sq");
  for (let j = 0; j < gradient.length; j++) {
    const square = (float(gradient, j) * gradientScale) ** 2 + EPSILON;
    average[j] = kept * float(average, j) + (1 - kept) * square;
  }
  return inverseRoots(average, 1);
}

function inverseRoots(values: Values, mean: number): Float64Array {
  return Float64Array.from(values, (value) => 1 / Math.sqrt(value / mean));
}

/** p ← p (1 − lr · wd) − lr · u / max(1, rms(u)), u = g · row's factor · column's factor. */
function apply(
  { values, gradient }: RuledTensor,
  { rate, weightDecay, gradientScale }: RuledStep,
  rowFactors: Float64Array,
  columnFactors: Float64Array,
): void {
  const columns = columnFactors.length;
  const row = (of: Values, r: number) => of.subarray(r * columns, (r + 1) * columns);
  let squares = 0;
  rowFactors.forEach((factor, r) => {
    squares += sumOfSquares(row(gradient, r), gradientScale * factor, columnFactors);
  });
  const rms = Math.sqrt(squares / values.length), stepSize = rate * gradientScale / Math.max(1, rms);
  const keep = 1 - rate * weightDecay;
  rowFactors.forEach((factor, r) => {
    stepRow(row(values, r), row(gradient, r), { keep, scale: stepSize * factor, columnFactors });
  });
}

/** Σ u² of a row. */
function sumOfSquares(gradient: Values, scale: number, columnFactors: Float64Array): number {
  let squares = 0;
  for (let c = 0; c < gradient.length; c++) {
    const u = float(gradient, c) * scale * float(columnFactors, c);
    squares += u * u;
  }
  return squares;
}

function stepRow(
  values: Values,
  gradient: Values,
  { keep, scale, columnFactors }: { keep: number; scale: number; columnFactors: Float64Array },
): void {
  for (let c = 0; c < values.length; c++) {
    values[c] = float(values, c) * keep - scale * float(gradient, c) * float(columnFactors, c);
  }
}
