/**
 * Scales of a group of values for codes of few bits, searched for as llama.cpp's reference quantisers do (ggml-quants.c, `make_qkx2_quants`,
 * `make_qx_quants`): a scale is tried by rounding with it, the best one for these codes follows by weighted least squares, and the one with the
 * smallest error stays. Every step is rounded to float32 in its order, so that the bytes are the same.
 * @module
 */
import { f32, u8 } from "../../elements.ts";

const round = Math.fround;

/** Below it, a group's values become 0 in any block, and float32 products of them would hang on how a thread takes subnormal numbers. */
const LEAST = 2 ** -30;

/** Adding it to a float32 rounds that to a whole number, halves to even. */
const WHOLE = 12582912;

/** The nearest whole number of a float32 of size below 2²², halves to even. */
export function nearestWhole(value: number): number {
  return round(value + WHOLE) - WHOLE;
}

/** Codes of a group: value ≈ scale · code − minimum. */
export interface Fit {
  scale: number;
  minimum: number;
}

/** What a search with a minimum tries: `(nmax + first + i · 0.1) / range`, i from 0 to `steps`. */
export interface Trials {
  readonly most: number;
  readonly first: number;
  readonly steps: number;
}

const tried = new Uint8Array(32), weights = new Float32Array(32);

/**
 * Codes 0…`most` and a minimum for 32 values from `at`, errors weighted by size + root mean square.
 * @param codes Written from `at` on
 */
export function fitWithMinimum(
  x: Float32Array,
  at: number,
  codes: Uint8Array,
  { most, first, steps }: Trials,
): Fit {
  const count = 32;
  let squares = 0, size = 0;
  for (let i = 0; i < count; i++) {
    const value = f32(x, at + i);
    squares = round(squares + round(value * value));
    size = Math.max(size, Math.abs(value));
  }
  if (size < LEAST) {
    codes.fill(0, at, at + count);
    return { scale: 0, minimum: 0 };
  }
  const spread = round(Math.sqrt(round(squares / 32)));
  let least = f32(x, at), largest = least, sumW = 0, sumX = 0;
  for (let i = 0; i < count; i++) {
    const value = f32(x, at + i), w = round(spread + Math.abs(value));
    weights[i] = w;
    if (value < least) least = value;
    if (value > largest) largest = value;
    sumW = round(sumW + w);
    sumX = round(sumX + round(w * value));
  }
  if (least > 0) least = 0;
  if (largest === least) {
    codes.fill(0, at, at + count);
    return { scale: 0, minimum: -least };
  }
  let minimum = least,
    inverse = round(most / round(largest - minimum)),
    scale = round(1 / inverse),
    error = 0;
  for (let i = 0; i < count; i++) {
    const value = f32(x, at + i);
    const code = Math.max(0, Math.min(most, nearestWhole(round(inverse * round(value - minimum)))));
    codes[at + i] = code;
    const off = round(round(round(scale * code) + minimum) - value);
    error = round(error + round(f32(weights, i) * round(off * off)));
  }
  for (let step = 0; step <= steps; step++) {
    inverse = round(round(round(first + round(round(0.1) * step)) + most) / round(largest - minimum));
    let sumL = 0, sumLL = 0, sumXL = 0;
    for (let i = 0; i < count; i++) {
      const value = f32(x, at + i), w = f32(weights, i);
      const code = Math.max(0, Math.min(most, nearestWhole(round(inverse * round(value - minimum)))));
      tried[i] = code;
      const wl = round(w * code);
      sumL = round(sumL + wl);
      sumLL = round(sumLL + round(wl * code));
      sumXL = round(sumXL + round(wl * value));
    }
    const determinant = round(round(sumW * sumLL) - round(sumL * sumL));
    if (!(determinant > 0)) continue;
    let thisScale = round(round(round(sumW * sumXL) - round(sumX * sumL)) / determinant);
    let thisMinimum = round(round(round(sumLL * sumX) - round(sumL * sumXL)) / determinant);
    if (thisMinimum > 0) {
      thisMinimum = 0;
      thisScale = round(sumXL / sumLL);
    }
    let thisError = 0;
    for (let i = 0; i < count; i++) {
      const off = round(round(round(thisScale * u8(tried, i)) + thisMinimum) - f32(x, at + i));
      thisError = round(thisError + round(f32(weights, i) * round(off * off)));
    }
    if (thisError >= error) continue;
    codes.set(tried, at);
    error = thisError;
    scale = thisScale;
    minimum = thisMinimum;
  }
  return { scale, minimum: -minimum };
}

/**
 * The scale of 16 values from `at` for codes −32…31, errors weighted by the values' squares; codes are written 32 above.
 * @returns It, of either sign
 */
export function fitAroundZero(x: Float32Array, at: number, codes: Uint8Array): number {
  const count = 16, half = 32;
  let size = 0, largest = 0;
  for (let i = 0; i < count; i++) {
    const value = f32(x, at + i);
    if (Math.abs(value) > size) {
      size = Math.abs(value);
      largest = value;
    }
  }
  if (size < LEAST) {
    codes.fill(0, at, at + count);
    return 0;
  }
  const code = (inverse: number, value: number) =>
    Math.max(-half, Math.min(half - 1, nearestWhole(round(inverse * value))));
  let scale = 0, best = 0;
  for (let step = -10; step <= 9; step++) {
    // the first trial stands, whatever its error; 0 comes first in place of -10
    const isFirst = step === -10;
    if (step === 0) continue;
    const inverse = isFirst
      ? round(-half / largest)
      : round(-round(half + round(round(0.1) * step)) / largest);
    let sumLX = 0, sumLL = 0;
    for (let i = 0; i < count; i++) {
      const value = f32(x, at + i), l = code(inverse, value), w = round(value * value);
      sumLX = round(sumLX + round(round(w * value) * l));
      sumLL = round(sumLL + round(round(w * l) * l));
    }
    const isBetter = sumLL > 0 && round(sumLX * sumLX) > round(best * sumLL);
    if (!isFirst && !isBetter) continue;
    for (let i = 0; i < count; i++) codes[at + i] = half + code(inverse, f32(x, at + i));
    scale = sumLL === 0 ? 0 : round(sumLX / sumLL);
    best = round(scale * sumLX);
  }
  return scale;
}
