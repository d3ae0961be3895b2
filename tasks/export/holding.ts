/**
 * Weights that a number type can hold, made sure of at each tensor that is written, checked or not: an infinity in a file is found by nobody.
 * @module
 */
import { f32 } from "../../formats/elements.ts";
import type { GgufEncoding } from "../../formats/gguf/mod.ts";

/** Half a unit of the last place beyond the largest float16: from there on a value becomes an infinity. */
const HALF_END = 65520;

/** The size from which on a value, or the scale of its block, becomes an infinity. */
const END: Readonly<Record<GgufEncoding, number>> = {
  F32: Infinity,
  F16: HALF_END,
  BF16: 2 ** 128 * (1 - 2 ** -9),
  Q8_0: 127 * HALF_END,
  Q4_0: 8 * HALF_END,
  Q5_0: 16 * HALF_END,
  Q5_1: HALF_END,
  // a minimum is 63 scales of it at most, and a search may take it beyond the least value
  Q4_K: 32 * HALF_END,
  Q5_K: 32 * HALF_END,
  Q6_K: 2048 * HALF_END,
};

/**
 * The values themselves.
 * @param name Of the tensor, for messages
 * @throws {RangeError} If one isn't a finite number, or becomes an infinity in that type
 */
export function holding(
  name: string,
  values: Float32Array<ArrayBuffer>,
  encoding: GgufEncoding,
): Float32Array<ArrayBuffer> {
  const end = END[encoding];
  for (let i = 0; i < values.length; i++) {
    const value = f32(values, i);
    if (Math.abs(value) < end) continue;
    if (!Number.isFinite(value)) {
      throw new RangeError(
        `Cannot export ${name} as all its values must be finite numbers: current value is ${value}, number ${i} of ${values.length}; ` +
          "the model or an adapter is damaged",
      );
    }
    throw new RangeError(
      `Cannot write ${name} as ${encoding} as it holds values below ${end}: current value is ${value}, number ${i} of ${values.length}; ` +
        "take export_dtype: bfloat16 or float32",
    );
  }
  return values;
}
