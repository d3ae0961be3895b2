/**
 * Packed matrices as ONNX Runtime's MatMulNBits takes them. Its zero points are whole codes, so a minimum becomes the nearest one
 * and a rest `r` of at most half a scale, which must not be dropped: it is the same for all of a group, and its sum over a row
 * ruins a model. The rest's share of a product is `Σ r · (sum of the group's inputs)`, so the sums of groups are appended to
 * the input as further columns, and the rests to the matrix: in 4 bits twice, the second time what the first left.
 * @module
 */
import { f32, u8 } from "../../../../formats/elements.ts";
import { groupsOf, PACKED_GROUP, type PackedMatrix } from "../../../../formats/packed/mod.ts";

/** Constants of a MatMulNBits. */
export interface NBits {
  readonly rows: number;
  /** Columns with those of rests, padded to whole groups of each. */
  readonly columns: number;
  /** Columns of rests: so many sums of groups follow the input; 0 where there are no minima. */
  readonly extra: number;
  readonly bits: 4 | 8;
  /** `[rows, groups, 4 · bits]`, `[rows, groups]`. */
  readonly codes: Uint8Array<ArrayBuffer>;
  readonly scales: Float32Array<ArrayBuffer>;
  /** `[rows, ⌈groups · bits / 8⌉]`; null: the middle code everywhere. */
  readonly zeros: Uint8Array<ArrayBuffer> | null;
}

/** Columns that `extra` columns of rests repeat the groups' sums in: group `i` is column `i` of each copy. */
export function copiesOf(bits: 4 | 8): number {
  return bits === 4 ? 2 : 1;
}

/** Columns of one copy of a row's sums, whole groups. */
export function sumColumns(columns: number): number {
  return groupsOf(groupsOf(columns)) * PACKED_GROUP;
}

/** Constants of a product with a packed matrix. */
export function nBits(matrix: PackedMatrix): NBits {
  const { rows, columns, bits, minima } = matrix;
  if (minima === null) return { ...matrix, extra: 0, zeros: null };
  const copies = copiesOf(bits), pad = sumColumns(columns), groups = groupsOf(columns);
  const perCopy = pad / PACKED_GROUP,
    all = groups + copies * perCopy,
    width = 4 * bits,
    middle = 2 ** (bits - 1);
  const codes = new Uint8Array(rows * all * width), scales = new Float32Array(rows * all);
  const zeroBytes = Math.ceil(all * bits / 8), zeros = new Uint8Array(rows * zeroBytes);
  const rests = new Float32Array(pad);
  for (let row = 0; row < rows; row++) {
    codes.set(matrix.codes.subarray(row * groups * width, (row + 1) * groups * width), row * all * width);
    scales.set(matrix.scales.subarray(row * groups, (row + 1) * groups), row * all);
    for (let g = 0; g < all; g++) {
      let zero = middle;
      if (g < groups) {
        const scale = f32(matrix.scales, row * groups + g), minimum = f32(minima, row * groups + g);
        if (scale !== 0) zero = Math.max(0, Math.min(2 ** bits - 1, Math.round(middle - minimum / scale)));
        rests[g] = minimum + scale * (zero - middle);
      }
      const place = row * zeroBytes + (bits === 8 ? g : g >> 1);
      zeros[place] = u8(zeros, place) | zero << (bits === 8 ? 0 : 4 * (g & 1));
    }
    for (let copy = 0; copy < copies; copy++) {
      for (let g = 0; g < perCopy; g++) {
        const group = row * all + groups + copy * perCopy + g;
        scales[group] = packRests(rests, g * PACKED_GROUP, bits, codes, group * width);
      }
    }
  }
  return { rows, columns: columns + copies * pad, extra: copies * pad, bits, codes, scales, zeros };
}

/** Packs a group of rests, leaves in `rests` what rounding left of them, and gives the scale. */
function packRests(rests: Float32Array, start: number, bits: 4 | 8, codes: Uint8Array, to: number): number {
  let largest = 0;
  for (let i = start; i < start + PACKED_GROUP; i++) {
    if (Math.abs(f32(rests, i)) > Math.abs(largest)) largest = f32(rests, i);
  }
  const middle = 2 ** (bits - 1), scale = Math.fround(bits === 4 ? -largest / 8 : Math.abs(largest) / 127);
  for (let i = 0; i < PACKED_GROUP; i++) {
    const rest = f32(rests, start + i);
    const q = scale === 0 ? 0 : Math.max(-middle, Math.min(middle - 1, Math.round(rest / scale)));
    rests[start + i] = rest - q * scale;
    const place = to + (bits === 8 ? i : i >> 1);
    codes[place] = u8(codes, place) | (q + middle) << (bits === 8 ? 0 : 4 * (i & 1));
  }
  return scale;
}

/** The matrix `[extra, columns]` whose product with an input is the sums of its groups, `copies` times: ones in 4 bits. */
export function groupSums(columns: number, copies: number): PackedMatrix {
  const pad = sumColumns(columns), groups = groupsOf(columns), rows = copies * pad;
  const codes = new Uint8Array(rows * groups * 16).fill(0x88),
    scales = new Float32Array(rows * groups).fill(1);
  for (let copy = 0; copy < copies; copy++) {
    for (let g = 0; g < groups; g++) {
      // 9 − 8 = 1.
      codes.fill(0x99, ((copy * pad + g) * groups + g) * 16, ((copy * pad + g) * groups + g + 1) * 16);
    }
  }
  return { rows, columns, bits: 4, codes, scales, minima: null };
}
