/**
 * Data of a run: from the names in dataset_info.json to encoded examples and the order in which training takes them.
 * @module
 */
export type { EncodedExample, EncodedSequence } from "../../../kernels/engine/packs/encoded.ts";
export { type LoadedExamples, loadExamples } from "./load.ts";
export { type DataOptions, type LoadInputs } from "./load_inputs.ts";
export { trainOrder } from "../../../plugins/trainers/local/batches/order.ts";
export { type DataReport, describeDrop, type DropCount, type LengthStatistics } from "./report/report.ts";
