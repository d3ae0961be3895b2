/**
 * Lists every plugin: kind, name, version, where it comes from, options with defaults.
 *
 * ```sh
 * deno task plugins               # built-in ones
 * deno task plugins CONFIG.yaml   # and those that the `plugins` of a training or evaluator file loads
 * deno task plugins --json
 * ```
 * Prints one block a kind: `loss`, then `  iopo 1 (built-in): ...` and its options.
 * @module
 */
import { builtinRegistry } from "../plugins/builtins.ts";
import { readYaml } from "../formats/yaml/yaml.ts";
import { resolveEvalConfig } from "./eval/config.ts";
import { resolveTrainConfig } from "./train/config/mod.ts";
import type { PluginEntry } from "../plugins/registry.ts";
import { registryOf } from "./common/config_file.ts";
import { parseArguments, runTask, usage } from "./common/cli.ts";

const FLAGS = { help: "this text", json: "one JSON array" };

/** All plugins: built-in, and those that a training or evaluator file loads. */
export async function plugins(
  configPath?: string,
  overrides: readonly string[] = [],
): Promise<PluginEntry[]> {
  if (configPath === undefined) return builtinRegistry().list();
  const file = readYaml(configPath);
  const isEvaluator = typeof file.value === "object" && file.value !== null && "evaluator" in file.value;
  const { config, placeOf } = isEvaluator
    ? resolveEvalConfig(file, overrides)
    : resolveTrainConfig(file, overrides);
  return (await registryOf(config.plugins, placeOf("plugins"))).list();
}

/** The list as text. */
export function pluginsText(entries: readonly PluginEntry[]): string {
  const lines: string[] = [];
  let kind = "";
  for (const entry of entries) {
    if (entry.kind !== kind) lines.push(...(kind ? [""] : []), kind = entry.kind);
    lines.push(`  ${entry.name} ${entry.version} (${entry.source}): ${entry.description}`);
    if (entry.aliases.length > 0) lines.push(`      also called ${entry.aliases.join(", ")}`);
    for (const { name, type, required, default: value, description } of entry.options) {
      const need = required
        ? "must be given"
        : value === undefined
        ? "may be left out"
        : `default ${JSON.stringify(value)}`;
      lines.push(`      ${name}: ${type}, ${need}. ${description}`);
    }
  }
  return lines.join("\n");
}

if (import.meta.main) {
  await runTask(async () => {
    const { config, overrides, flags } = parseArguments(Deno.args, FLAGS);
    if (flags.has("help")) {
      return console.log(usage(["deno task plugins [CONFIG.yaml] [key=value ...]"], FLAGS));
    }
    const entries = await plugins(config, overrides);
    console.log(flags.has("json") ? JSON.stringify(entries, null, 2) : pluginsText(entries));
  });
}
