/**
 * Evaluates a model as a YAML file says.
 *
 * ```sh
 * deno task eval                                  # the bundled benchmark on the bundled model, offline, about a minute
 * deno task eval EVALUATOR.yaml [key=value ...]   # the released TRACE scripts' shape; out_dir=DIR, model=MODEL.yaml
 * deno task eval EVALUATOR.yaml --dry-run --ping  # checks everything; requests, tokens, cost, time; one real request each
 * deno task eval EVALUATOR.yaml --rejudge         # every verdict again; --rescore: scores and reports alone, asks nothing
 * deno task eval compare RUN_A RUN_B              # paired differences, McNemar's test, flipped items
 * deno task eval card RUN reference=FILE          # how far a judge can be trusted: against people's verdicts, rules, a run
 * ```
 * Exit code: 0 complete; 1 an error; 2 incomplete, without any score, or nothing to compare or measure (`compare`, `card`); 3 below the threshold, or worse
 * (`compare --fail-if-worse`); 130, 143, 129 stopped by Ctrl-C, SIGTERM, a closed terminal.
 * @module
 */
import { join } from "@std/path";
import { stringify } from "yaml";

import { redactValue } from "../formats/secrets.ts";
import { builtinRegistry } from "../plugins/builtins.ts";
import { optionTexts } from "../plugins/kinds/option_words.ts";
import { type Interruption, interruption } from "./common/cli/interruption.ts";
import { print, printError } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";
import { VERSION } from "./common/version.ts";
import { textOverride } from "./common/config/override.ts";
import { SIGNAL_CODES } from "./common/process/stop_signals.ts";
import { checkFolderPlace } from "./common/folders/folder_place.ts";
import { confirmPlugins, pluginNote } from "./common/config/plugin_code.ts";
import { registryOf } from "./common/config/config_file.ts";
import { DEFAULT_EVALUATOR, DEFAULT_TRAINING } from "./common/config/default_files.ts";
import { Stopped } from "./ask/stopped.ts";
import { cardOfRun } from "./eval/judge_card/card_of_run.ts";
import { type Command, readCommand } from "./eval/commands.ts";
import { compareDirectories, type Comparison } from "./eval/compare/compare.ts";
import { EvaluatorOptions, readEvalConfig } from "./eval/config/config.ts";
import { planRun } from "./eval/plan/plan.ts";
import { comparisonText, writeComparison } from "./eval/report/comparison.ts";
import { nothingComparedText, worseText } from "./eval/report/comparison_gate.ts";
import { endingLines } from "./eval/ending_text.ts";
import {
  judgeCardLines,
  judgeCardText,
  nothingAgreedText,
  nothingReorderedText,
} from "./eval/report/judge_card_text.ts";
import { planText } from "./eval/report/plan_text.ts";
import { resultsText } from "./eval/report/text.ts";
import { evaluate, type Evaluated, type EvaluateOptions } from "./eval/run.ts";
import { readTrainConfig } from "./train/config/mod.ts";
import { Pace } from "./ask/pace.ts";
import { createProgress, type Progress } from "./train/outputs/mod.ts";

/** Options of {@linkcode evaluateFile}. */
export interface EvalTaskOptions extends Pick<EvaluateOptions, "stage" | "fresh" | "rejudge" | "signal"> {
  /** Called with human-readable lines; standard output by default. */
  say?: (line: string) => void;
  /** Shows how far it is. */
  progress?: Progress;
}

/**
 * Carries out one evaluation: configuration, plugins, the stages, a summary.
 * @throws {RangeError} If the configuration is wrong, before any request
 */
