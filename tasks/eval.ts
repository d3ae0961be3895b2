/**
 * Evaluates a model as a YAML file says.
 *
 * ```sh
 * deno task eval                                  # the bundled benchmark on the bundled model, offline, about a minute
 * deno task eval EVALUATOR.yaml [key=value ...]   # the released TRACE scripts' shape; out_dir=DIR, model=MODEL.yaml
 * deno task eval EVALUATOR.yaml --stage score     # one stage alone: generate, judge, score or report
 * deno task eval --compare RUN_A RUN_B            # paired differences, McNemar's test, flipped items
 * deno task eval --judge-card RUN reference=FILE  # how far a judge can be trusted: against people's verdicts, rules, a run
 * deno task eval --judge-card RUN reorder=100     # and whether a constraint's place moves it: asks it again about 100 answers
 * ```
 * Exit code: 0 complete; 1 an error; 2 incomplete (run it again to go on) or without any score; 3 below the threshold; 130 stopped by Ctrl-C.
 * @module
 */
import { fileURLToPath } from "node:url";

import { join } from "@std/path";
import { stringify } from "yaml";

import { redactValue } from "../formats/secrets.ts";
import { builtinRegistry } from "../plugins/builtins.ts";
import { compareRuns, comparisonText } from "./eval/compare.ts";
import { EvaluatorOptions, readEvalConfig, type ResolvedEval } from "./eval/config.ts";
import { cardOfRun, type CardOptions } from "./eval/card_of_run.ts";
import { judgeCardText } from "./eval/judge_card.ts";
import { openRun } from "./eval/open_run.ts";
import { makeBenchmark, makeJudge, makeModel } from "./eval/parts.ts";
import {
  countItems,
  EVAL_STAGES,
  type EvalStage,
  evaluate as evaluateRun,
  type Evaluated,
} from "./eval/run.ts";
import { resultsText } from "./eval/report/text.ts";
import { createProgress, type Progress } from "./train/outputs/mod.ts";
import { describeOptions } from "../plugins/registry.ts";
import { didYouMean } from "../formats/did_you_mean.ts";
import { registryOf } from "./common/config_file.ts";
import { interruption, parseArguments, print, printError, runTask, usage, VERSION } from "./common/cli.ts";

/** What runs when no file is named. */
export const DEFAULT_EVALUATOR: string = fileURLToPath(
  new URL("../examples/eval/default.yaml", import.meta.url),
);

const FLAGS = {
  help: "this text",
  "dry-run": "check the configuration and print it",
  json: "with --dry-run, --compare or --judge-card: JSON",
  stage: "then generate, judge, score or report: only this stage",
  compare: "then two run directories",
  "judge-card":
    "then a run directory, and reference=FILE (verdicts), reference=rules or reference=RUN; scale=1; reorder=N asks the " +
    "judge again about N answers with the constraints in reverse order",
};

/** What a caller of {@linkcode evaluate} may set. */
export interface EvalTaskOptions {
  /** Only this stage. */
  stage?: EvalStage;
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
  const { say = print, stage, signal } = options;
  const { config, notes, at } = readEvalConfig(configPath, overrides);
  for (const note of notes) say(`note: ${note}`);
  const registry = await registryOf(config.plugins, at("plugins"));
  const progress = options.progress ?? createProgress();
  const done = await evaluateRun(config, registry, {
    ...(stage && { stage }),
    ...(signal && { signal }),
    say: (line) => progress.line(line),
    progress: (name, done, total) => progress.phase(name, done, total),
    version: VERSION,
    at,
  });
  progress.stop();
  if (done.results !== null) say(resultsText(done.results));
  say(`\nFiles in ${config.out_dir}:`);
  const width = Math.max(...done.files.map(({ name }) => name.length));
  for (const { name, what } of done.files) say(`  ${name.padEnd(width)}  ${what}`);
  if (done.complete && done.results?.headline.value === null) {
    const { items, context_length } = done.results.counts;
    const longer = context_length > 0
      ? ` (${context_length} prompts were longer than the model's context)`
      : "";
    say(`\nNo score: none of the ${items} items has one${longer}. The reasons stand in report.md`);
  }
  if (!done.complete) {
    const why = done.stopped?.message ?? "some items have no outcome yet";
    say(`\nNot complete: ${why}. To go on:\n  deno task eval ${join(config.out_dir, "run.yaml")}`);
  }
  return done;
}

/** Where the default training run leaves its adapter. */
const DEFAULT_ADAPTER = "saves/default_iopo";

/**
 * What runs without a file: the bundled benchmark on the bundled model, and on the adapter of the last `deno task train`, if
 * there is one, compared with it.
 */
export async function evaluateDefault(
  overrides: readonly string[] = [],
  options: EvalTaskOptions = {},
): Promise<Evaluated> {
  const { say = print } = options;
  const base = await evaluate(DEFAULT_EVALUATOR, overrides, options);
  let tuned: string;
  try {
    tuned = Deno.realPathSync(DEFAULT_ADAPTER);
    Deno.statSync(join(tuned, "adapter_config.json"));
  } catch {
    say(
      `\nAfter \`deno task train\`, this also evaluates the adapter in ${DEFAULT_ADAPTER} and compares the two.`,
    );
    return base;
  }
  if (!base.complete || options.stage !== undefined || overrides.some((o) => /^(model|out_dir)\b/.test(o))) {
    return base;
  }
  say(`\nNow with the adapter of the last \`deno task train\` (${DEFAULT_ADAPTER})`);
  const second = "saves/eval/default-tuned";
  const done = await evaluate(
    DEFAULT_EVALUATOR,
    [
      ...overrides,
      `model.args.adapter=${JSON.stringify(tuned)}`,
      "model.args.name=tiny, tuned",
      `out_dir=${second}`,
    ],
    options,
  );
  if (done.complete) say(`\n${await compare("saves/eval/default", second)}`);
  return done;
}

