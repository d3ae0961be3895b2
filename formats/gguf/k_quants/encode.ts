/**
 * Float32 values as blocks of 256 of Q4_K, Q5_K and Q6_K, bit for bit as llama.cpp's `quantize_row_q*_K_ref` give them (ggml-quants.c), but for the codes
 * of values that are 0 in a block for their smallness.
 * @module
 */
import { f32, u8 } from "../../elements.ts";
import { float32ToHalf, halfToFloat32 } from "../../float.ts";
import { minimumOf, scaleOf } from "../blocks.ts";
import { fitsAroundZero, fitsWithMinimum, nearestWhole, type Trials } from "./search.ts";

const round = Math.fround, SIZE = 256;

/** Bytes of a block of each type. */
const K_BYTES = { Q4_K: 144, Q5_K: 176, Q6_K: 210 } as const;

const FOUR: Trials = { most: 15, first: -1, steps: 20 }, FIVE: Trials = { most: 31, first: -0.5, steps: 15 };

const single = new Float32Array(1), bits = new Uint16Array(1);

/** Writes a float32 as a half; gives what can be read again. */
function writeHalf(value: number, out: Uint8Array, p: number): number {
  single[0] = value;
  float32ToHalf(single, bits);
  const [half = 0] = bits;
  out[p] = half & 255;
  out[p + 1] = half >> 8;
  halfToFloat32(bits, single);
  return f32(single, 0);
}

/** The bytes of values `[n]`, n a multiple of 256. */
export function encodeK(values: Float32Array, type: keyof typeof K_BYTES): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(values.length / SIZE * K_BYTES[type]), codes = new Uint8Array(SIZE);
  for (let at = 0, p = 0; at < values.length; at += SIZE, p += K_BYTES[type]) {
    const block = values.subarray(at, at + SIZE), bytes = out.subarray(p, p + K_BYTES[type]);
    if (type === "Q6_K") q6(block, bytes, codes);
    else withMinima(block, bytes, codes, type === "Q4_K" ? FOUR : FIVE);
  }
  return out;
}

/** `d`, `dmin`, 12 bytes of 6-bit scales and minima of 32 values, for five bits 32 bytes of fifth bits, 128 of four. */
function withMinima(x: Float32Array, out: Uint8Array, codes: Uint8Array, trials: Trials): void {
  const fits = fitsWithMinimum(x, codes, trials);
  const mostScale = Math.max(0, ...fits.map(({ scale }) => scale));
  const mostMinimum = Math.max(0, ...fits.map(({ minimum }) => minimum));
  const inverseScale = mostScale > 0 ? round(63 / mostScale) : 0;
  const inverseMinimum = mostMinimum > 0 ? round(63 / mostMinimum) : 0;
  fits.forEach(({ scale, minimum }, j) => {
    // a byte first, as there: a scale may be negative
    const s = Math.min(63, nearestWhole(round(inverseScale * scale)) & 255);
    const m = Math.min(63, nearestWhole(round(inverseMinimum * minimum)) & 255);
    if (j < 4) {
      out[4 + j] = s;
      out[8 + j] = m;
    } else {
      out[8 + j] = s & 15 | (m & 15) << 4;
      out[j] = u8(out, j) | s >> 4 << 6;
      out[4 + j] = u8(out, 4 + j) | m >> 4 << 6;
    }
  });
  const d = writeHalf(round(mostScale / 63), out, 0), dmin = writeHalf(round(mostMinimum / 63), out, 2);
  for (let j = 0; j < 8; j++) {
    const scale = round(d * scaleOf(out, 4, j)), minimum = round(dmin * minimumOf(out, 4, j));
    if (scale === 0) continue;
    for (let i = 32 * j; i < 32 * j + 32; i++) {
      const code = nearestWhole(round(round(f32(x, i) + minimum) / scale));
      codes[i] = Math.max(0, Math.min(trials.most, code));
    }
  }
  const isFive = trials === FIVE, fours = isFive ? 48 : 16;
  for (let pair = 0; pair < 4; pair++) {
    for (let i = 0; i < 32; i++) {
      const low = u8(codes, 64 * pair + i), high = u8(codes, 64 * pair + 32 + i);
      out[fours + 32 * pair + i] = low & 15 | (high & 15) << 4;
      if (isFive) out[16 + i] = u8(out, 16 + i) | (low >> 4 | high >> 4 << 1) << 2 * pair;
    }
  }
}

/** 128 bytes of four low bits, 64 of two high bits, 16 scales of 16 values in a signed byte, `d`. */
function q6(x: Float32Array, out: Uint8Array, codes: Uint8Array): void {
  const scales = fitsAroundZero(x, codes);
  const largest = scales.reduce((most, scale) => Math.abs(scale) > Math.abs(most) ? scale : most, 0);
  if (Math.abs(largest) < round(1e-15)) {
    out.fill(0);
    return;
  }
  const inverse = round(-128 / largest), d = writeHalf(round(1 / inverse), out, 208);
  scales.forEach((scale, j) => {
    const code = Math.min(127, nearestWhole(round(inverse * scale)));
    out[192 + j] = code;
    const step = round(d * code);
    if (step === 0) return;
    for (let i = 16 * j; i < 16 * j + 16; i++) {
      codes[i] = 32 + Math.max(-32, Math.min(31, nearestWhole(round(f32(x, i) / step))));
    }
  });
  for (let half = 0; half < 2; half++) {
    for (let i = 0; i < 32; i++) {
      const from = 128 * half + i;
      const a = u8(codes, from), b = u8(codes, from + 32), c = u8(codes, from + 64), e = u8(codes, from + 96);
      out[64 * half + i] = a & 15 | (c & 15) << 4;
      out[64 * half + 32 + i] = b & 15 | (e & 15) << 4;
      out[128 + 32 * half + i] = a >> 4 | b >> 4 << 2 | c >> 4 << 4 | e >> 4 << 6;
    }
  }
}
