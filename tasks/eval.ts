/**
 * Evaluates a model as a YAML file says.
 *
 * ```sh
 * deno task eval                                  # the bundled benchmark on the bundled model, offline, about a minute
 * deno task eval EVALUATOR.yaml [key=value ...]   # the released TRACE scripts' shape; out_dir=DIR, model=MODEL.yaml
 * deno task eval EVALUATOR.yaml --stage score     # one stage alone: generate, judge, score or report
 * deno task eval --compare RUN_A RUN_B            # paired differences, McNemar's test, flipped items
 * deno task eval --judge-card RUN human=FILE      # how far a judge can be trusted
 * ```
 * Exit code: 0 complete; 1 an error; 2 incomplete, run it again to go on; 3 below the threshold; 130 stopped by Ctrl-C.
 * @module
 */
import { fileURLToPath } from "node:url";

import { join } from "@std/path";

import { builtinRegistry } from "../plugins/builtins.ts";
import { type EvalConfig, readEvalConfig } from "../plugins/evaluation/config.ts";
import { evaluate as evaluateRun, type Evaluated, type Stage, STAGES } from "../plugins/evaluation/run.ts";
import { resultsText } from "../plugins/evaluation/report/text.ts";
import { createProgress, type Progress } from "../plugins/outputs/mod.ts";
import { didYouMean, type Registry } from "../plugins/registry.ts";
import { interruption, parseArguments, runTask, usage, VERSION } from "./_cli.ts";

/** What runs when no file is named. */
export const DEFAULT_EVALUATOR: string = fileURLToPath(
  new URL("../examples/eval/default.yaml", import.meta.url),
);

const FLAGS = {
  help: "this text",
  "dry-run": "check the configuration and print it",
  stage: "then generate, judge, score or report: only this stage",
  compare: "then two run directories",
  "judge-card": "then a run directory, and human=FILE or other=RUN",
};

/** What a caller of {@linkcode evaluate} may set. */
export interface EvalTaskOptions {
  /** Only this stage. */
  stage?: Stage;
  /** Aborted to stop. */
  signal?: AbortSignal;
  /** Gets a line of text for people; standard output by default. */
  say?: (line: string) => void;
  /** Shows how far it is. */
  progress?: Progress;
}

/**
 * Carries out one evaluation: configuration, plugins, the stages, a summary.
 * @throws {RangeError} If the configuration is wrong, before any request
 */
export async function evaluate(
  configPath: string,
  overrides: readonly string[] = [],
  options: EvalTaskOptions = {},
): Promise<Evaluated> {
  const { say = console.log, stage, signal } = options;
  const { config, notes } = readEvalConfig(configPath, overrides);
  for (const note of notes) say(`note: ${note}`);
  const registry = await registryOf(config);
  const progress = options.progress ?? createProgress();
  const done = await evaluateRun(config, registry, {
    ...(stage && { stage }),
    ...(signal && { signal }),
    say: (line) => progress.line(line),
    progress: (name, done, total) => progress.phase(name, done, total),
    version: VERSION,
  });
  progress.stop();
  if (done.results !== null) say(resultsText(done.results));
  say(`\nFiles in ${config.out_dir}:`);
  for (const { name, what } of done.files) say(`  ${name.padEnd(24)} ${what}`);
  if (!done.complete) {
    const why = done.stopped?.message ?? "some items have no outcome yet";
    say(`\nNot complete: ${why}. To go on:\n  deno task eval ${join(config.out_dir, "run.yaml")}`);
  }
  return done;
}

/** Exit code of an evaluation. */
export function exitCode({ complete, stopped, results }: Evaluated): number {
  if (stopped?.why === "signal") return 130;
  if (stopped?.why === "fatal") return 1;
  if (!complete) return 2;
  return results?.passed === false ? 3 : 0;
}

async function registryOf(config: EvalConfig): Promise<Registry> {
  const registry = builtinRegistry();
  for (const path of config.plugins) await registry.load(path);
  return registry;
}

/** Takes `--stage NAME` and `--stage=NAME` out of the arguments. */
function takeStage(args: readonly string[]): { stage: Stage | undefined; rest: string[] } {
  const at = args.findIndex((arg) => arg === "--stage" || arg.startsWith("--stage="));
  if (at < 0) return { stage: undefined, rest: [...args] };
  const inline = args[at]!.startsWith("--stage=");
  const name = inline ? args[at]!.slice(8) : args[at + 1] ?? "";
  if (!(STAGES as readonly string[]).includes(name)) {
    throw new RangeError(
      `Cannot run the stage "${name}"${didYouMean(name, STAGES)}: stages are ${STAGES.join(", ")}`,
    );
  }
  return { stage: name as Stage, rest: args.filter((_, i) => i !== at && (inline || i !== at + 1)) };
}

if (import.meta.main) {
  await runTask(async () => {
    const { stage, rest } = takeStage(Deno.args);
    const { config = DEFAULT_EVALUATOR, overrides, flags } = parseArguments(rest, FLAGS);
    if (flags.has("help")) {
      return console.log(usage(["deno task eval [EVALUATOR.yaml] [key=value ...]"], FLAGS));
    }
    using interrupted = interruption();
    return exitCode(
      await evaluate(config, overrides, { signal: interrupted.signal, ...(stage && { stage }) }),
    );
  });
}
