/**
 * Training configurations for tests: a base that resolves, with more keys and overrides.
 * @module
 */
import { assertThrows } from "@std/assert";
import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { type ResolvedConfig, resolveTrainConfig } from "./mod.ts";

/** The least that a training needs, five lines. */
export const BASE_YAML = "model_name_or_path: m\noutput_dir: o\ndo_train: true\ndataset: d\ntemplate: qwen\n";

/** The base with more keys, from line 6 on. */
export function resolvedConfig(more = "", ...overrides: string[]): ResolvedConfig {
  return resolveTrainConfig(parseYaml(BASE_YAML + more, "t.yaml"), overrides);
}

/** Message of the error that the base with more keys gives. */
export function faultWith(more: string, ...overrides: string[]): string {
  return assertThrows(() => resolvedConfig(more, ...overrides), RangeError).message;
}

/** Message of the error that a whole file gives. */
export function faultOfYaml(text: string): string {
  return assertThrows(() => resolveTrainConfig(parseYaml(text, "t.yaml")), RangeError).message;
}
