/**
 * GGUF files: header, metadata, dequantised tensors, and what they mean in transformers' terms.
 * @module
 */
export { GGML_TYPES, type GgmlType } from "./dequantize.ts";
export { type GgufArray } from "./cursor.ts";
export { type GgufMetadata, type GgufTensor, type GgufValue } from "./header.ts";
export { packedBlocks, packedFormOf } from "./packed.ts";
export { GgufFile, readGgufMetadata, supported } from "./reader.ts";
export {
  gemmaPeriod,
  gemmaScoreWidth,
  ggufConfig,
  MODEL_CLASSES,
  NO_ROPE_INTERVAL,
  WINDOW_PERIOD,
  WINDOWED_EXAONE4,
} from "./config.ts";
export {
  deinterleave,
  deinterleavedRows,
  ggufName,
  type GgufSource,
  interleave,
  mapNames,
  ROPE_DIVISORS,
} from "./names.ts";
export { type GgufEncoding } from "./quantize.ts";
export { roundInPlace } from "./rounded.ts";
export { ggufTensorBytes, type GgufTensorToWrite, type GgufTyped, writeGguf, writingGguf } from "./writer.ts";
