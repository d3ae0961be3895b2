/**
 * Matrices in 4 or 8 bits: groups of {@linkcode PACKED_GROUP} values of a row share a scale, and where a format has them a minimum.
 *
 *     value = scale · (code − 2^(bits − 1)) + minimum
 *
 * Codes lie as ONNX Runtime's MatMulNBits takes them: `[rows, groups, 4 · bits]` bytes; with 4 bits value 2i of a group is
 * the low half of byte i and value 2i + 1 the high one.
 * @module
 */
import { f32, u8 } from "../elements.ts";

/** Values that share a scale. */
export const PACKED_GROUP = 32;

/** How a matrix is packed. */
export interface PackedForm {
  /** Bits of a code. */
  readonly bits: 4 | 8;
  /** Whether groups may have minima. */
  readonly minima: boolean;
}

/** A matrix in few bits, see the module's text. */
export interface PackedMatrix {
  /** Number of rows. */
  readonly rows: number;
  /** Values of a row. */
  readonly columns: number;
  /** Bits of a code. */
  readonly bits: 4 | 8;
  /** `[rows, ⌈columns / 32⌉, 4 · bits]`; what a last group lacks has the code of zero. */
  readonly codes: Uint8Array<ArrayBuffer>;
  /** `[rows, ⌈columns / 32⌉]`. */
  readonly scales: Float32Array<ArrayBuffer>;
  /** `[rows, ⌈columns / 32⌉]`; null: zeros. */
  readonly minima: Float32Array<ArrayBuffer> | null;
}

/** Groups of a row. */
export function groupsOf(columns: number): number {
  return Math.ceil(columns / PACKED_GROUP);
}

/** Code of value `i` of the group whose bytes begin at `start`. */
export function codeAt(codes: Uint8Array, start: number, bits: 4 | 8, i: number): number {
  return bits === 8 ? u8(codes, start + i) : u8(codes, start + (i >> 1)) >> 4 * (i & 1) & 15;
}

/** The values, `[rows, columns]`, rounded to float32 once. */
export function unpacked(
  { rows, columns, bits, codes, scales, minima }: PackedMatrix,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(rows * columns), groups = groupsOf(columns), zero = 2 ** (bits - 1);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < columns; c++) {
      const group = row * groups + Math.floor(c / PACKED_GROUP);
      const code = codeAt(codes, group * 4 * bits, bits, c % PACKED_GROUP);
      out[row * columns + c] = f32(scales, group) * (code - zero) + (minima ? f32(minima, group) : 0);
    }
  }
  return out;
}

/**
 * Rows of several matrices of as many columns and bits, one behind the other; a matrix without minima has zeros.
 * @throws {TypeError} If columns or bits differ, or there is no matrix
 */
export function stacked(parts: readonly PackedMatrix[]): PackedMatrix {
  const [first] = parts;
  if (!first || parts.some(({ columns, bits }) => columns !== first.columns || bits !== first.bits)) {
    throw new TypeError("Cannot stack matrices: they need the same columns and bits");
  }
  const groups = groupsOf(first.columns), rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const codes = new Uint8Array(rows * groups * 4 * first.bits), scales = new Float32Array(rows * groups);
  const minima = parts.some((part) => part.minima) ? new Float32Array(rows * groups) : null;
  let group = 0;
  for (const part of parts) {
    codes.set(part.codes, group * 4 * first.bits);
    scales.set(part.scales, group);
    if (part.minima) minima?.set(part.minima, group);
    group += part.scales.length;
  }
  return { rows, columns: first.columns, bits: first.bits, codes, scales, minima };
}

/** The same matrix with its rows in another order: row `i` is row `order[i]` of `matrix`. */
export function reordered(matrix: PackedMatrix, order: ArrayLike<number>): PackedMatrix {
  const groups = groupsOf(matrix.columns), bytes = groups * 4 * matrix.bits;
  const codes = new Uint8Array(matrix.codes.length), scales = new Float32Array(matrix.scales.length);
  const minima = matrix.minima && new Float32Array(matrix.minima.length);
  Array.from(order).forEach((from, row) => {
    codes.set(matrix.codes.subarray(from * bytes, (from + 1) * bytes), row * bytes);
    scales.set(matrix.scales.subarray(from * groups, (from + 1) * groups), row * groups);
    if (matrix.minima) minima?.set(matrix.minima.subarray(from * groups, (from + 1) * groups), row * groups);
  });
  return { ...matrix, codes, scales, minima };
}
