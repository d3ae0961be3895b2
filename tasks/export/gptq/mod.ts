/**
 * Exports whose linear modules are quantised by GPTQ.
 * @module
 */
export { estimateGptq } from "./estimate.ts";
export { openQuantisation, type Quantisation } from "./quantisation.ts";
export { type QuantisedModel, quantiseInto } from "./write.ts";
