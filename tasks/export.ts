/**
 * Merges adapters into a model and writes it for other programs.
 *
 * ```sh
 * deno task export MERGE.yaml                                    # LLaMA-Factory's file for llamafactory-cli export
 * deno task export MERGE.yaml export_dir=merged infer_dtype=bfloat16
 * deno task export model_name_or_path=MODEL adapter_name_or_path=ADAPTER export_dir=OUT
 * deno task export MERGE.yaml export_format=gguf export_dtype=q8_0 # one file for llama.cpp
 * deno task export MERGE.yaml export_format=gguf-adapter         # the adapter alone, for llama.cpp's --lora
 * deno task export MERGE.yaml export_format=onnx                 # a folder for transformers.js
 * deno task export MERGE.yaml --dry-run                          # checks, sizes, memory; writes nothing
 * ```
 * Prints an estimate, progress, the largest difference of logits before and after, the files and what to type next.
 * @module
 */
import { join, resolve } from "@std/path";

import { downloadLines } from "../formats/hub/mod.ts";
import type { Registry } from "../plugins/registry.ts";
import { parseArguments } from "./common/cli/arguments.ts";
import { interruption } from "./common/cli/interruption.ts";
import { print, printError } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";
import { usage } from "./common/cli/help_lines.ts";
import { VERSION } from "./common/version.ts";
import { helpTopic } from "./common/cli/help.ts";
import { taskCommand } from "./common/process/command.ts";
import { registryOf } from "./common/config/config_file.ts";
import { confirmPlugins, pluginNote } from "./common/config/plugin_code.ts";
import { type ExportConfig, type ExportDtype, readExportConfig } from "./export/config.ts";
import { exportHelp } from "./export/help.ts";
import { checkFits, estimateExport, gigabytes, spaceText } from "./export/estimate.ts";
import { checkExportFolder, ExportFolder, filesOf } from "./export/folder.ts";
import { ggufPath } from "./export/gguf.ts";
import { estimateGptq, openQuantisation, type Quantisation, quantiseInto } from "./export/gptq/mod.ts";
import { checkGoesOn, interruptible, signalsComeIn } from "./export/interruptible.ts";
import { checkOnnxDecoder } from "./export/onnx/model.ts";
import { oneAtATime } from "./export/one_at_a_time.ts";
import { prove, type Talk } from "./export/prove.ts";
import { dtypeOf } from "./export/safetensors.ts";
import { type ExportSource, openSource } from "./export/source/source.ts";
import { writeFiles } from "./export/write_files.ts";
import { dropNetwork, needsNetwork } from "./train/network.ts";
import { createProgress, type Progress } from "./train/outputs/mod.ts";

const FLAGS = {
  "help [KEY]": "this text, or about one key; --help all: every key",
  "dry-run": "check everything and say what it takes, but write nothing",
};

/** Options of {@linkcode exportModel}. */
export interface ExportOptions {
  /** Only check and estimate. */
  dryRun?: boolean;
  /** Called with human-readable lines; standard output by default. */
  say?: (line: string) => void;
  /** Shows how far it is. */
  progress?: Progress;
  /** Address of the hub; default: HF_ENDPOINT, else the public one. */
  endpoint?: string;
  /** Aborted: the export ends and leaves `export_dir` as it was. */
  signal?: AbortSignal | null;
}

/** Result of an export. */
export interface ExportResult {
  /** The folder written. */
  directory: string;
  /** Files in it. */
  files: string[];
  /** Of the check; null where it was left out. */
  largestDifference: number | null;
}

/**
 * Carries out one export.
 * @param path YAML or JSON file; undefined: arguments only
 * @throws {RangeError} If anything in the configuration, the model or an adapter is wrong, or disk or memory are too small;
 * before anything is written
 * @throws {Error} If what was written computes something else; nothing is put into the folder then
 */
export async function exportModel(
  path: string | undefined,
  overrides: readonly string[] = [],
  { dryRun = false, say = print, progress = createProgress(), signal = null, endpoint }: ExportOptions = {},
): Promise<ExportResult | null> {
  const { config, notes, placeOf } = readExportConfig(path, overrides);
  const code = pluginNote(config.plugins);
  for (const note of [...notes, ...(code === null ? [] : [code])]) say(`note: ${note}`);
  const registry = await registryOf(config.plugins, placeOf("plugins"));
  const hub = {
    ...(config.cache_dir !== null && { cacheDir: config.cache_dir }),
    ...(config.hf_hub_token !== null && { token: config.hf_hub_token }),
    ...(endpoint !== undefined && { endpoint }),
    onProgress: downloadLines(say),
  };
  const source = await openSource(config, registry, hub, placeOf);
  try {
    for (const note of source.notes) say(`note: ${note}`);
    const dtype = dtypeFor(config, source);
    if (config.export_format === "onnx") checkOnnxDecoder(source.decoder);
    const { export_quantization_bit: bits } = config;
    const quantising = bits === null ? null : await openQuantisation(config, bits, source);
    const estimate = quantising === null
      ? estimateExport(config, source, dtype)
      : estimateGptq(quantising, source);
    say(
      `${config.export_format} in ${
        bits === null ? dtype : `${bits} bits by GPTQ`
      } into ${config.export_dir}: ${spaceText(estimate)}`,
    );
    checkFits(estimate, config, dtype);
    const inputs = [source.model.path, ...source.adapterFolders];
    if (dryRun) {
      checkExportFolder(config.export_dir, inputs);
      return null;
    }
    using folder = new ExportFolder(config.export_dir, inputs);
    if (folder.restarted) say("An earlier export was interrupted: it is done again from the start");
    const job = { config, registry, source, dtype, quantising };
    const result = await write(job, folder, { say, progress, signal });
    printResult(result, config, { dtype, canChat: source.tokenizer !== null }, say);
    return result;
  } finally {
    progress.stop();
    source.model.weights.close();
  }
}

