/**
 * Trains a model as a YAML or JSON file says.
 *
 * ```sh
 * deno task train                                     # the bundled tiny default: IOPO with LoRA, about a minute
 * deno task train examples/smollm2_lora_iopo.yaml     # LLaMA-Factory's keys; key=value arguments override the file
 * deno task train CONFIG.yaml learning_rate=5e-6 max_steps=20
 * deno task train CONFIG.yaml resume_from_checkpoint=true
 * deno task train CONFIG.yaml --dry-run               # resolved configuration, token statistics, memory and time
 * ```
 * Prints what it takes for granted, a progress bar, the loss curve, the files it wrote and what to type next.
 * @module
 */
import { fileURLToPath } from "node:url";

import { join } from "@std/path";
import { stringify } from "yaml";

import { redactValue } from "../formats/secrets.ts";
import { onnxBackend } from "../kernels/mod.ts";
import {
  diffConfigs,
  diffProvenance,
  helpText,
  jsonSchema,
  type Provenance,
  readTrainConfig,
  type TrainConfig,
  writeRunYaml,
} from "./train/config/mod.ts";
import {
  createProgress,
  createReporters,
  createRunLog,
  prepareOutputDirectory,
  printSummary,
  type Progress,
  tokenizerFiles,
  writeRunOutputs,
} from "./train/outputs/mod.ts";
import type { TrainerResult } from "../plugins/kinds/trainer.ts";
import { registryOf } from "./common/config_file.ts";
import { interruption, parseArguments, print, printError, runTask, usage, VERSION } from "./common/cli.ts";
import { dataText } from "./train/data_text.ts";
import { type Estimate, estimate, estimateText, measureGflops, weightStorage } from "./train/estimate.ts";
import { encode, prepare } from "./train/prepare.ts";

/** What runs when no file is named. */
export const DEFAULT_CONFIG: string = fileURLToPath(
  new URL("../examples/default_iopo.yaml", import.meta.url),
);

const FLAGS = {
  help: "this text",
  schema: "a JSON schema of training files, for editors",
  "dry-run": "check everything and estimate, but don't train",
  json: "with --dry-run: one JSON object",
};

/** What a caller of {@linkcode train} may set. */
export interface TrainOptions {
  /** Aborted to stop: a checkpoint is saved first. */
  signal?: AbortSignal;
  /** Gets a line of text for people; standard output by default. */
  say?: (line: string) => void;
  /** Shows steps; a bar on a terminal, lines elsewhere by default. */
  progress?: Progress;
}

/**
 * Carries out one run: configuration, plugins, model, data, training, files.
 * @param configPath YAML or JSON file
 * @param overrides `key=value` texts
 * @throws {RangeError} If anything in the configuration, the model or the data is wrong; before any training
 */
export async function train(
  configPath: string,
  overrides: readonly string[] = [],
  options: TrainOptions = {},
): Promise<TrainerResult> {
  const { signal = new AbortController().signal, say = print } = options;
  const { config, notes, provenance, at } = readTrainConfig(configPath, overrides);
  for (const note of notes) say(`note: ${note}`);
  const registry = await registryOf(config.plugins, at("plugins"));
  // refused before any work; an old run is only removed once everything it takes to replace it is there
  if (!config.overwrite_output_dir) prepareOutputDirectory(config);
  const ready = await prepare(config, registry, say, at);
  for (const note of ready.notes) say(`note: ${note}`);
  const trainer = registry.create("trainer", config.trainer, config.trainer_options);
  const progress = options.progress ?? createProgress({ disabled: config.disable_tqdm });
  const data = await encode(
    config,
    registry,
    ready,
    (phase, done, total) => progress.phase(phase, done, total),
  );
  progress.stop();
  say(dataText(data.report));

  const made: Provenance = {
    dinotune: VERSION,
    plugins: [...ready.used, {
      kind: "trainer",
      name: config.trainer,
      version: registry.get("trainer", config.trainer).version,
      options: registry.options("trainer", config.trainer, config.trainer_options),
    }],
    data: data.hash,
    model: ready.model.weights.hash(),
    tokenizer: ready.model.tokenizer.hash,
  };
  if (provenance) checkProvenance(provenance, made, config, configPath);

  const { resumeFrom, removed } = prepareOutputDirectory({ ...config, inputs: inputsOf(config) });
  if (removed.length > 0) say(`Removed from ${config.output_dir}: ${removed.join(", ")}`);
  if (resumeFrom) say(`Going on from ${resumeFrom.path}`);
  await writeRunYaml(join(config.output_dir, "run.yaml"), config, made);

  const log = createRunLog({
    outputDir: config.output_dir,
    settings: config,
    progress,
    reporters: createReporters(config),
    ...(ready.loss.summarize && { summarize: ready.loss.summarize }),
  });
  const result = await trainer.train({
    config,
    model: ready.model,
    decoder: ready.decoder,
    loss: ready.loss,
    train: data.train,
    evaluation: data.evaluation,
    shuffle: data.shuffle && !config.disable_shuffling,
    trainBins: data.trainBins,
    files: tokenizerFiles(ready.model.tokenizer, ready.model.tokenizer.chatTemplate),
    dataHash: data.hash,
    changes: (earlier) => diffConfigs(earlier, config),
    resumeFrom,
    log,
    signal,
  });
  progress.stop();
  const files = await writeRunOutputs({
    config,
    log,
    tokenizer: ready.model.tokenizer,
    chatTemplate: ready.model.tokenizer.chatTemplate,
    finished: result.finished,
    ...(Object.keys(result.metrics).length > 0 && { evaluation: result.metrics }),
  });
  const resume = `deno task train ${configPath} resume_from_checkpoint=true`;
  printSummary({
    outputDir: config.output_dir,
    history: log.state().history,
    files: [...trainedFiles(config), ...files, { name: "run.yaml", what: "every key of this run" }],
    next: result.finished
      ? [
        ...(configPath === DEFAULT_CONFIG
          ? [{
            command: "deno task eval",
            what: "answer held-out instructions without and with this adapter",
          }]
          : []),
        {
          command: `deno task preview ${join(config.output_dir, "run.yaml")}`,
          what: "see what the model was trained on",
        },
        {
          command: `deno task train ${
            join(config.output_dir, "run.yaml")
          } output_dir=${config.output_dir}-again`,
          what: "repeat this run, bit for bit",
        },
      ]
      : [{ command: resume, what: "go on where this run stopped" }],
  }, say);
  return result;
}

