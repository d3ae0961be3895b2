/**
 * Lists every plugin: kind, name, version, where it comes from; of one kind, one name or a file's own the options with defaults.
 *
 * ```sh
 * deno task plugins               # built-in ones, a line each
 * deno task plugins CONFIG.yaml   # and those that the `plugins` of a training or evaluator file loads, with their options
 * deno task plugins loss          # of one kind, with options
 * deno task plugins iopo          # of one name, of every kind that has it; loss/iopo is one of them
 * deno task plugins --json
 * ```
 * Prints one block a kind: `loss`, then `  iopo 1 (built-in): ...` and its options.
 * @module
 */
import { didYouMean } from "../formats/did_you_mean.ts";
import { builtinRegistry } from "../plugins/builtins.ts";
import { KINDS } from "../plugins/kinds/plugin.ts";
import { readYaml } from "../formats/yaml/yaml.ts";
import { resolveEvalConfig } from "./eval/config/config.ts";
import { resolveTrainConfig } from "./train/config/mod.ts";
import { BUILT_IN, type PluginEntry } from "../plugins/registry.ts";
import { registryOf } from "./common/config/config_file.ts";
import { parseArguments } from "./common/cli/arguments.ts";
import { print, printError } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";
import { helpTopic, taskHelp } from "./common/cli/help.ts";
import { confirmPlugins, pluginNote } from "./common/config/plugin_code.ts";

const FLAGS = { "help [TOPIC]": "this text, or about one flag", json: "one JSON array" };
const HELP = [
  "deno task plugins [CONFIG.yaml] [KIND | NAME | KIND/NAME] [key=value ...]",
  "",
  "  deno task plugins                            # all, a line each",
  "  deno task plugins loss                       # every loss and its options",
  "  deno task plugins train.yaml judge           # judges, those that a file loads too",
];

/** All plugins: built-in, and those that a training or evaluator file loads. */
export async function plugins(
  configPath?: string,
  overrides: readonly string[] = [],
  note: (line: string) => void = printError,
  asks: boolean = false,
): Promise<PluginEntry[]> {
  if (configPath === undefined) return builtinRegistry().list();
  const file = readYaml(configPath, { keys: {} });
  const isEvaluator = typeof file.value === "object" && file.value !== null && "evaluator" in file.value;
  const { config, placeOf } = isEvaluator
    ? resolveEvalConfig(file, overrides)
    : resolveTrainConfig(file, overrides);
  const code = pluginNote(config.plugins);
  if (code !== null) note(`note: ${code}`);
  if (asks) confirmPlugins(config.plugins);
  return (await registryOf(config.plugins, placeOf("plugins"))).list();
}

/**
 * The entries that a word asks for: a kind, a name or alias, or `kind/name`.
 * @throws {RangeError} If there is none; the message has the nearest
 */
export function chosenPlugins(entries: readonly PluginEntry[], word: string): PluginEntry[] {
  const wordsOf = ({ kind, name, aliases }: PluginEntry) => [
    kind,
    ...[name, ...aliases].flatMap((called) => [called, `${kind}/${called}`]),
  ];
  const found = entries.filter((entry) => wordsOf(entry).includes(word));
  if (found.length > 0) return found;
  throw new RangeError(
    `Cannot list plugins of ${JSON.stringify(word)}${
      didYouMean(word, [...new Set(entries.flatMap(wordsOf))])
    }: kinds are ${KINDS.join(", ")}; a name or kind/name will do too`,
  );
}

/**
 * The list as text.
 * @param hasOptions Which plugins' options are told; all by default
 */
export function pluginsText(
  entries: readonly PluginEntry[],
  hasOptions: (entry: PluginEntry) => boolean = () => true,
): string {
  const lines: string[] = [], told = new Map<string, string>();
  let kind = "";
  for (const entry of entries) {
    if (entry.kind !== kind) {
      lines.push(...(kind ? [""] : []), kind = entry.kind);
      told.clear();
    }
    lines.push(`  ${entry.name} ${entry.version} (${entry.source}): ${entry.description}`);
    if (entry.aliases.length > 0) lines.push(`      also called ${entry.aliases.join(", ")}`);
    if (!hasOptions(entry) || entry.options.length === 0) continue;
    // all templates but a few have the same ones
    const options = entry.options.map(optionLine).join("\n"), same = told.get(options);
    lines.push(same === undefined ? options : `      options as ${same}'s`);
    if (same === undefined) told.set(options, entry.name);
  }
  return lines.join("\n");
}

function optionLine({ name, type, required, default: value, description }: PluginEntry["options"][number]) {
  const need = required
    ? "must be given"
    : value === undefined
    ? "may be left out"
    : `default ${JSON.stringify(value)}`;
  return `      ${name}: ${type}, ${need}. ${description}`;
}

/** All plugins, a line each, the options of those that aren't built in, and how to see the others'. */
export function overviewText(entries: readonly PluginEntry[]): string {
  const more = ["plugins KIND", "plugins NAME", "plugins KIND/NAME"].map((words) => `deno task ${words}`);
  return [
    pluginsText(entries, ({ source }) => source !== BUILT_IN),
    "",
    "Options of these and their defaults:",
    ...more.map((command) => `  ${command}`),
  ].join("\n");
}

function isFile(word: string): boolean {
  return /\.(ya?ml|json)$/i.test(word);
}

if (import.meta.main) {
  await runTask(async () => {
    const given = parseArguments(Deno.args, FLAGS, 2, false);
    const { words, overrides, flags } = given;
    if (flags.has("help")) {
      return print(taskHelp(helpTopic(given), HELP, FLAGS));
    }
    const [config, ...others] = words.filter(isFile), [word, ...more] = words.filter((word) => !isFile(word));
    if (others.length + more.length > 0) {
      throw new RangeError(
        `Cannot list plugins of ${words.join(" and ")} as one file and one kind or name at most are needed`,
      );
    }
    const all = await plugins(config, overrides, printError, true);
    const entries = word === undefined ? all : chosenPlugins(all, word);
    if (flags.has("json")) print(JSON.stringify(entries, null, 2));
    else print(word === undefined ? overviewText(entries) : pluginsText(entries));
  });
}
