/**
 * Matrices quantised by GPTQ, as AutoGPTQ, GPTQModel, transformers and vLLM store them.
 * @module
 */
export { type GptqFormat, gptqFormat } from "./format.ts";
export {
  fitsGptq,
  gptqShapes,
  type GptqTensor,
  type GptqTensorName,
  gptqTensors,
  type SymmetricCodes,
} from "./pack.ts";
export { type GptqMatrix, gptqPacked, gptqValues, packableGroup } from "./matrix.ts";
