/**
 * Everything a run writes and shows.
 * @module
 */
export { jsonLine, roundHalfEven, sortedJson } from "./format.ts";
export * from "./folder/directory.ts";
export * from "./finished/finish.ts";
export * from "../../../plugins/kinds/log_sink.ts";
export * from "./log/perplexity.ts";
export * from "./log/create_progress.ts";
export * from "./log/progress.ts";
export * from "./reporters/reporter.ts";
export * from "./reporters/reporters.ts";
export * from "./log/results.ts";
export { isFinished } from "./folder/run_files.ts";
export * from "./log/run_log.ts";
export type { RunLogState } from "./log/run_log_state.ts";
export * from "./finished/summary.ts";