/** An export to write. */
interface Job {
  config: ExportConfig;
  registry: Registry;
  source: ExportSource;
  dtype: ExportDtype;
  /** Null: weights aren't quantised by GPTQ. */
  quantising: Quantisation | null;
}

async function write(
  { config, registry, source, dtype, quantising }: Job,
  folder: ExportFolder,
  { say, progress, signal }: Talk,
): Promise<ExportResult> {
  const quantised = quantising === null
    ? null
    : await quantiseInto(folder.staging, quantising, source, { progress, signal });
  const count = config.export_format === "gguf-adapter"
    ? 2 * (source.adapters[0]?.modules.size ?? 0)
    : (quantised?.count ?? source.shapes.size) +
      (config.export_format === "safetensors" ? source.beside?.size ?? 0 : 0);
  let done = 0;
  const onTensor = () => progress.phase("writing tensors", ++done, count);
  const lent = { ...source, read: oneAtATime(source.read) };
  const writing = quantised === null
    ? writeFiles(config, lent, { dtype, folder: folder.staging, onTensor })
    : quantised.writing(lent, config.export_size * 1e9, onTensor);
  const notes = await interruptible(writing, signal);
  progress.stop();
  for (const note of notes) say(`note: ${note}`);
  const written = {
    config,
    registry,
    source,
    dtype,
    folder: folder.staging,
    quantised: quantised?.logits ?? null,
  };
  const largest = config.export_check ? await prove(written, { say, progress, signal }) : null;
  const { model, adapters } = source;
  // a signal of the last tensor or of the comparison's last part: it was answered with "stays as it was"
  await signalsComeIn();
  checkGoesOn(signal);
  folder.publish({
    dinotune: VERSION,
    format: config.export_format,
    dtype,
    ...(quantising !== null && { gptq: { bits: quantising.bits, texts: quantising.texts.length } }),
    model: { path: model.nameOrPath, hash: model.weights.hash() },
    adapters: config.adapter_name_or_path.map((path, i) => ({ path, modules: adapters[i]?.modules.size })),
    largest_difference_of_logits: largest,
  });
  return { directory: config.export_dir, files: filesOf(config.export_dir), largestDifference: largest };
}

/** `auto` is the model's own number type, an adapter's is float32. */
function dtypeFor(config: ExportConfig, { model }: ExportSource): ExportDtype {
  // as LLaMA-Factory makes what GPTQ leaves as it is
  if (config.export_quantization_bit !== null) return "float16";
  if (config.export_dtype !== "auto") return config.export_dtype;
  if (config.infer_dtype !== "auto") return config.infer_dtype;
  if (["gguf-adapter", "onnx"].includes(config.export_format)) return "float32";
  return dtypeOf(model.config);
}

function printResult(
  { directory, files }: ExportResult,
  { export_format: format }: ExportConfig,
  { dtype, canChat }: { dtype: ExportDtype; canChat: boolean },
  say: (line: string) => void,
): void {
  say(`\nWrote ${directory}`);
  for (const file of files) say(`  ${file} (${gigabytes(Deno.statSync(join(directory, file)).size)})`);
  if (format === "gguf-adapter" || format === "onnx" || !canChat) return;
  const model = format === "gguf" ? ggufPath(directory, format, dtype) : directory;
  say(`\nNext\n  ${taskCommand("chat", [resolve(model)])}`);
}

function help(): string {
  return `${usage(["deno task export [MERGE.yaml] [key=value ...]"], FLAGS)}\n\n${exportHelp("")}`;
}

if (import.meta.main) {
  // not awaited: a plugin imports mod.ts and through it this module, and would wait for it for ever
  void runTask(async () => {
    const given = parseArguments(Deno.args, FLAGS);
    const { config: path, overrides, flags } = given;
    if (flags.has("help")) {
      const topic = helpTopic(given);
      return print(topic === "" ? help() : exportHelp(topic));
    }
    if (path === undefined && overrides.length === 0) return print(help());
    const { config } = readExportConfig(path, overrides);
    const dryRun = flags.has("dry-run");
    if (dryRun) confirmPlugins(config.plugins);
    const none = { ref_model: null, ref_model_adapters: [], dataset: [], eval_dataset: [], dataset_dir: "." };
    if (!needsNetwork({ ...config, ...none })) dropNetwork();
    using interrupted = interruption(printError, "export_dir stays as it was");
    try {
      await exportModel(path, overrides, { dryRun, signal: interrupted.signal });
    } catch (error) {
      if (!interrupted.signal.aborted) throw error;
      printError(`error: ${(error as Error).message}`);
      return interrupted.code;
    }
  });
}
