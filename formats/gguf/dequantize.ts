/**
 * Values of ggml's tensor types as float32, bit for bit as the `gguf` package of Python gives them. A quantised row is
 * a run of blocks; a block holds one or two half-precision scales and small integers:
 *
 * - Q8_0 `d·q`, Q4_0 `d·(q−8)`, Q4_1 `d·q + m`, Q5_0 `d·(q−16)`, Q5_1 `d·q + m`: 32 values, one scale;
 * - Q4_K, Q5_K `d·s_j·q − dmin·m_j`: 256 values, 8 groups of 32 with 6-bit scales and minima;
 * - Q6_K `d·s_j·(q−32)`: 256 values, 16 groups of 16 with 8-bit scales.
 *
 * Source: ggml-quants.c. Products of a half and these integers are exact in float64 and the sums round twice
 * harmlessly (53 ≥ 2·24 + 2), so plain numbers stored into a Float32Array give float32's own results.
 * @module
 */
import { i8, u8 } from "../elements.ts";
import { bfloat16ToFloat32, halfToFloat32 } from "../float.ts";
import { minimumOf, scaleAt, scaleOf, word32 } from "./blocks.ts";

/** Layout of one tensor type. */
export interface GgmlType {
  /** As in ggml, such as `Q4_K`. */
  readonly name: string;
  /** Values a block. */
  readonly blockSize: number;
  /** Bytes a block. */
  readonly blockBytes: number;
  /**
   * Values of whole blocks: `[blocks * blockBytes]` bytes to `[blocks * blockSize]` float32; null = not supported.
   * The bytes begin at an even offset.
   */
  readonly dequantize: ((bytes: Uint8Array<ArrayBuffer>, out: Float32Array) => void) | null;
}

const type = (
  name: string,
  blockSize: number,
  blockBytes: number,
  dequantize: GgmlType["dequantize"] = null,
): GgmlType => ({ name, blockSize, blockBytes, dequantize });

/** Tensor types by their number in a GGUF file. Those without `dequantize` are known by name only. */
export const GGML_TYPES: Readonly<Record<number, GgmlType>> = {
  0: type("F32", 1, 4, float32),
  1: type("F16", 1, 2, (bytes, out) => halfToFloat32(words(bytes), out)),
  2: type("Q4_0", 32, 18, q4_0),
  3: type("Q4_1", 32, 20, q4_1),
  6: type("Q5_0", 32, 22, q5_0),
  7: type("Q5_1", 32, 24, q5_1),
  8: type("Q8_0", 32, 34, q8_0),
  9: type("Q8_1", 32, 40),
  10: type("Q2_K", 256, 84),
  11: type("Q3_K", 256, 110),
  12: type("Q4_K", 256, 144, q4_K),
  13: type("Q5_K", 256, 176, q5_K),
  14: type("Q6_K", 256, 210, q6_K),
  15: type("Q8_K", 256, 292),
  16: type("IQ2_XXS", 256, 66),
  17: type("IQ2_XS", 256, 74),
  18: type("IQ3_XXS", 256, 98),
  19: type("IQ1_S", 256, 50),
  20: type("IQ4_NL", 32, 18),
  21: type("IQ3_S", 256, 110),
  22: type("IQ2_S", 256, 82),
  23: type("IQ4_XS", 256, 136),
  24: type("I8", 1, 1),
  25: type("I16", 1, 2),
  26: type("I32", 1, 4),
  27: type("I64", 1, 8),
  28: type("F64", 1, 8),
  29: type("IQ1_M", 256, 56),
  30: type("BF16", 1, 2, (bytes, out) => bfloat16ToFloat32(words(bytes), out)),
  34: type("TQ1_0", 256, 54),
  35: type("TQ2_0", 256, 66),
  39: type("MXFP4", 32, 17),
};

function words(bytes: Uint8Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
}

function float32(bytes: Uint8Array<ArrayBuffer>, out: Float32Array): void {
  new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes);
}

function q8_0(bytes: Uint8Array<ArrayBuffer>, out: Float32Array): void {
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let p = 0, o = 0; p < bytes.length; p += 34, o += 32) {
    const d = scaleAt(bytes, p);
    for (let i = 0; i < 32; i++) out[o + i] = d * i8(signed, p + 2 + i);
  }
}

function q4_0(bytes: Uint8Array<ArrayBuffer>, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 18, o += 32) {
    const d = scaleAt(bytes, p);
    for (let i = 0; i < 16; i++) {
      const q = u8(bytes, p + 2 + i);
      out[o + i] = d * ((q & 15) - 8);
      out[o + 16 + i] = d * ((q >> 4) - 8);
    }
  }
}

