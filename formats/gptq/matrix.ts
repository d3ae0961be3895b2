/**
 * A matrix quantised by GPTQ as files have it, and its values:
 *
 *     w[o, i] = scale[g(i), o] · (code[i, o] − zero[g(i), o])
 *
 * Codes lie along inputs: bits `b · j` on of word `[k, o]` are input `(32 / b) · k + j` of output `o`. Zero points lie along
 * outputs in the same way.
 * @module
 */
import { f32, i32, u32 } from "../elements.ts";
import { groupsOf, PACKED_GROUP, type PackedMatrix } from "../packed/mod.ts";

/** A matrix `[outputs, inputs]` as it is stored, G groups of inputs. */
export interface GptqMatrix {
  readonly outputs: number;
  readonly inputs: number;
  /** Bits of a code. */
  readonly bits: 4 | 8;
  /** `[inputs · bits / 32, outputs]`. */
  readonly codes: Int32Array<ArrayBuffer>;
  /** `[G, outputs · bits / 32]`, to which `zeroOffset` is added. */
  readonly zeros: Int32Array<ArrayBuffer>;
  /** `[G, outputs]`. */
  readonly scales: Float32Array<ArrayBuffer>;
  /** `[inputs]`, each below G. */
  readonly groups: Int32Array<ArrayBuffer>;
  /** 1: a stored zero point is one less than what it means. */
  readonly zeroOffset: 0 | 1;
}

/** Zero points, `[G, outputs]`. */
function zeroPoints({ zeros, bits, zeroOffset }: GptqMatrix): Uint8Array<ArrayBuffer> {
  const perWord = 32 / bits, mask = 2 ** bits - 1, points = new Uint8Array(zeros.length * perWord);
  // added to whole words, as GPTQModel does: a zero point of 0 was stored with a borrow from the next one
  const ones = zeroOffset === 0 ? 0 : bits === 4 ? 0x11111111 : 0x01010101;
  for (let at = 0; at < zeros.length; at++) {
    const word = (i32(zeros, at) + ones) >>> 0;
    for (let j = 0; j < perWord; j++) points[at * perWord + j] = word >>> bits * j & mask;
  }
  return points;
}

/** The values, `[outputs, inputs]`. */
export function gptqValues(matrix: GptqMatrix): Float32Array<ArrayBuffer> {
  const { outputs, inputs, bits, codes, scales, groups } = matrix, points = zeroPoints(matrix);
  const perWord = 32 / bits, mask = 2 ** bits - 1, values = new Float32Array(outputs * inputs);
  for (let i = 0; i < inputs; i++) {
    const words = Math.floor(i / perWord) * outputs, shift = bits * (i % perWord);
    const group = i32(groups, i) * outputs;
    for (let o = 0; o < outputs; o++) {
      const code = i32(codes, words + o) >>> shift & mask;
      values[o * inputs + i] = f32(scales, group + o) * (code - (points[group + o] ?? NaN));
    }
  }
  return values;
}

/**
 * Inputs that share a scale, where groups are runs of {@linkcode PACKED_GROUP}'s multiples in order; else null, as it is for an
 * order by activation.
 */
export function packableGroup({ inputs, groups }: Pick<GptqMatrix, "inputs" | "groups">): number | null {
  if (inputs % PACKED_GROUP !== 0) return null;
  const end = groups.findIndex((group) => group !== 0), size = end === -1 ? inputs : end;
  if (size % PACKED_GROUP !== 0) return null;
  return groups.every((group, i) => group === Math.floor(i / size)) ? size : null;
}

/** The same matrix in groups of {@linkcode PACKED_GROUP}. @throws {TypeError} If {@linkcode packableGroup} gives null */
export function gptqPacked(matrix: GptqMatrix): PackedMatrix {
  const { outputs, inputs, bits, codes, scales } = matrix, size = packableGroup(matrix);
  if (size === null) throw new TypeError("Cannot pack a matrix whose groups aren't runs of 32");
  const perRow = inputs * bits / 32, words = new Uint32Array(outputs * perRow);
  for (let k = 0; k < perRow; k++) {
    for (let o = 0; o < outputs; o++) words[o * perRow + k] = i32(codes, k * outputs + o);
  }
  const groups = groupsOf(inputs), middle = 2 ** (bits - 1), points = zeroPoints(matrix);
  const wide = new Float32Array(outputs * groups), minima = new Float32Array(outputs * groups);
  for (let g = 0; g < groups; g++) {
    const from = Math.floor(g * PACKED_GROUP / size) * outputs;
    for (let o = 0; o < outputs; o++) {
      const scale = f32(scales, from + o);
      wide[o * groups + g] = scale;
      minima[o * groups + g] = scale * (middle - (points[from + o] ?? NaN));
    }
  }
  const has = minima.some((value) => value !== 0);
  return {
    rows: outputs,
    columns: inputs,
    bits,
    codes: littleEndian(words),
    scales: wide,
    minima: has ? minima : null,
  };
}

function littleEndian(words: Uint32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(words.length * 4), view = new DataView(bytes.buffer);
  for (let at = 0; at < words.length; at++) view.setUint32(4 * at, u32(words, at), true);
  return bytes;
}
