/** Stand-ins for a run and its steps, for tests of what it writes. @module */
import { join } from "@std/path";

import type { StepReport } from "../../plugins/kinds/log_sink.ts";
import { silentProgress } from "../../tasks/train/outputs/log/progress.ts";
import { RunLog, type RunLogOptions } from "../../tasks/train/outputs/log/run_log.ts";
import { type RunLogSettings } from "../../tasks/train/outputs/log/run_log_settings.ts";
import { temporaryFolder } from "./temporary_folder.ts";

/** Path of a golden of this room. */
export function outputsGolden(name: string): string {
  return join(import.meta.dirname!, "../../fixtures/goldens/outputs", name);
}

/** Parsed golden. */
// deno-lint-ignore no-explicit-any -- JSON of another program, looked into by tests only
export function goldenJson(name: string): any {
  return JSON.parse(Deno.readTextFileSync(outputsGolden(name)));
}

/** The settings of the recorded runs, with changes. */
export function settings(changes: Partial<RunLogSettings> = {}): RunLogSettings {
  return {
    logging_strategy: "steps",
    logging_steps: 1,
    logging_first_step: false,
    eval_strategy: "steps",
    eval_steps: 3,
    save_steps: 3,
    include_num_input_tokens_seen: true,
    per_device_train_batch_size: 2,
    num_train_epochs: 3,
    max_steps: 6,
    ...changes,
  };
}

/** A log in a new directory with a clock that the test turns. */
export function logAt(
  changes: Partial<RunLogSettings> = {},
  options: Partial<RunLogOptions> = {},
): { log: RunLog; directory: string; clock: { ms: number } } {
  const directory = options.outputDir ?? temporaryFolder();
  const clock = { ms: 1_700_000_000_000 };
  const log = new RunLog({
    outputDir: directory,
    settings: settings(changes),
    progress: silentProgress(),
    now: () => clock.ms,
    ...options,
  });
  return { log, directory, clock };
}

/** A step of a run of `totalSteps`, made up from its number. */
export function fakeStepReport(step: number, changes: Partial<StepReport> = {}): StepReport {
  return {
    step,
    totalSteps: 6,
    epoch: step / 6,
    loss: 1 / step,
    gradNorm: 1 + step / 7,
    learningRate: 0.01 / step,
    metrics: {},
    tokens: 100 * step,
    seconds: 2,
    ...changes,
  };
}

/** Lines of a JSON Lines file. */
export function readLines(path: string): Record<string, unknown>[] {
  return Deno.readTextFileSync(path).trim().split("\n").map((line) => JSON.parse(line));
}

/** The same without some keys. */
export function without(record: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)));
}
