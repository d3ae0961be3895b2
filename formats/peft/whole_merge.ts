/**
 * Weights with everything of an adapter in them.
 * @module
 */
import { f64 } from "../elements.ts";
import { narrow, widen } from "../subnormal.ts";
import { mergedWeights } from "./merge.ts";
import type { WholeAdapter } from "./whole_adapter.ts";

/**
 * Reads weights with everything of an adapter in them, as {@linkcode mergedWeights} does; rows of DoRA are rounded once more when they get their lengths.
 * @param read Values of a base tensor by its name in transformers; a fresh array each call, which is changed
 */
export function wholeMerge(
  read: (name: string) => Float32Array<ArrayBuffer>,
  adapter: WholeAdapter,
): (name: string) => Float32Array<ArrayBuffer> {
  const { replaced, rows, magnitudes } = adapter;
  const merged = mergedWeights((name) => (replaced.get(name) ?? (() => read(name)))(), adapter);
  return (name) => {
    const values = merged(name),
      own = rows.get(name),
      lengths = magnitudes.get(name.replace(/\.weight$/, ""));
    if (lengths !== undefined) lengthen(values, lengths);
    if (own !== undefined) {
      const columns = own.values.length / own.indices.length;
      own.indices.forEach((row, i) =>
        values.set(own.values.subarray(i * columns, (i + 1) * columns), row * columns)
      );
    }
    return values;
  };
}

/** Gives each row its length. */
function lengthen(values: Float32Array<ArrayBuffer>, lengths: Float32Array): void {
  const columns = values.length / lengths.length, wide = new Float64Array(columns);
  lengths.forEach((length, i) => {
    const row = values.subarray(i * columns, (i + 1) * columns);
    widen(row, wide);
    let squares = 0;
    for (let j = 0; j < columns; j++) squares += f64(wide, j) ** 2;
    const factor = length / Math.sqrt(squares);
    for (let j = 0; j < columns; j++) wide[j] = f64(wide, j) * factor;
    narrow(wide, row);
  });
}
