/**
 * Packed matrices as ONNX Runtime's MatMulNBits takes them. Its zero points are whole codes, so a minimum becomes the nearest one
 * and a rest `r` of at most half a scale, which must not be dropped: it is the same for all of a group, and its sum over a row
 * ruins a model. The rest's share of a product is `Σ r · (sum of the group's inputs)`, so the sums of groups are appended to
 * the input as further columns, and the rests to the matrix. In 4 bits a sixteenth of a group's sum may follow, which takes what the
 * sum's own column left.
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

/** A column of rests. */
export interface SumColumn {
  readonly group: number;
  /** Factor of the sum of the group's inputs. */
  readonly factor: number;
}

const FINE = 1 / 16;
/** A group of columns is saved where it would hold less than this share of the sixteenths. */
const SPARED = 1 / 4;

/** Columns of rests behind an input of `columns` columns, without the zeros that fill the last group. */
export function sumColumns(columns: number, bits: 4 | 8): SumColumn[] {
  const groups = groupsOf(columns),
    of = (factor: number) => (_: unknown, group: number) => ({ group, factor });
  const whole = Array.from({ length: groups }, of(1));
  if (bits === 8) return whole;
  const room = (groupsOf(2 * groups) - 1) * PACKED_GROUP - groups;
  return [...whole, ...Array.from({ length: room >= (1 - SPARED) * groups ? room : groups }, of(FINE))];
}

/** Constants of a product with a packed matrix. */
export function nBits(matrix: PackedMatrix): NBits {
  const { rows, columns, bits, minima } = matrix;
  if (minima === null) return { ...matrix, extra: 0, zeros: null };
  const sums = sumColumns(columns, bits), groups = groupsOf(columns), added = groupsOf(sums.length);
  const all = groups + added, width = 4 * bits, middle = 2 ** (bits - 1);
  const codes = new Uint8Array(rows * all * width), scales = new Float32Array(rows * all);
  const zeroBytes = Math.ceil(all * bits / 8), zeros = new Uint8Array(rows * zeroBytes);
  const rests = new Float32Array(groups);
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
    for (let g = 0; g < added; g++) {
      const group = row * all + groups + g, own = sums.slice(g * PACKED_GROUP, (g + 1) * PACKED_GROUP);
      scales[group] = packRests(rests, own, { bits, codes, start: group * width });
    }
  }
  const extra = added * PACKED_GROUP;
  return { rows, columns: columns + extra, extra, bits, codes, scales, zeros };
}

/** Packs rests for a group of columns, leaves in `rests` what rounding left of them, and gives the scale. @param start Of the group's codes */
function packRests(
  rests: Float32Array,
  sums: readonly SumColumn[],
  { bits, codes, start }: { bits: 4 | 8; codes: Uint8Array; start: number },
): number {
  const middle = 2 ** (bits - 1), packed = new Set<number>();
  let largest = 0;
  for (const { group, factor } of sums) {
    // A sixteenth in the same group of columns takes what a column before it leaves, which is within reach.
    if (!packed.has(group)) largest = Math.max(largest, Math.abs(f32(rests, group)) / factor);
    packed.add(group);
  }
  // Codes reach from −middle to middle − 1: half a step beyond either end is as far off as between two codes.
  const scale = Math.fround(largest / (middle - 0.5));
  for (let i = 0; i < PACKED_GROUP; i++) {
    const { group = 0, factor = 0 } = sums[i] ?? {}, unit = scale * factor, rest = f32(rests, group);
    const q = unit === 0 ? 0 : Math.max(-middle, Math.min(middle - 1, Math.round(rest / unit)));
    rests[group] = rest - q * unit;
    const place = start + (bits === 8 ? i : i >> 1);
    codes[place] = u8(codes, place) | (q + middle) << (bits === 8 ? 0 : 4 * (i & 1));
  }
  return scale;
}

/** `[groups, extra]`: what the sums of an input's groups are multiplied by to be the columns that {@linkcode sumColumns} says, and zeros behind. */
export function sumSpread(columns: number, bits: 4 | 8): Float32Array<ArrayBuffer> {
  const sums = sumColumns(columns, bits), extra = groupsOf(sums.length) * PACKED_GROUP;
  const spread = new Float32Array(groupsOf(columns) * extra);
  for (const [column, { group, factor }] of sums.entries()) spread[group * extra + column] = factor;
  return spread;
}
