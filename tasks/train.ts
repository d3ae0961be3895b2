/**
 * Trains a model as a YAML or JSON file says.
 *
 * ```sh
 * deno task train                                     # the bundled tiny default: IOPO with LoRA, about a minute
 * deno task train examples/smollm2_lora_iopo.yaml     # LLaMA-Factory's keys; key=value arguments override the file
 * deno task train CONFIG.yaml learning_rate=5e-6 max_steps=20
 * deno task train CONFIG.yaml resume_from_checkpoint=auto # continues from the last checkpoint, if there is one
 * deno task train OUTPUT_DIR/run.yaml                 # continues that run, or repeats it if it is finished
 * deno task train CONFIG.yaml --dry-run               # resolved configuration, token statistics, memory and time
 * deno task train EVALUATE.yaml                       # do_eval without do_train: losses of a finished model on the evaluation rows
 * deno task train PREDICT.yaml                        # do_predict: answers of what was trained, without do_train of a finished model
 * ```
 * Prints what it takes for granted, a progress bar, the loss curve, the files it wrote and what to type next.
 * @module
 */
import type { TrainerResult } from "../plugins/kinds/trainer.ts";
import { parseArguments } from "./common/cli/arguments.ts";
import { interruption } from "./common/cli/interruption.ts";
import { print, printAsItIs, printError } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";
import { usage } from "./common/cli/help_lines.ts";
import { helpTopic } from "./common/cli/help.ts";
import { confirmPlugins } from "./common/config/plugin_code.ts";
import { begin, type Begun, type TrainOptions } from "./train/begin.ts";
import { checkProvenance, refuseChangedPlugins } from "./train/changed_since.ts";
import { jsonSchema } from "./train/config/describe.ts";
import { predictionsName, type TrainConfig, type Work, workAsked } from "./train/config/mod.ts";
import { keyHelp } from "./train/config/key_help.ts";
import { DEFAULT_TRAINING } from "./common/config/default_files.ts";
import { terminalWidth } from "./common/report/table.ts";
import { dataText } from "./train/data_text.ts";
import { dryRun } from "./train/dry_run.ts";
import { sayEnd } from "./train/end.ts";
import { createReporters, OutputDirectory, type Progress, RunLog } from "./train/outputs/mod.ts";
import { dropNetwork, dropPrograms, needsNetwork, startsPrograms } from "./train/network.ts";
import { finishedMetrics, ownRun, readRun } from "./train/own_run.ts";
import { lacksAnswers } from "./train/predict/files.ts";
import { type AskingModel, resultText } from "./train/predict/rows.ts";
import { prepare } from "./train/prepare.ts";
import { encode } from "./train/prepare/encode.ts";
import { unreachedRateNotes } from "./train/unreached_rate.ts";
import { inputsOf } from "./train/prepare/inputs.ts";
import { trainingProvenance } from "./train/provenance.ts";
import { trainAndWrite } from "./train/train_and_write.ts";

export type { TrainOptions } from "./train/begin.ts";
export { type DryRun, dryRun } from "./train/dry_run.ts";

const FLAGS = {
  "help [KEY]": "this text, or about one key; --help all: every key",
  schema: "a JSON schema of training files, for editors",
  "dry-run": "check everything and estimate, but don't train",
  json: "with --dry-run: one JSON object",
};

/** Result of a run. */
export interface RunResult extends TrainerResult {
  /** Folder of the adapter (or model) and everything beside it. */
  directory: string;
}

/**
 * Carries out one run: configuration, plugins, model, data, training (or predictions, or an evaluation), files.
 * @param configPath YAML or JSON file
 * @param overrides `key=value` texts
 * @throws {RangeError} If anything in the configuration, the model or the data is wrong; before any training
 * @throws {Error} If another process writes into the output folder
 */
export async function train(
  configPath: string,
  overrides: readonly string[] = [],
  options: TrainOptions = {},
): Promise<RunResult> {
  const run = await begin(configPath, overrides, options);
  const { config, registry, trainer, placeOf, say, signal } = run, directory = config.output_dir;
  const work = workAsked(config);
  if (work !== "training") {
    return await workOfFinished(work, config, {
      registry,
      placeOf,
      say,
      progress: run.newProgress(),
      signal,
    });
  }
  if (trainer.lend) {
    await trainer.lend({ note: (line) => say(`note: ${line}`), signal });
    return { directory, finished: !signal.aborted, files: [], metrics: {} };
  }
  const own = ownRun(config, registry);
  using output = new OutputDirectory({ ...config, inputs: inputsOf(config), ...own });
  if (!output.isLocked) {
    say(`note: output_dir: its file system knows no locks, so nothing keeps a second run out`);
  }
  if (output.isFinished && own.isThisRun()) {
    say(
      `${directory} holds this run, finished: its files are left as they are (another output_dir repeats it)`,
    );
    const result = { directory, finished: true, files: [], metrics: finishedMetrics(directory) };
    return await withAnswers(run, result, run.newProgress());
  }
  return await trainInto(output, run);
}

