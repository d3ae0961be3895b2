/**
 * Keys of a file for merging: LLaMA-Factory's `export_*` and the keys of model and template that it has beside them, and our
 * own for formats that it doesn't write.
 * @module
 */
import { isAbsolute, join, resolve } from "@std/path";

import { exists } from "../../formats/exists.ts";
import { readYaml, type YamlFile } from "../../formats/yaml/yaml.ts";
import { fileOfOtherTask } from "../common/file_purpose.ts";
import { type KeySpec, type KeyType, REQUIRED, type WorkingKey } from "../train/config/key.ts";
import { keyTable } from "../train/config/key_table.ts";
import { nameOf, readKeys, type TaskWords, throwFaults, writtenKeys } from "../train/config/read_keys.ts";
import { absolutePlugin, findInputs, foundBeside } from "../train/config/resolve.ts";
import { bool, fourOrEight, int, oneOf, orNull } from "../train/config/value_types.ts";
import { contradictions } from "./config_faults.ts";
import { EXPORT_DTYPES, EXPORT_FORMATS, type ExportConfig, SHARED_KEYS } from "./export_config.ts";

export type { ExportConfig, ExportDtype, ExportFormat } from "./export_config.ts";

const OTHERS = "an export needs the model, its adapters and a template only";

function row<T>(
  type: KeyType<T>,
  standard: NoInfer<T> | typeof REQUIRED,
  description: string,
  own = false,
): WorkingKey<T> {
  return { state: "works", group: own ? "own" : "model", type, default: standard, description };
}

function ownKeys(): Record<string, KeySpec> {
  const text = keyTable().get("model_name_or_path") as WorkingKey<string>;
  return {
    export_dir: row(
      text.type,
      REQUIRED,
      "folder to write; made, or replaced where it holds an earlier export",
    ),
    export_size: row(
      int(1, 1000),
      5,
      "gigabytes (10⁹ bytes) of tensors a file at most; safetensors and onnx",
    ),
    export_device: row(
      oneOf(["cpu", "auto"]),
      "cpu",
      "merging is done tensor by tensor on the CPU in either case",
    ),
    infer_dtype: row(
      oneOf(["auto", "float32", "float16", "bfloat16"]),
      "auto",
      "number type of the weights; auto: as config.json names it (float32 for a GGUF file)",
    ),
    export_format: row(
      oneOf(EXPORT_FORMATS),
      "safetensors",
      "safetensors: a folder for transformers and vLLM; gguf: the model for llama.cpp; gguf-adapter: the adapter alone for " +
        "llama.cpp; onnx: a folder for transformers.js",
      true,
    ),
    export_dtype: row(
      oneOf(EXPORT_DTYPES),
      "auto",
      "number type, wins over infer_dtype; q8_0 and q4_0 with export_format: gguf and onnx, q6_k, q5_k_m, q5_k_s, q4_k_m and q4_k_s with gguf; auto: infer_dtype's",
      true,
    ),
    export_check: row(
      bool(),
      true,
      "open what was written and compare logits of a fixed prompt with the merged float32 weights",
      true,
    ),
    export_legacy_format: refused(
      false,
      [false],
      "weights are written as safetensors only, which every reader takes",
      "leave it out",
    ),
    export_quantization_bit: row(
      orNull(fourOrEight()),
      null,
      "4 or 8: GPTQ, in groups of 128 inputs, calibrated on export_quantization_dataset; null: weights aren't quantised so",
    ),
    export_quantization_dataset: row(
      orNull(text.type),
      null,
      "file with a text a row (json, jsonl, csv, parquet, txt) that export_quantization_bit is calibrated on",
    ),
    export_quantization_nsamples: row(int(1), 128, "texts that are taken of it"),
    export_quantization_maxlen: row(
      int(1),
      1024,
      "tokens of each, a window at random of a row that has more",
    ),
    export_hub_model_id: refused(
      null,
      [null],
      "nothing is uploaded from here",
      "leave it out, and upload export_dir with the hub's own program",
    ),
    stage: refused(
      null,
      [null, "pt", "sft", "dpo", "kto", "iopo", "ppo"],
      "a reward model's value head has no place in what is written",
      "leave it out to write the language model alone",
    ),
    quantization_bit: refused(
      null,
      [null],
      "an adapter isn't merged into weights that were rounded first, there or here",
      "leave it out; export_dtype rounds once, after merging",
    ),
  };
}

