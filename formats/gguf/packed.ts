/**
 * ggml's quantised blocks as matrices in 4 or 8 bits, never as float32: codes are moved, scales and minima worked out.
 *
 * | type | bits | code | scale | minimum |
 * | --- | --- | --- | --- | --- |
 * | Q4_0 | 4 | q | d | none |
 * | Q4_1 | 4 | q | d | m + 8·d |
 * | Q5_0 | 8 | q − 16 + 128 | d | none |
 * | Q5_1 | 8 | q − 16 + 128 | d | m + 16·d |
 * | Q8_0 | 8 | q + 128 | d | none |
 * | Q4_K | 4 | q | d·s | 8·d·s − dmin·m |
 * | Q5_K | 8 | q − 16 + 128 | d·s | 16·d·s − dmin·m |
 * | Q6_K | 8 | rounded | see below | none |
 *
 * Other types are in packed_values.ts. Of these only Q6_K is rounded: two of its groups of 16 share a scale here, 1/127 of the pair's largest magnitude. That is at most 1/8 of
 * the type's own step where both scales are alike; products with groups of 16 are several times as slow.
 * @module
 */
import { i8, u8 } from "../elements.ts";
import { PACKED_GROUP, type PackedForm, type PackedMatrix } from "../packed/mod.ts";
import { minimumOf, scaleAt, scaleOf, word32 } from "./blocks.ts";
import { GGML_TYPES } from "./dequantize.ts";
import { packValues, VALUE_PACKINGS } from "./packed_values.ts";

/** Where the groups of a block go. */
interface Target {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  readonly minima: Float32Array;
}

/** Writes the block that begins at `p` as groups `group` and following. */
type PackBlock = (bytes: Uint8Array, p: number, target: Target, group: number) => void;

interface Packing {
  readonly bits: 4 | 8;
  readonly minima: boolean;
  readonly pack: PackBlock;
}

/** By the type's number in a file. */
const PACKINGS: Readonly<Record<number, Packing>> = {
  2: { bits: 4, minima: false, pack: q4(2) },
  3: { bits: 4, minima: true, pack: q4(4) },
  6: { bits: 8, minima: false, pack: q5(2) },
  7: { bits: 8, minima: true, pack: q5(4) },
  8: { bits: 8, minima: false, pack: q8_0 },
  12: { bits: 4, minima: true, pack: q4_K },
  13: { bits: 8, minima: true, pack: q5_K },
  14: { bits: 8, minima: false, pack: q6_K },
};

/** Form of a type's packed blocks, by its number in a file; null: they can't be packed. */
export function packedFormOf(type: number): PackedForm | null {
  const blocks = PACKINGS[type], values = VALUE_PACKINGS[type];
  if (blocks) return { bits: blocks.bits, minima: blocks.minima };
  return values ? { bits: values.bits, minima: values.scale === "range" } : null;
}

/**
 * Packs whole rows.
 * @param type Number of the type in a file.
 * @param bytes As stored, `[rows, columns]`.
 * @throws {TypeError} If the type can't be packed, or columns aren't whole blocks.
 */
export function packedBlocks(type: number, bytes: Uint8Array, rows: number, columns: number): PackedMatrix {
  const blocks = PACKINGS[type], form = packedFormOf(type);
  const { blockSize, blockBytes } = GGML_TYPES[type] ?? { blockSize: 1, blockBytes: 1 };
  if (!form || columns % blockSize) {
    throw new TypeError(`Cannot pack blocks of type ${type} with ${columns} columns`);
  }
  const { bits, minima: has } = form;
  const groups = rows * columns / PACKED_GROUP, step = blockSize / PACKED_GROUP;
  const codes = new Uint8Array(groups * 4 * bits), scales = new Float32Array(groups);
  const minima = new Float32Array(has ? groups : 0), target = { codes, scales, minima };
  if (blocks) {
    for (let p = 0, group = 0; group < groups; p += blockBytes, group += step) {
      blocks.pack(bytes, p, target, group);
    }
  } else packValues(type, bytes, target);
  return { rows, columns, bits, codes, scales, minima: has ? minima : null };
}

/** 16 bytes from `p`, value i in the low half of byte i and value 16 + i in the high one, as bytes of neighbours. */
function halvesToPairs(bytes: Uint8Array, p: number, codes: Uint8Array, to: number): void {
  for (let i = 0; i < 8; i++) {
    const first = u8(bytes, p + 2 * i), second = u8(bytes, p + 2 * i + 1);
    codes[to + i] = first & 15 | (second & 15) << 4;
    codes[to + 8 + i] = first >> 4 | second & 240;
  }
}