/** What `--dry-run` found. */
export interface DryRun {
  /** Resolved. */
  config: TrainConfig;
  /** What would be said at the start. */
  notes: string[];
  /** What became of the data, as text. */
  data: string;
  /** Memory and time. */
  estimate: Estimate;
}

/**
 * Does all that {@linkcode train} does before training, writes nothing but caches, and estimates the rest.
 * @throws {RangeError} As `train` does
 */
export async function dryRun(
  configPath: string,
  overrides: readonly string[] = [],
  say: (line: string) => void = print,
): Promise<DryRun> {
  const { config, notes, at } = readTrainConfig(configPath, overrides);
  const { hf_hub_token: _secret, ...rest } = config;
  say(stringify(redactValue(rest), { lineWidth: 0 }).trimEnd());
  for (const note of notes) say(`note: ${note}`);
  const registry = await registryOf(config.plugins, at("plugins"));
  const ready = await prepare(config, registry, say, at);
  for (const note of ready.notes) say(`note: ${note}`);
  const data = await encode(config, registry, ready);
  const text = dataText(data.report);
  say(text);
  const backend = config.backend === "auto" || config.backend === "onnx"
    ? onnxBackend({ provider: config.provider, ...(config.threads !== null && { threads: config.threads }) })
    : null;
  const gflops = backend && await measureGflops(backend, ready.decoder);
  await backend?.dispose();
  const storage = await weightStorage(config, ready.model.weights);
  const needs = estimate(config, ready.decoder, ready.loss, data.train, gflops, storage);
  say(estimateText(needs));
  ready.model.weights.close();
  return { config, notes: [...notes, ...ready.notes], data: text, estimate: needs };
}

function checkProvenance(before: Provenance, now: Provenance, config: TrainConfig, file: string): void {
  const changes = diffProvenance(before, now);
  if (changes.length === 0 || config.allow_changes) return;
  throw new RangeError(
    `Cannot repeat ${file} as what it was made of has changed:\n  ${changes.join("\n  ")}\n` +
      "set allow_changes=true to run it nevertheless",
  );
}

/** What the trainer saved itself. */
function trainedFiles({ output_dir }: TrainConfig): { name: string; what: string }[] {
  return [...Deno.readDirSync(output_dir)].map(({ name }) => name).sort()
    .filter((name) => /^(adapter_)?(model.*\.safetensors|config\.json)$/.test(name))
    .map((name) => ({
      name,
      what: name.endsWith(".json") ? "configuration of what was trained" : "trained weights",
    }));
}

function inputsOf(config: TrainConfig): string[] {
  return [config.model_name_or_path, ...config.adapter_name_or_path, config.dataset_dir];
}

if (import.meta.main) {
  await runTask(async () => {
    const { config = DEFAULT_CONFIG, overrides, flags } = parseArguments(Deno.args, FLAGS);
    if (flags.has("schema")) return console.log(JSON.stringify(jsonSchema(), null, 2));
    if (flags.has("help")) {
      return console.log(
        `${usage(["deno task train [CONFIG.yaml] [key=value ...]"], FLAGS)}\n\n${helpText()}`,
      );
    }
    if (flags.has("json") && !flags.has("dry-run")) {
      throw new RangeError("Cannot use --json without --dry-run");
    }
    if (flags.has("dry-run")) {
      const json = flags.has("json");
      const found = await dryRun(config, overrides, json ? printError : print);
      if (json) {
        const config = redactValue({ ...found.config, hf_hub_token: null });
        print(JSON.stringify({ ...found, config }, null, 2));
      }
      return;
    }
    using interrupted = interruption();
    const { finished } = await train(config, overrides, { signal: interrupted.signal });
    return finished ? 0 : 130;
  });
}