function q4_1(bytes: Uint8Array<ArrayBuffer>, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 20, o += 32) {
    const d = scaleAt(bytes, p);
    const m = scaleAt(bytes, p + 2);
    for (let i = 0; i < 16; i++) {
      const q = u8(bytes, p + 4 + i);
      out[o + i] = d * (q & 15) + m;
      out[o + 16 + i] = d * (q >> 4) + m;
    }
  }
}

function q5_0(bytes: Uint8Array<ArrayBuffer>, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 22, o += 32) {
    const d = scaleAt(bytes, p);
    const high = word32(bytes, p + 2);
    for (let i = 0; i < 16; i++) {
      const q = u8(bytes, p + 6 + i);
      out[o + i] = d * ((q & 15 | (high >>> i & 1) << 4) - 16);
      out[o + 16 + i] = d * ((q >> 4 | (high >>> i + 16 & 1) << 4) - 16);
    }
  }
}

function q5_1(bytes: Uint8Array<ArrayBuffer>, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 24, o += 32) {
    const d = scaleAt(bytes, p);
    const m = scaleAt(bytes, p + 2);
    const high = word32(bytes, p + 4);
    for (let i = 0; i < 16; i++) {
      const q = u8(bytes, p + 8 + i);
      out[o + i] = d * (q & 15 | (high >>> i & 1) << 4) + m;
      out[o + 16 + i] = d * (q >> 4 | (high >>> i + 16 & 1) << 4) + m;
    }
  }
}

function q4_K(bytes: Uint8Array<ArrayBuffer>, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 144, o += 256) {
    const d = scaleAt(bytes, p);
    const dmin = scaleAt(bytes, p + 2);
    for (let j = 0; j < 8; j += 2) {
      const low = d * scaleOf(bytes, p + 4, j), lowMin = dmin * minimumOf(bytes, p + 4, j);
      const high = d * scaleOf(bytes, p + 4, j + 1), highMin = dmin * minimumOf(bytes, p + 4, j + 1);
      const from = p + 16 + j * 16, to = o + j * 32;
      for (let i = 0; i < 32; i++) {
        const q = u8(bytes, from + i);
        out[to + i] = low * (q & 15) - lowMin;
        out[to + 32 + i] = high * (q >> 4) - highMin;
      }
    }
  }
}

function q5_K(bytes: Uint8Array<ArrayBuffer>, out: Float32Array): void {
  for (let p = 0, o = 0; p < bytes.length; p += 176, o += 256) {
    const d = scaleAt(bytes, p);
    const dmin = scaleAt(bytes, p + 2);
    for (let j = 0; j < 8; j += 2) {
      const low = d * scaleOf(bytes, p + 4, j), lowMin = dmin * minimumOf(bytes, p + 4, j);
      const high = d * scaleOf(bytes, p + 4, j + 1), highMin = dmin * minimumOf(bytes, p + 4, j + 1);
      const from = p + 48 + j * 16, to = o + j * 32;
      for (let i = 0; i < 32; i++) {
        const q = u8(bytes, from + i), fifth = u8(bytes, p + 16 + i) >> j;
        out[to + i] = low * (q & 15 | (fifth & 1) << 4) - lowMin;
        out[to + 32 + i] = high * (q >> 4 | (fifth & 2) << 3) - highMin;
      }
    }
  }
}

function q6_K(bytes: Uint8Array<ArrayBuffer>, out: Float32Array): void {
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let p = 0, o = 0; p < bytes.length; p += 210, o += 256) {
    const d = scaleAt(bytes, p + 208);
    // Two halves of 128 values: 64 bytes of low nibbles, 32 bytes with two high bits for each of four values.
    for (let h = 0; h < 2; h++) {
      const low = p + h * 64, high = p + 128 + h * 32, scales = p + 192 + h * 8, to = o + h * 128;
      for (let i = 0; i < 32; i++) {
        const group = scales + (i >> 4), bits = u8(bytes, high + i);
        const first = u8(bytes, low + i), second = u8(bytes, low + 32 + i);
        out[to + i] = d * i8(signed, group) * ((first & 15 | (bits & 3) << 4) - 32);
        out[to + 32 + i] = d * i8(signed, group + 2) * ((second & 15 | (bits >> 2 & 3) << 4) - 32);
        out[to + 64 + i] = d * i8(signed, group + 4) * ((first >> 4 | (bits >> 4 & 3) << 4) - 32);
        out[to + 96 + i] = d * i8(signed, group + 6) * ((second >> 4 | (bits >> 6) << 4) - 32);
      }
    }
  }
}