function refused(standard: unknown, accepted: unknown[], reason: string, instead: string): KeySpec {
  return { state: "refused", group: "model", default: standard, accepted, reason, instead };
}

/** Every key of a file for merging: those that work, and all others of a training file, ignored or refused. */
export function exportTable(): ReadonlyMap<string, KeySpec> {
  const shared: readonly string[] = SHARED_KEYS;
  const table = new Map<string, KeySpec>();
  for (const [key, spec] of keyTable()) {
    if (shared.includes(key)) table.set(key, reworded(key, spec as WorkingKey<unknown>));
    // a key that changes the model when it is loaded would change what is merged
    else if (spec.state === "refused" && spec.group === "model") table.set(key, spec);
    else table.set(key, { state: "ignored", group: spec.group, reason: OTHERS, default: null });
  }
  for (const [key, spec] of Object.entries(ownKeys())) table.set(key, spec);
  // of the run.yaml that a training leaves
  table.set("provenance", { state: "ignored", group: "own", reason: OTHERS, default: null });
  return table;
}

function reworded(key: string, spec: WorkingKey<unknown>): KeySpec {
  switch (key) {
    case "template":
      return {
        ...spec,
        default: null,
        description: "chat template to write into the folder; left out: the adapter's own, else the model's",
      };
    case "adapter_name_or_path":
      return { ...spec, description: "folders or hub ids of adapters, merged one after the other" };
    default:
      return spec;
  }
}

const WORDS: TaskWords = {
  verb: "export",
  least: "model_name_or_path and export_dir",
  example: "export_dir=merged",
};

/** A configuration and what is to be said about it. */
export interface ResolvedExport {
  /** Validated, paths absolute. */
  config: ExportConfig;
  /** Remarks on the configuration, printed once. */
  notes: string[];
  /** Where a key was written. */
  placeOf(key: string): string;
}

/** Reads a file for merging, or only arguments where there is none. */
export function readExportConfig(path: string | undefined, overrides: readonly string[]): ResolvedExport {
  const none: YamlFile = { value: {}, files: [], place: () => undefined, isPlain: () => false };
  return resolveExportConfig(path === undefined ? none : readYaml(path), overrides);
}

/**
 * Validates a file for merging with arguments over it.
 * @throws {RangeError} If anything in it is wrong; all faults are listed with their places
 */
function resolveExportConfig(file: YamlFile, overrides: readonly string[] = []): ResolvedExport {
  const written = writtenKeys(file, overrides, WORDS);
  const other = fileOfOtherTask(written.keys(), "export");
  if (other !== null) {
    throw new RangeError(`${nameOf(file)}: Cannot export with this file as ${other}`);
  }
  const { values, faults, notes, placeOf } = readKeys(file, written, exportTable(), WORDS);
  const config = values as unknown as ExportConfig;
  if (faults.length === 0) faults.push(...contradictions(config, written));
  throwFaults(file, faults, placeOf);
  const found = { ...config };
  findInputs(found, file, written);
  const { export_quantization_dataset: dataset } = config;
  const paths = {
    export_quantization_dataset: dataset &&
      whereItLies(foundBeside(dataset, "export_quantization_dataset", file, written)),
    export_dir: resolve(config.export_dir),
    model_name_or_path: whereItLies(found.model_name_or_path),
    adapter_name_or_path: found.adapter_name_or_path.map(whereItLies),
    plugins: config.plugins.map((path) => absolutePlugin(path, file, written.get("plugins"))),
  };
  const forgotten = config.adapter_name_or_path.length > 0
    ? []
    : forgottenAdapter(written.get("output_dir")?.value);
  return { config: Object.freeze({ ...config, ...paths }), notes: [...notes, ...forgotten], placeOf };
}

/** A training's file names its adapter as output_dir only, and LLaMA-Factory exports the base of it without a word. */
function forgottenAdapter(output: unknown): string[] {
  if (typeof output !== "string" || !exists(join(output, "adapter_config.json"))) return [];
  return [
    `no adapter is merged: adapter_name_or_path=${output} merges the one in output_dir`,
  ];
}

function whereItLies(path: string): string {
  return !isAbsolute(path) && exists(path) ? resolve(path) : path;
}