/** Exit code of an evaluation. */
export function exitCode({ complete, stopped, results }: Evaluated): number {
  if (stopped?.why === "signal") return 130;
  if (stopped?.why === "fatal") return 1;
  if (!complete || results?.headline.value === null) return 2;
  return results?.passed === false ? 3 : 0;
}

/**
 * Makes everything that a run is made of and reads every row, but asks nothing.
 * @throws {RangeError} If a plugin, an option, a file, an address or a key is missing or wrong
 * @throws {SyntaxError} If a row can't be read
 */
async function checkParts({ config, at }: ResolvedEval): Promise<void> {
  const registry = await registryOf(config.plugins, at("plugins"));
  await makeModel(config, registry, at);
  const part = makeBenchmark(config, registry, at);
  await makeJudge(config, registry, part, at);
  await countItems(config, part);
}

/**
 * Compares two run directories: a table, or JSON.
 * @throws {RangeError} If one holds no evaluation, or they are of different benchmarks
 */
export async function compare(first: string, second: string, json = false): Promise<string> {
  const registry = builtinRegistry();
  const [a, b] = [await openRun(first, registry), await openRun(second, registry)];
  using _a = a.store;
  using _b = b.store;
  const comparison = await compareRuns(a, b, b.config.resamples, b.config.seed);
  return json ? JSON.stringify(comparison, null, 2) : comparisonText(comparison);
}

/**
 * The judge card of a run: a table, or JSON.
 * @param options What it is compared with, and how often the judge is asked again
 */
export async function card(directory: string, options: CardOptions = {}, json = false): Promise<string> {
  const made = await cardOfRun(directory, builtinRegistry(), options);
  return json ? JSON.stringify(made, null, 2) : judgeCardText(made);
}

/** What the command line asks for. */
type Command =
  | { verb: "evaluate"; stage: EvalStage | undefined; rest: string[] }
  | { verb: "compare"; runs: [string, string]; json: boolean }
  | {
    verb: "card";
    run: string;
    reference: string | undefined;
    scale: number;
    reorder: number;
    json: boolean;
  };

/**
 * Takes a command line apart as far as flags with values go.
 * @throws {RangeError} If what a flag needs isn't there
 */
export function readCommand(args: readonly string[]): Command {
  const json = args.includes("--json");
  const words = args.filter((arg) => !arg.startsWith("-"));
  if (args.includes("--compare")) {
    if (words.length !== 2) {
      throw new RangeError(
        `Cannot compare as two run directories are needed: current value is ${words.length}`,
      );
    }
    return { verb: "compare", runs: [words[0]!, words[1]!], json };
  }
  if (args.includes("--judge-card")) {
    const named = (key: string) => words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
    const [run, ...others] = words.filter((word) => !/^(reference|scale|reorder)=/.test(word));
    const scale = Number(named("scale") ?? 1);
    const reorder = Number(named("reorder") ?? 0);
    if (
      run === undefined || others.length > 0 || !(scale > 0) || !(Number.isInteger(reorder) && reorder >= 0)
    ) {
      throw new RangeError(
        "Cannot make a judge card as --judge-card RUN [reference=FILE|rules|RUN] [scale=1] [reorder=0] is needed",
      );
    }
    return { verb: "card", run, reference: named("reference"), scale, reorder, json };
  }
  const at = args.findIndex((arg) => arg === "--stage" || arg.startsWith("--stage="));
  if (at < 0) return { verb: "evaluate", stage: undefined, rest: [...args] };
  const inline = args[at]!.startsWith("--stage=");
  const name = inline ? args[at]!.slice(8) : args[at + 1] ?? "";
  if (!(EVAL_STAGES as readonly string[]).includes(name)) {
    throw new RangeError(
      `Cannot run the stage "${name}"${didYouMean(name, EVAL_STAGES)}: stages are ${EVAL_STAGES.join(", ")}`,
    );
  }
  const rest = args.filter((_, i) => i !== at && (inline || i !== at + 1));
  return { verb: "evaluate", stage: name as EvalStage, rest };
}

if (import.meta.main) {
  await runTask(async () => {
    const command = readCommand(Deno.args);
    if (command.verb === "compare") return print(await compare(...command.runs, command.json));
    if (command.verb === "card") {
      using interrupted = interruption(printError, "what is under way is finished first");
      const { run, json, ...options } = command;
      return print(await card(run, { ...options, signal: interrupted.signal }, json));
    }
    const { config, overrides, flags } = parseArguments(command.rest, FLAGS);
    if (flags.has("help")) {
      const keys = describeOptions(EvaluatorOptions).map((o) => `  ${o.name.padEnd(16)}${o.description}`);
      return console.log(
        `${usage(["deno task eval [EVALUATOR.yaml] [key=value ...]"], FLAGS)}\n\nKeys under evaluator:\n${
          keys.join("\n")
        }`,
      );
    }
    if (flags.has("dry-run")) {
      const resolved = readEvalConfig(config ?? DEFAULT_EVALUATOR, overrides);
      const whole = redactValue({ evaluator: resolved.config });
      print(flags.has("json") ? JSON.stringify(whole, null, 2) : stringify(whole));
      return await checkParts(resolved);
    }
    using interrupted = interruption(printError, "what is under way is finished first");
    const { stage } = command;
    const options = { signal: interrupted.signal, ...(stage && { stage }) };
    return exitCode(
      config === undefined
        ? await evaluateDefault(overrides, options)
        : await evaluate(config, overrides, options),
    );
  });
}