/** Model, data, training and files, from a checkpoint of the folder where it has one. */
async function trainInto(output: OutputDirectory, run: Begun): Promise<RunResult> {
  const { configPath, config, provenance, placeOf, registry, trainer, signal, say, sayDownload } = run;
  const directory = config.output_dir;
  const ready = await prepare(config, registry, sayDownload, placeOf);
  for (const note of ready.notes) say(`note: ${note}`);
  const progress = run.newProgress();
  const data = await encode(config, {
    registry,
    ready,
    onProgress: (phase, done, total) => progress.phase(phase, done, total),
    say: sayDownload,
  });
  progress.stop();
  say(dataText(data.report, "training", terminalWidth()));
  for (const note of unreachedRateNotes(config, (data.trainBins ?? data.train).length)) say(`note: ${note}`);

  const made = trainingProvenance(config, registry, ready, data.hash);
  if (provenance && !config.allow_changes) checkProvenance(provenance, made, configPath);
  if (output.resumeFrom) {
    if (!config.allow_changes) refuseChangedPlugins(made.plugins, directory, say);
    say(`Resuming from ${output.resumeFrom.path}`);
  }
  const log = new RunLog({
    outputDir: directory,
    settings: config,
    progress,
    reporters: createReporters(config),
    ...(ready.loss.summarize && { summarize: ready.loss.summarize }),
  });
  const baseModel = config.base_model ?? ready.model.hubId ?? config.model_name_or_path;
  const { result, files } = await trainAndWrite(
    trainer,
    { config, ready, data, made, baseModel, output, log, progress },
    { signal, say, continues: run.continues },
  );
  const { history } = log.state();
  sayEnd({ config, baseModel, isBundled: configPath === DEFAULT_TRAINING, result, files, history }, say);
  return await withAnswers(run, { ...result, directory, files }, progress);
}

/** A run's result with that of its answers, if it is to give any and has none. */
async function withAnswers(
  { config, registry, placeOf, sayNew, signal }: Begun,
  result: RunResult,
  progress: Progress,
): Promise<RunResult> {
  if (!result.finished || !lacksAnswers(config)) return result;
  const { predictTrained } = await import("./train/predict/trained.ts");
  // training has told its notes
  const { metrics } = await predictTrained(config, { registry, placeOf, say: sayNew, progress, signal });
  return { ...result, finished: !signal.aborted, metrics: { ...result.metrics, ...metrics } };
}

/** What is asked of a finished model: answers to the evaluation rows, or an evaluation of them. */
async function workOfFinished(
  work: Exclude<Work, "training">,
  config: TrainConfig,
  asking: AskingModel,
): Promise<RunResult> {
  const directory = config.output_dir, { say, signal } = asking;
  if (work === "predictions") {
    // loaded by runs that predict: it brings the generator and jieba's dictionary
    const predicted = config.stage === "rm"
      ? await (await import("./train/predict/rewards.ts")).predictRewards(config, asking)
      : await (await import("./train/predict/predict.ts")).predict(config, asking);
    say(resultText(directory, predicted, `no ${predictionsName(config)} were written`));
    return { directory, finished: !signal.aborted, files: [], metrics: predicted.metrics };
  }
  const { evaluateFinished, evaluatedText } = await import("./train/predict/evaluate.ts");
  const evaluated = await evaluateFinished(config, asking);
  say(evaluatedText(directory, evaluated));
  return { directory, finished: evaluated.files.length > 0, files: [], metrics: evaluated.metrics };
}

/** The text of `--help`: a screen, one key, or `all` of them. @throws {RangeError} If there is no such key */
function trainHelp(topic: string): string {
  if (topic !== "") return keyHelp(topic);
  return usage([
    "deno task train [CONFIG.yaml] [key=value ...]",
    "",
    "Examples:",
    "  deno task train                              the bundled tiny default",
    "  deno task train my.yaml learning_rate=5e-6   arguments override the file",
    "  deno task train my.yaml --dry-run            tokens, memory and time",
  ], FLAGS) + "\n\n" + keyHelp("");
}

if (import.meta.main) {
  // not awaited: a plugin imports mod.ts and through it this module, and would wait for it for ever
  void runTask(async () => {
    const given = parseArguments(Deno.args, FLAGS);
    const { config = DEFAULT_TRAINING, overrides, flags } = given;
    if (flags.has("schema")) return printAsItIs(JSON.stringify(jsonSchema(), null, 2));
    if (flags.has("help")) return print(trainHelp(helpTopic(given)));
    if (flags.has("json") && !flags.has("dry-run")) {
      throw new RangeError("Cannot use --json without --dry-run");
    }
    const settings = readRun(config, overrides).config;
    if (flags.has("dry-run")) confirmPlugins(settings.plugins);
    if (!needsNetwork(settings)) dropNetwork();
    if (!startsPrograms(settings)) dropPrograms();
    if (flags.has("dry-run")) {
      const json = flags.has("json");
      const found = await dryRun(config, overrides, json ? printError : print);
      if (json) print(JSON.stringify(found, null, 2));
      return;
    }
    const own = ["local", "torch"].includes(settings.trainer);
    using interrupted = interruption(
      printError,
      workAsked(settings) === "predictions"
        ? `no ${predictionsName(settings)} are written`
        : workAsked(settings) === "evaluation"
        ? "no results are written"
        : settings.do_predict
        ? `training saves a checkpoint first, of ${predictionsName(settings)} none are written`
        : own
        ? "saving a checkpoint first"
        : `the trainer ${settings.trainer} is asked to stop, and waited for`,
    );
    const { finished } = await train(config, overrides, { signal: interrupted.signal });
    return finished ? 0 : interrupted.code;
  });
}
