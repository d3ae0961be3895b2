/**
 * Everything a run writes and shows.
 * @module
 */
export { jsonLine, roundHalfEven, sortedJson } from "./_format.ts";
export * from "./directory.ts";
export * from "./finish.ts";
export * from "../../../plugins/kinds/log_sink.ts";
export * from "./perplexity.ts";
export * from "./progress.ts";
export * from "./reporter.ts";
export * from "./reporters.ts";
export * from "./results.ts";
export { isFinished } from "./run_files.ts";
export * from "./run_log.ts";
export type { RunLogState } from "./run_log_state.ts";
export * from "./summary.ts";