export async function evaluateFile(
  configPath: string,
  overrides: readonly string[] = [],
  { say = print, progress = createProgress(), ...options }: EvalTaskOptions = {},
): Promise<Evaluated> {
  const { config, placeOf } = readEvalConfig(configPath, overrides);
  const code = pluginNote(config.plugins);
  if (code !== null) progress.line(`note: ${code}`);
  const registry = await registryOf(config.plugins, placeOf("plugins"));
  const pace = new Pace();
  let done: Evaluated;
  try {
    done = await evaluate(config, registry, {
      ...options,
      say: (line) => progress.line(line),
      progress: (name, done, total, usage) =>
        progress.phase(name, done, total, pace.text(name, done, total, usage)),
      version: VERSION,
      placeOf,
    });
  } finally {
    progress.stop();
  }
  if (done.results !== null) say(resultsText(done.results));
  for (const line of endingLines(done)) say(line);
  return done;
}

/** The evaluations that run without a file. */
export interface DefaultEvaluation {
  /** The bundled model, then the adapter of the last training, if there is one. */
  runs: Evaluated[];
  /** The two compared; null without both. */
  comparison: Comparison | null;
}

/**
 * The evaluation without a file: the bundled benchmark on the bundled model, and on the adapter of the last `deno task train`, if
 * there is one, compared with it.
 */
export async function evaluateDefault(
  overrides: readonly string[] = [],
  options: EvalTaskOptions = {},
): Promise<DefaultEvaluation> {
  const { say = print } = options;
  const base = await evaluateFile(DEFAULT_EVALUATOR, overrides, options);
  const only = { runs: [base], comparison: null };
  const adapter = readTrainConfig(DEFAULT_TRAINING).config.output_dir;
  let trained: string;
  try {
    trained = Deno.realPathSync(adapter);
    Deno.statSync(join(trained, "adapter_config.json"));
  } catch {
    say(`\nAfter \`deno task train\`, this also evaluates the adapter in ${adapter} and compares the two.`);
    return only;
  }
  const another = overrides.some((text) => /^(model|out_dir)\b/.test(text));
  if (!base.complete || options.stage !== undefined || another) return only;
  say(`\nNow with the adapter of the last \`deno task train\` (${adapter})`);
  const tuned = await evaluateFile(DEFAULT_EVALUATOR, [
    ...overrides,
    `model.args.adapter=${JSON.stringify(trained)}`,
    "model.args.name=tiny, tuned",
    textOverride("out_dir", `${base.directory}-tuned`),
  ], options);
  if (!tuned.complete) return { runs: [base, tuned], comparison: null };
  const comparison = await compareDirectories(base.directory, tuned.directory, builtinRegistry());
  say(`\n${comparisonText(comparison)}`);
  return { runs: [base, tuned], comparison };
}

/**
 * Exit code of an evaluation.
 * @param stopCode Where a signal stopped it
 */
export function exitCode(
  { complete, stopped, results }: Evaluated,
  stopCode: number = SIGNAL_CODES.SIGINT,
): number {
  if (stopped?.why === "signal") return stopCode;
  if (stopped?.why === "fatal") return 1;
  if (!complete || results?.headline.value === null) return 2;
  return results?.passed === false ? 3 : 0;
}

type CommandOf<Verb extends Command["verb"]> = Command & { verb: Verb };

async function runEvaluate(command: CommandOf<"evaluate">): Promise<number> {
  if (command.dryRun) {
    await dryRun(command.config ?? DEFAULT_EVALUATOR, command);
    return 0;
  }
  return await untilStopped((interrupted) => runEvaluation(command, interrupted));
}

/** Carries out what a signal may stop; the exit code is then the signal's. */
async function untilStopped(work: (interrupted: Interruption) => Promise<number>): Promise<number> {
  using interrupted = interruption(printError, "what is under way is finished first");
  try {
    return await work(interrupted);
  } catch (error) {
    if (!(error instanceof Stopped) || error.why !== "signal") throw error;
    printError(error.message);
    return interrupted.code;
  }
}