/** Q4_0 and Q4_1: codes begin behind `head` bytes, which hold the scale and perhaps a minimum. */
function q4(head: 2 | 4): PackBlock {
  return (bytes, p, { codes, scales, minima }, group) => {
    const d = scaleAt(bytes, p);
    scales[group] = d;
    if (head === 4) minima[group] = scaleAt(bytes, p + 2) + 8 * d;
    halvesToPairs(bytes, p + head, codes, group * 16);
  };
}

/** Q5_0 and Q5_1. */
function q5(head: 2 | 4): PackBlock {
  return (bytes, p, { codes, scales, minima }, group) => {
    const d = scaleAt(bytes, p), high = word32(bytes, p + head), to = group * 32;
    scales[group] = d;
    if (head === 4) minima[group] = scaleAt(bytes, p + 2) + 16 * d;
    for (let i = 0; i < 16; i++) {
      const q = u8(bytes, p + head + 4 + i);
      codes[to + i] = 112 + (q & 15 | (high >>> i & 1) << 4);
      codes[to + 16 + i] = 112 + (q >> 4 | (high >>> i + 16 & 1) << 4);
    }
  };
}

function q8_0(bytes: Uint8Array, p: number, { codes, scales }: Target, group: number): void {
  scales[group] = scaleAt(bytes, p);
  // q + 128 of a signed byte is its bits with the highest one turned.
  for (let i = 0; i < 32; i++) codes[group * 32 + i] = u8(bytes, p + 2 + i) ^ 128;
}

/** Scales and minima of the 8 groups of a block of Q4_K or Q5_K, whose codes stand for 0 at `zero`. */
function groupsOfK(zero: 8 | 16, ...[bytes, p, { scales, minima }, group]: Parameters<PackBlock>): void {
  for (let j = 0; j < 8; j++) {
    const scale = scaleAt(bytes, p) * scaleOf(bytes, p + 4, j);
    scales[group + j] = scale;
    minima[group + j] = zero * scale - scaleAt(bytes, p + 2) * minimumOf(bytes, p + 4, j);
  }
}

function q4_K(bytes: Uint8Array, p: number, target: Target, group: number): void {
  const { codes } = target;
  groupsOfK(8, bytes, p, target, group);
  for (let j = 0; j < 8; j += 2) {
    const from = p + 16 + j * 16, to = (group + j) * 16;
    for (let i = 0; i < 16; i++) {
      const first = u8(bytes, from + 2 * i), second = u8(bytes, from + 2 * i + 1);
      codes[to + i] = first & 15 | (second & 15) << 4;
      codes[to + 16 + i] = first >> 4 | second & 240;
    }
  }
}

function q5_K(bytes: Uint8Array, p: number, target: Target, group: number): void {
  const { codes } = target;
  groupsOfK(16, bytes, p, target, group);
  for (let j = 0; j < 8; j += 2) {
    const from = p + 48 + j * 16, to = (group + j) * 32;
    for (let i = 0; i < 32; i++) {
      const q = u8(bytes, from + i), fifth = u8(bytes, p + 16 + i) >> j;
      codes[to + i] = 112 + (q & 15 | (fifth & 1) << 4);
      codes[to + 32 + i] = 112 + (q >> 4 | (fifth & 2) << 3);
    }
  }
}

const six = new Int8Array(256);

function q6_K(bytes: Uint8Array, p: number, { codes, scales }: Target, group: number): void {
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length), d = scaleAt(bytes, p + 208);
  for (let h = 0; h < 2; h++) {
    const low = p + h * 64, high = p + 128 + h * 32, to = h * 128;
    for (let i = 0; i < 32; i++) {
      const bits = u8(bytes, high + i), first = u8(bytes, low + i), second = u8(bytes, low + 32 + i);
      six[to + i] = (first & 15 | (bits & 3) << 4) - 32;
      six[to + 32 + i] = (second & 15 | (bits >> 2 & 3) << 4) - 32;
      six[to + 64 + i] = (first >> 4 | (bits >> 4 & 3) << 4) - 32;
      six[to + 96 + i] = (second >> 4 | (bits >> 6) << 4) - 32;
    }
  }
  for (let g = 0; g < 8; g++) {
    const pair = [i8(signed, p + 192 + 2 * g), i8(signed, p + 193 + 2 * g)] as const;
    let largest = 0;
    for (let i = 0; i < 32; i++) {
      largest = Math.max(largest, Math.abs(pair[i < 16 ? 0 : 1] * i8(six, 32 * g + i)));
    }
    // Whole products of scale and code; d comes in with the scale.
    scales[group + g] = d * largest / 127;
    for (let i = 0; i < 32; i++) {
      const value = pair[i < 16 ? 0 : 1] * i8(six, 32 * g + i);
      codes[(group + g) * 32 + i] = 128 + (largest && Math.round(value * 127 / largest));
    }
  }
}
