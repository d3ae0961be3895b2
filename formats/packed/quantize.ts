/**
 * Floats to 4 or 8 bits, as ggml's Q4_0 and Q8_0 do it: the value of largest magnitude of a group is met exactly.
 * @module
 */
import { f64 } from "../elements.ts";
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
  const groups = groupsOf(columns), width = 4 * bits, padded = groups * PACKED_GROUP;
  const codes = new Uint8Array(rows * groups * width), scales = new Float64Array(rows * groups);
  // of one row, zeros behind its values
  const wide = new Float64Array(padded);
  for (let row = 0, group = 0; row < rows; row++) {
    widen(values.subarray(row * columns, (row + 1) * columns), wide);
    for (let first = 0; first < padded; first += PACKED_GROUP, group++) {
      const largest = largestOf(wide, first);
      if (!Number.isFinite(largest)) {
        throw new RangeError(`Cannot quantise row ${row}: it has the value ${largest}`);
      }
      // With 4 bits the end that has one code more takes the largest value, whose sign the scale gets.
      const scale = nearestFloat32(bits === 4 ? -largest / 8 : Math.abs(largest) / 127);
      scales[group] = scale;
      // a group whose scale is 0 becomes zeros
      const step = scale === 0 ? Infinity : scale;
      if (bits === 4) writeFours(codes, group * width, { wide, first, step });
      else writeEights(codes, group * width, { wide, first, step });
    }
  }
  return { rows, columns, bits, codes, scales: narrowed(scales), minima: null };
}

/** The first of a group's values whose size is largest; its first NaN where it has one. */
function largestOf(wide: Float64Array, first: number): number {
  let largest = 0, size = 0;
  for (let i = first; i < first + PACKED_GROUP; i++) {
    const value = f64(wide, i), own = Math.abs(value);
    if (own > size) {
      size = own;
      largest = value;
    } else if (Number.isNaN(value)) return NaN;
  }
  return largest;
}

/** A row, and where its group begins. */
interface Group {
  wide: Float64Array;
  first: number;
  step: number;
}

function writeFours(codes: Uint8Array, place: number, { wide, first, step }: Group): void {
  for (let i = 0; i < PACKED_GROUP / 2; i++) {
    const low = rounded(f64(wide, first + 2 * i) / step + 8, 15);
    codes[place + i] = low | rounded(f64(wide, first + 2 * i + 1) / step + 8, 15) << 4;
  }
}

function writeEights(codes: Uint8Array, place: number, { wide, first, step }: Group): void {
  for (let i = 0; i < PACKED_GROUP; i++) codes[place + i] = rounded(f64(wide, first + i) / step + 128, 255);
}

/**
 * The nearest whole number from 0 to `most`, halves up, as of `Math.round`, which costs more than cutting off what is behind the point. A quotient of
 * two float32 numbers that isn't a half is at least 2⁻²⁵ away from one, so the sums are never rounded over it. Beyond the ends are
 * those of a scale that is rounded to few bits, as subnormal ones are.
 */
function rounded(value: number, most: number): number {
  return Math.max(0, Math.min(most, (value + 0.5) | 0));
}
