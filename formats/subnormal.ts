/**
 * Float32 numbers between numbers of 64 bits, the same in every thread. A native library may make a thread take subnormal
 * numbers for 0 (ONNX Runtime does so in the thread of a process's first session), and JavaScript's own reads, stores and
 * `Math.fround` with it; what is written to files must not hang on that, so subnormal float32 numbers, which are ordinary ones
 * in 64 bits, are moved by their bits. Halves and bfloat16 need none of it (`float.ts`).
 * @module
 */
import { f64, u32 } from "./elements.ts";

/** The smallest float32 with all its bits. */
const LEAST = 2 ** -126;
/** Distance between subnormal float32 numbers. */
const STEP = 2 ** -149;

/** Units of {@linkcode STEP}, ties to even, for sizes below {@linkcode LEAST}. */
function steps(size: number): number {
  const exact = size / STEP, whole = Math.floor(exact), rest = exact - whole;
  return rest > 0.5 || (rest === 0.5 && whole % 2 === 1) ? whole + 1 : whole;
}

/** The nearest float32, ties to even: `Math.fround`, whatever thread it runs in. */
export function nearestFloat32(value: number): number {
  const size = Math.abs(value);
  if (!(size < LEAST)) return Math.fround(value);
  return value === 0 ? value : Math.sign(value) * steps(size) * STEP;
}

/** Numbers of 32 bits in 64, exact; `[n]` to `[n]`, or the first n. */
export function widen(values: Float32Array, out: Float64Array): void {
  out.set(values);
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const word = u32(words, i), size = word & 0x7fffffff;
    if (size < 0x800000 && size > 0) out[i] = (word === size ? STEP : -STEP) * size;
  }
}

/** {@linkcode widen} to an array of its own. */
export function widened(values: Float32Array): Float64Array<ArrayBuffer> {
  const out = new Float64Array(values.length);
  widen(values, out);
  return out;
}

/** The nearest float32 numbers, ties to even; `[n]` to `[n]`, or the first n. */
export function narrow(values: Float64Array, out: Float32Array): void {
  out.set(values);
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < values.length; i++) {
    const value = f64(values, i), size = Math.abs(value);
    if (size < LEAST && size > 0) words[i] = steps(size) + (value < 0 ? 0x80000000 : 0);
  }
}

/** {@linkcode narrow} to an array of its own. */
export function narrowed(values: Float64Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(values.length);
  narrow(values, out);
  return out;
}
