/**
 * Whole models: opened from a Hugging Face directory, a GGUF file or the hub, and saved as a directory.
 * @module
 */
export type { Tokenizer } from "../tokenizer/mod.ts";
export { asStored, besideShapes, checkWhole, processorFiles } from "./beside.ts";
export { configHash } from "./hash.ts";
export { isHubId } from "./hub_id.ts";
export { type LoadedModel } from "./loaded_model.ts";
export { openModel, type OpenModelOptions } from "./open_model.ts";
export { type ModelTensor, saveModel, type SaveModelOptions, savingModel } from "./save_model.ts";
export { textConfigOf } from "./text_part.ts";
export { checkTensors, hasPacked, type WeightSource } from "./weights.ts";
