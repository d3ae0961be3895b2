/**
 * ggml's tensor types, and values of those that can be read as float32, bit for bit as the `gguf` package of Python gives them. Blocks
 * are taken apart by vector code (../simd/blocks.ts); those of four-bit floats are looked up (fours_by_exponent.ts).
 * @module
 */
import { vectorMemoryOf } from "../simd/memory.ts";
import { mxfp4, nvfp4 } from "./fours_by_exponent.ts";

/** Layout of one tensor type. */
export interface GgmlType {
  /** As in ggml, such as `Q4_K`. */
  readonly name: string;
  /** Values a block. */
  readonly blockSize: number;
  /** Bytes a block. */
  readonly blockBytes: number;
  /**
   * Bytes of the float32 values of whole blocks, of a mebibyte or less and 2¹⁹ values or fewer; they lie there until the next ones are made. Null:
   * not supported.
   */
  readonly dequantize: ((bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>) | null;
}

const type = (
  name: string,
  blockSize: number,
  blockBytes: number,
  dequantize: GgmlType["dequantize"] = null,
): GgmlType => ({ name, blockSize, blockBytes, dequantize });

const blocks = (name: string, blockSize: number, blockBytes: number): GgmlType =>
  type(
    name,
    blockSize,
    blockBytes,
    (bytes) => vectorMemoryOf(bytes).dequantized(name, bytes, bytes.length / blockBytes * blockSize),
  );

/** Tensor types by their number in a GGUF file. Those without `dequantize` are known by name only. */
export const GGML_TYPES: Readonly<Record<number, GgmlType>> = {
  0: type("F32", 1, 4, (bytes) => bytes),
  1: type("F16", 1, 2, (bytes) => vectorMemoryOf(bytes).widened("f16", bytes)),
  2: blocks("Q4_0", 32, 18),
  3: blocks("Q4_1", 32, 20),
  6: blocks("Q5_0", 32, 22),
  7: blocks("Q5_1", 32, 24),
  8: blocks("Q8_0", 32, 34),
  9: type("Q8_1", 32, 40),
  10: blocks("Q2_K", 256, 84),
  11: blocks("Q3_K", 256, 110),
  12: blocks("Q4_K", 256, 144),
  13: blocks("Q5_K", 256, 176),
  14: blocks("Q6_K", 256, 210),
  15: type("Q8_K", 256, 292),
  16: blocks("IQ2_XXS", 256, 66),
  17: blocks("IQ2_XS", 256, 74),
  18: blocks("IQ3_XXS", 256, 98),
  19: blocks("IQ1_S", 256, 50),
  20: blocks("IQ4_NL", 32, 18),
  21: blocks("IQ3_S", 256, 110),
  22: blocks("IQ2_S", 256, 82),
  23: blocks("IQ4_XS", 256, 136),
  24: type("I8", 1, 1),
  25: type("I16", 1, 2),
  26: type("I32", 1, 4),
  27: type("I64", 1, 8),
  28: type("F64", 1, 8),
  29: blocks("IQ1_M", 256, 56),
  30: type("BF16", 1, 2, (bytes) => vectorMemoryOf(bytes).widened("bf16", bytes)),
  34: blocks("TQ1_0", 256, 54),
  35: blocks("TQ2_0", 256, 66),
  39: type("MXFP4", 32, 17, mxfp4),
  40: type("NVFP4", 64, 36, nvfp4),
  41: type("Q1_0", 128, 18),
};
