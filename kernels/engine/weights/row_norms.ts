/**
 * Lengths of a frozen matrix's rows, which DoRA's lengths start from.
 * @module
 */
import { float } from "../../../formats/elements.ts";

/**
 * Lengths of a module's rows, `[rows]`, sums in float64.
 * @throws {RangeError} If a row is all zeros: it has no direction
 */
export function rowNorms(module: string, weight: Float32Array, rows: number): Float32Array<ArrayBuffer> {
  const columns = weight.length / rows, norms = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) sum += float(weight, i) ** 2;
    norms[row] = Math.sqrt(sum);
  }
  const zero = norms.indexOf(0);
  if (zero < 0) return norms;
  throw new RangeError(
    `Cannot train ${module} with DoRA: row ${zero} of its weight is all zeros, which has no direction; leave the module out of lora_target, ` +
      "or use_dora",
  );
}
