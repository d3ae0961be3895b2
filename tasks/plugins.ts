/**
 * Lists every plugin: kind, name, version, where it comes from, options with defaults.
 *
 * ```sh
 * deno task plugins               # built-in ones
 * deno task plugins CONFIG.yaml   # and those that a file's `plugins` loads
 * deno task plugins --json
 * ```
 * Prints one block a kind: `loss`, then `  iopo 1 (built-in): ...` and its options.
 * @module
 */
import { builtinRegistry } from "../plugins/builtins.ts";
import { readTrainConfig } from "./train/config/mod.ts";
import type { PluginEntry } from "../plugins/registry.ts";
import { parseArguments, runTask, usage } from "./common/cli.ts";

const FLAGS = { help: "this text", json: "one JSON array" };

/** All plugins: built-in, and those that a configuration file loads. */
export async function plugins(
  configPath?: string,
  overrides: readonly string[] = [],
): Promise<PluginEntry[]> {
  const registry = builtinRegistry();
  if (configPath !== undefined) {
    for (const path of readTrainConfig(configPath, overrides).config.plugins) await registry.load(path);
  }
  return registry.list();
}

/** The list as text. */
export function pluginsText(entries: readonly PluginEntry[]): string {
  const lines: string[] = [];
  let kind = "";
  for (const entry of entries) {
    if (entry.kind !== kind) lines.push(...(kind ? [""] : []), kind = entry.kind);
    lines.push(`  ${entry.name} ${entry.version} (${entry.source}): ${entry.description}`);
    for (const option of entry.options) {
      const value = option.default === undefined
        ? "must be given"
        : `default ${JSON.stringify(option.default)}`;
      lines.push(`      ${option.name}: ${option.type}, ${value}. ${option.description}`);
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
