/**
 * GPTQ (Frantar et al. 2022, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers"): a matrix W [out, in] is
 * rounded column by column, and the columns behind take over each error so that ‖(W − Q) X‖² over the calibration's inputs X grows
 * least. With H = 2/n Σ x xᵀ the columns' shares are in its triangular factor ({@linkcode upperFactor}).
 *
 * Groups of {@linkcode GPTQ_GROUP} inputs of an output share a float16 scale, 2 · max|w| / (2^bits − 1) of what the group is when its first column's
 * turn comes; the zero point is 2^(bits − 1). Those are the choices of transformers' `GPTQConfig` (`sym`, no `desc_act`), but for the scale,
 * which is rounded before it is used and not after.
 * @module
 */
import { f32, f64 } from "../../../formats/elements.ts";
import type { SymmetricCodes } from "../../../formats/gptq/mod.ts";
import type { DoubleProducts } from "../../../kernels/backends/onnx/double_products.ts";
import { FACTOR_BLOCK, upperFactor } from "./factor.ts";

/** Inputs that share a scale. */
export const GPTQ_GROUP = 128;
/** Share of the mean of H's diagonal that is added to it: `damp_percent` of transformers' `GPTQConfig`. */
export const DAMPING = 0.1;
/** Scale of a group of zeros, as GPTQModel has it for 4 bits: any would do. */
const OF_ZEROS = 2 / 15;
/** The smallest float16 above 0. */
const LEAST = 2 ** -24;

/**
 * A rounded matrix in groups of {@linkcode GPTQ_GROUP}; value `[o, i]` is `scales[⌊i / GPTQ_GROUP⌋, o] · (codes[o, i] − 2^(bits − 1))`, scales
 * are float16 numbers.
 */
export type Quantised = SymmetricCodes;

/** The factor of a Hessian, and which inputs were always 0. */
export interface Feedback {
  /** R of {@linkcode upperFactor}, `[n, n]`. */
  readonly factor: Float64Array<ArrayBuffer>;
  /** Number of inputs. */
  readonly n: number;
  /** Inputs that no calibration text has: their weights become 0. */
  readonly dead: ReadonlySet<number>;
}

/** What computes, and whose matrix it is. */
export interface GptqRun {
  readonly products: DoubleProducts;
  /** For messages. */
  readonly name: string;
}

/**
 * Prepares the feedback of all matrices that read the same inputs.
 * @param h 2/n Σ x xᵀ, `[n, n]`; taken over
 * @param run `name`: of the matrices, for messages
 * @throws {RangeError} If it isn't positive definite once damped: an input wasn't a finite number
 */
export async function feedbackOf(
  h: Float64Array<ArrayBuffer>,
  n: number,
  { products, name, damping = DAMPING }: GptqRun & { damping?: number },
): Promise<Feedback> {
  const dead = new Set<number>();
  let sum = 0;
  for (let i = 0; i < n; i++) {
    if (f64(h, i * n + i) === 0) {
      dead.add(i);
      h[i * n + i] = 1;
    }
    sum += f64(h, i * n + i);
  }
  for (let i = 0; i < n; i++) h[i * n + i] = f64(h, i * n + i) + damping * sum / n;
  if (await upperFactor(h, n, products)) return { factor: h, n, dead };
  throw new RangeError(
    `Cannot quantise ${name} as its inputs must be finite numbers: the calibration texts gave others`,
  );
}

/**
 * Rounds a matrix.
 * @param values `[outputs, n]`
 * @throws {RangeError} If a scale has no place in float16
 */
