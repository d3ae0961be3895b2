/**
 * PEFT adapter directories, read and written.
 * @module
 */
export { type Adapter, loraOf, type LoraTensors, type ModuleShapes, type TensorShapes } from "./adapter.ts";
export { readAdapterFields } from "./adapter_files.ts";
export { readAdapter, readAdapterConfig, TRAINED_FIELDS } from "./read_adapter.ts";
export { writeAdapter } from "./write_adapter.ts";
export { type LoraConfig } from "./config.ts";
export { onlyMerged } from "./only_merged.ts";
export { mergedWeights } from "./merge.ts";
export { isLoraB, isMagnitude, type LoraNames, loraNames, loraTensors } from "./names.ts";
export { matchTargets, patternValue, type TargetFields } from "./target_modules.ts";
export { readWholeAdapter, type WholeAdapter } from "./whole_adapter.ts";
export { type SavedEmbeddings, savedEmbeddings } from "./saved_embeddings.ts";
export { savedTensors } from "./whole_fields.ts";
export { wholeMerge } from "./whole_merge.ts";
export { baseDifference } from "./base_difference.ts";
export { adapterHash } from "./hash.ts";
