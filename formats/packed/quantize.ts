/**
 * Floats to 4 or 8 bits, as ggml's Q4_0 and Q8_0 do it: the value of largest magnitude of a group is met exactly.
 * @module
 */
import { f64, u8 } from "../elements.ts";
import { narrowed, nearestFloat32, widen } from "../subnormal.ts";
import { groupsOf, PACKED_GROUP, type PackedMatrix } from "./packed_matrix.ts";

/**
 * Rounds a matrix `[rows, columns]`. An error is at most half a scale: 1/16 of a group's largest magnitude with 4 bits (1/8
 * at the end of the range that has one code less), 1/254 with 8.
 * @throws {RangeError} If a value isn't finite.
 */
export function quantized(
  values: Float32Array,
  rows: number,
  columns: number,
  bits: 4 | 8,
): PackedMatrix {
  const groups = groupsOf(columns), zero = 2 ** (bits - 1), most = 2 ** bits - 1, width = 4 * bits;
  const codes = new Uint8Array(rows * groups * width), scales = new Float64Array(rows * groups);
  const wide = new Float64Array(columns);
  for (let row = 0, group = 0; row < rows; row++) {
    widen(values.subarray(row * columns, (row + 1) * columns), wide);
    for (let first = 0; first < columns; first += PACKED_GROUP, group++) {
      const count = Math.min(PACKED_GROUP, columns - first);
      let largest = 0;
      for (let i = 0; i < count; i++) {
        const value = f64(wide, first + i);
        if (Math.abs(value) > Math.abs(largest) || Number.isNaN(value)) largest = value;
      }
      if (!Number.isFinite(largest)) {
        throw new RangeError(`Cannot quantise row ${row}: it has the value ${largest}`);
      }
      // With 4 bits the end that has one code more takes the largest value, whose sign the scale gets.
      const scale = nearestFloat32(bits === 4 ? -largest / 8 : Math.abs(largest) / 127);
      scales[group] = scale;
      for (let i = 0; i < PACKED_GROUP; i++) {
        const q = i < count && scale !== 0 ? Math.round(f64(wide, first + i) / scale) + zero : zero;
        const code = Math.max(0, Math.min(most, q)), place = group * width;
        if (bits === 8) codes[place + i] = code;
        else codes[place + (i >> 1)] = u8(codes, place + (i >> 1)) | code << 4 * (i & 1);
      }
    }
  }
  return { rows, columns, bits, codes, scales: narrowed(scales), minima: null };
}
