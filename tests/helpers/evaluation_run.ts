/**
 * Small runs for tests.
 * @module
 */
import { join } from "@std/path";

import { builtinRegistry } from "../../plugins/builtins.ts";
import { type EvalConfig, resolveEvalConfig } from "../../tasks/eval/config/config.ts";
import { evaluate, type Evaluated, type EvaluateOptions } from "../../tasks/eval/run.ts";
import { parseYaml } from "../../formats/yaml/yaml.ts";

/** Rows with one to three constraints. */
export function rowsText(count: number): string {
  return Array.from({ length: count }, (_, i) =>
    JSON.stringify({
      id: `row-${i}`,
      prompt: `Question ${i}: say something about ${["trees", "rain", "music"][i % 3]}.`,
      constraints: Array.from({ length: 1 + i % 3 }, (_, c) => `${c + 1}. constraint ${c} of ${i};`),
      groups: { topic: ["trees", "rain", "music"][i % 3] },
    }) + "\n").join("");
}

/** Makes a folder for a test and removes it afterwards. */
export async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A configuration of model and judge behind `base`, over rows in `folder`. */
export function rowsConfig(folder: string, base: string, overrides: readonly string[] = []): EvalConfig {
  const text = `evaluator:
  type: rows
  dataset: { args: { url: ${JSON.stringify(join(folder, "rows.jsonl"))} } }
  model: { type: openai, args: { name: writer, api_base: "${base}", key: none } }
  evaluator_llm: { type: openai, args: { name: grader, api_base: "${base}", key: none } }
  out_dir: ${JSON.stringify(join(folder, "run"))}
  cache: ${JSON.stringify(join(folder, "cache.sqlite"))}
  concurrency: 8
  max_retries: 2
`;
  return resolveEvalConfig(parseYaml(text, join(folder, "eval.yaml")), overrides).config;
}

/** Runs a configuration with the built-in plugins. */
export function runConfig(config: EvalConfig, options: EvaluateOptions = {}): Promise<Evaluated> {
  return evaluate(config, builtinRegistry(), options);
}
