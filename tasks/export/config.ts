/**
 * Reads a file for merging: its keys with arguments over them, validated, and its paths.
 * @module
 */
import { isAbsolute, join, resolve } from "@std/path";

import { exists } from "../../formats/exists.ts";
import { readYaml, type YamlFile } from "../../formats/yaml/yaml.ts";
import { fileOfOtherTask } from "../common/config/file_purpose.ts";
import { nameOf, readKeys, type TaskWords, throwFaults, writtenKeys } from "../train/config/read_keys.ts";
import { absolutePlugin, findInputs, foundBeside } from "../train/config/resolve.ts";
import { contradictions } from "./config_faults.ts";
import type { ExportConfig } from "./export_config.ts";
import { exportTable } from "./keys.ts";

export type { ExportConfig, ExportDtype, ExportFormat } from "./export_config.ts";

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
  const keys = {
    data: "export_quantization_dataset",
    model: "model_name_or_path",
    adapter: "adapter_name_or_path",
  };
  return resolveExportConfig(path === undefined ? none : readYaml(path, { keys }), overrides);
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
      whereItLies(foundBeside(dataset, "export_quantization_dataset", { file, written })),
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