export async function quantise(
  { values, outputs, bits }: { values: Float32Array; outputs: number; bits: 4 | 8 },
  { factor, n, dead }: Feedback,
  { products, name }: GptqRun,
): Promise<Quantised> {
  const codes = new Uint8Array(outputs * n), scales = new Float32Array(Math.ceil(n / GPTQ_GROUP) * outputs);
  /** Σ_{j < i} d_j R_ji of the columns that are done, `[outputs, n]`. */
  const fed = new Float64Array(outputs * n);
  for (let start = 0; start < n; start += FACTOR_BLOCK) {
    const end = Math.min(n, start + FACTOR_BLOCK), width = end - start;
    const own = new Float64Array(width * width);
    for (let i = 0; i < width; i++) {
      for (let j = 0; j <= i; j++) own[i * width + j] = f64(factor, (start + j) * n + start + i);
    }
    const w = new Float64Array(outputs * width);
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < width; i++) {
        w[o * width + i] = dead.has(start + i) ? 0 : f32(values, o * n + start + i);
      }
    }
    const block = { w, own, width, fed, start, n, outputs, bits };
    const group = scales.subarray(start / GPTQ_GROUP * outputs, (start / GPTQ_GROUP + 1) * outputs);
    scalesOf(block, group, name);
    const differences = roundBlock(block, group, codes);
    if (end === n) break;
    const rest = new Float64Array((n - end) * width);
    for (let j = 0; j < width; j++) {
      for (let c = end; c < n; c++) rest[(c - end) * width + j] = f64(factor, (start + j) * n + c);
    }
    const more = await products.timesTransposed(
      { data: differences, rows: outputs, columns: width },
      { data: rest, rows: n - end, columns: width },
    );
    for (let o = 0, next = 0; o < outputs; o++) {
      for (let c = end; c < n; c++, next++) fed[o * n + c] = f64(fed, o * n + c) + f64(more, next);
    }
  }
  return { outputs, inputs: n, bits, codes, scales };
}

interface Block {
  /** Weights of the block, `[outputs, width]`. */
  w: Float64Array;
  /** R of the block, transposed: row i has R_ji of j ≤ i. */
  own: Float64Array;
  width: number;
  fed: Float64Array;
  start: number;
  n: number;
  outputs: number;
  bits: 4 | 8;
}

/** Scales of a group, of its weights with the feedback of all blocks before: x R = fed, solved from the left. */
function scalesOf(
  { w, own, width, fed, start, n, outputs, bits }: Block,
  scales: Float32Array<ArrayBuffer>,
  name: string,
): void {
  const x = new Float64Array(width), halves = new Float16Array(outputs);
  for (let o = 0; o < outputs; o++) {
    let largest = 0;
    for (let i = 0; i < width; i++) {
      let sum = f64(fed, o * n + start + i);
      for (let j = 0; j < i; j++) sum -= f64(x, j) * f64(own, i * width + j);
      x[i] = sum / f64(own, i * width + i);
      largest = Math.max(largest, Math.abs(f64(w, o * width + i) + f64(x, i)));
    }
    halves[o] = largest === 0 ? OF_ZEROS : 2 * largest / (2 ** bits - 1);
  }
  for (let o = 0; o < outputs; o++) {
    const scale = halves[o] ?? NaN;
    if (!Number.isFinite(scale)) {
      throw new RangeError(
        `Cannot quantise ${name} as the scales of its groups must be float16 numbers: current value is ${scale}, output ${o}`,
      );
    }
    scales[o] = scale === 0 ? LEAST : scale;
  }
}

/** Codes of a block. @returns What rounding left, `[outputs, width]` */
function roundBlock(
  { w, own, width, fed, start, n, outputs, bits }: Block,
  scales: Float32Array,
  codes: Uint8Array,
): Float64Array<ArrayBuffer> {
  const differences = new Float64Array(outputs * width), zero = 2 ** (bits - 1), most = 2 ** bits - 1;
  for (let o = 0; o < outputs; o++) {
    const scale = f32(scales, o), row = o * width;
    for (let i = 0; i < width; i++) {
      let sum = f64(fed, o * n + start + i);
      for (let j = 0; j < i; j++) sum += f64(differences, row + j) * f64(own, i * width + j);
      const value = f64(w, row + i) + sum / f64(own, i * width + i);
      const code = Math.max(0, Math.min(most, nearestEven(value / scale) + zero));
      codes[o * n + start + i] = code;
      differences[row + i] = f64(w, row + i) - scale * (code - zero);
    }
  }
  return differences;
}

/** Rounds as Python and PyTorch do: halves to the even number. */
function nearestEven(x: number): number {
  const near = Math.round(x);
  return near - x === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

/** The values, `[outputs, inputs]`. */
export function quantisedValues(
  { outputs, inputs, bits, codes, scales }: Quantised,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(outputs * inputs), zero = 2 ** (bits - 1);
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      values[o * inputs + i] = f32(scales, Math.floor(i / GPTQ_GROUP) * outputs + o) *
        ((codes[o * inputs + i] ?? NaN) - zero);
    }
  }
  return values;
}
