/**
 * Codes as the tensors of a module that GPTQ quantised, in `checkpoint_format: gptq` (zero points are stored as one less).
 * @module
 */
import { u8 } from "../elements.ts";

/** A rounded matrix with a zero point in the middle, groups of inputs in order. */
export interface SymmetricCodes {
  readonly outputs: number;
  readonly inputs: number;
  readonly bits: 4 | 8;
  /** `[outputs, inputs]`. */
  readonly codes: Uint8Array<ArrayBuffer>;
  /** `[G, outputs]`. */
  readonly scales: Float32Array<ArrayBuffer>;
}

/** Type, shape and values of a tensor. */
export interface GptqTensor {
  readonly dtype: "I32" | "F16";
  readonly shape: readonly number[];
  readonly data: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
}

/** Names of a module's tensors behind its own, see matrix.ts. */
export type GptqTensorName = "qweight" | "qzeros" | "scales" | "g_idx";

/** True if both sides of a matrix are whole words of codes, as the format asks for. */
export function fitsGptq([outputs, inputs]: readonly [number, number], bits: 4 | 8): boolean {
  return outputs % (32 / bits) === 0 && inputs % (32 / bits) === 0;
}

/** Types and shapes of a module's tensors. @param groupSize Inputs of a group */
export function gptqShapes(
  [outputs, inputs]: readonly [number, number],
  bits: 4 | 8,
  groupSize: number,
): Record<GptqTensorName, Pick<GptqTensor, "dtype" | "shape">> {
  const groups = Math.ceil(inputs / groupSize);
  return {
    qweight: { dtype: "I32", shape: [inputs * bits / 32, outputs] },
    qzeros: { dtype: "I32", shape: [groups, outputs * bits / 32] },
    scales: { dtype: "F16", shape: [groups, outputs] },
    g_idx: { dtype: "I32", shape: [inputs] },
  };
}

/**
 * Tensors of a module.
 * @throws {TypeError} If a side isn't whole words, see {@linkcode fitsGptq}
 */
export function gptqTensors(matrix: SymmetricCodes, groupSize: number): Record<GptqTensorName, GptqTensor> {
  const { outputs, inputs, bits, codes, scales } = matrix, perWord = 32 / bits;
  if (!fitsGptq([outputs, inputs], bits)) {
    throw new TypeError(`Cannot pack [${outputs}, ${inputs}] in ${bits} bits: sides must be whole words`);
  }
  const words = new Int32Array(outputs * inputs / perWord);
  for (let i = 0; i < inputs; i++) {
    const row = Math.floor(i / perWord) * outputs, shift = bits * (i % perWord);
    for (let o = 0; o < outputs; o++) {
      words[row + o] = (words[row + o] ?? 0) | u8(codes, o * inputs + i) << shift;
    }
  }
  const zeros = new Int32Array(scales.length / perWord).fill(bits === 4 ? 0x77777777 : 0x7f7f7f7f);
  const data = {
    qweight: words,
    qzeros: zeros,
    scales,
    g_idx: Int32Array.from({ length: inputs }, (_, i) => Math.floor(i / groupSize)),
  };
  const shapes = gptqShapes([outputs, inputs], bits, groupSize);
  return {
    qweight: { ...shapes.qweight, data: data.qweight },
    qzeros: { ...shapes.qzeros, data: data.qzeros },
    scales: { ...shapes.scales, data: data.scales },
    g_idx: { ...shapes.g_idx, data: data.g_idx },
  };
}
