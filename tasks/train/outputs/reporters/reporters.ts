/**
 * From `report_to` to the reporters of a run.
 * @module
 */
import { join } from "@std/path";

import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import { csvReporter } from "./csv_log.ts";
import type { Reporter } from "./reporter.ts";
import { tensorboardReporter } from "./tensorboard.ts";

/**
 * Reporters for the names in `report_to`. TensorBoard files go into `logging_dir` (by default `runs` in the output
 * directory), within it into a folder `run_name` where there is one.
 */
export function createReporters(
  config: Pick<TrainConfig, "report_to" | "output_dir" | "logging_dir" | "run_name">,
): Reporter[] {
  const events = config.logging_dir ?? join(config.output_dir, "runs");
  return config.report_to.map((name) =>
    name === "csv"
      ? csvReporter(config.output_dir)
      : tensorboardReporter(config.run_name === null ? events : join(events, config.run_name))
  );
}