async function runEvaluation(
  { config, overrides, stage, fresh, rejudge, json }: CommandOf<"evaluate">,
  interrupted: Interruption,
): Promise<number> {
  const options: EvalTaskOptions = {
    signal: interrupted.signal,
    fresh,
    rejudge,
    ...(stage && { stage }),
    ...(json && { say: printError }),
  };
  if (config !== undefined) {
    const done = await evaluateFile(config, overrides, options);
    const code = exitCode(done, interrupted.code);
    if (json) printJson(evaluatedJson(done, code));
    return code;
  }
  const { runs, comparison } = await evaluateDefault(overrides, options);
  const codes = runs.map((run) => exitCode(run, interrupted.code));
  if (json) printJson({ runs: runs.map((run, i) => evaluatedJson(run, codes[i])), comparison });
  return codes.find((code) => code !== 0) ?? 0;
}

/** Content of results.json, with the run's directory, files and exit code. */
function evaluatedJson(done: Evaluated, code: number | undefined): Record<string, unknown> {
  const { directory, results, complete, stopped, unreported, files } = done;
  const ended = { complete, stopped: stopped?.message ?? null, unreported };
  return { ...results ?? ended, directory, files, exit_code: code };
}

async function dryRun(
  path: string,
  { overrides, json, ping, fresh }: CommandOf<"evaluate">,
): Promise<void> {
  const { config, placeOf } = readEvalConfig(path, overrides);
  checkFolderPlace(config.out_dir, "out_dir");
  const whole = redactValue({ evaluator: config }) as Record<string, unknown>;
  if (!json) print(stringify(whole));
  const code = pluginNote(config.plugins);
  if (code !== null) printError(`note: ${code}`);
  confirmPlugins(config.plugins);
  const registry = await registryOf(config.plugins, placeOf("plugins"));
  const plan = await planRun(config, registry, placeOf, { ping, fresh });
  if (json) printJson({ ...whole, plan });
  else print(planText(plan));
  const failed = plan.endpoints.find((endpoint) => endpoint.ping?.outcome === "error");
  if (failed === undefined) return;
  throw new RangeError(`Cannot ask the ${failed.role} ${failed.model}: ${failed.ping?.text}`);
}

async function runCompare({ runs: [a, b], json, out, failIfWorse }: CommandOf<"compare">): Promise<number> {
  const comparison = await compareDirectories(a, b, builtinRegistry());
  const worse = failIfWorse === undefined ? null : worseText(comparison, failIfWorse);
  for (const path of await writeComparison(comparison, out)) printError(`Written: ${path}`);
  if (json) printJson(comparison);
  else print(comparisonText(comparison));
  const nothing = nothingComparedText(comparison, failIfWorse);
  for (const line of [nothing, worse]) if (line !== null) printError(line);
  return worse !== null ? 3 : nothing !== null ? 2 : 0;
}

async function runCard(
  { run, json, ...options }: CommandOf<"card">,
  { signal }: Interruption,
): Promise<number> {
  const card = await cardOfRun(run, builtinRegistry(), { ...options, signal });
  if (json) printJson(card);
  else print(Deno.stdout.isTerminal() ? judgeCardLines(card) : judgeCardText(card));
  const nothing = [nothingAgreedText(card), nothingReorderedText(card)].filter((text) => text !== null);
  for (const text of nothing) printError(text);
  return nothing.length === 0 ? 0 : 2;
}

function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Carries out a command line of this task. @returns Exit code; nothing means 0 */
export async function evalTask(args: readonly string[]): Promise<number | void> {
  const command = readCommand(args, printError, () => optionTexts(EvaluatorOptions));
  if (command.verb === "help") return print(command.text);
  if (command.verb === "compare") return await runCompare(command);
  if (command.verb === "card") {
    return await untilStopped((interrupted) => runCard(command, interrupted));
  }
  return await runEvaluate(command);
}

if (import.meta.main) {
  // not awaited: a plugin imports mod.ts and through it this module, and would wait for it for ever
  void runTask(() => evalTask(Deno.args));
}
