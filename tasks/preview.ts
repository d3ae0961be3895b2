/**
 * Shows what a run learns from, token by token, without training.
 *
 * ```sh
 * deno task preview CONFIG.yaml [key=value ...]     # counts of dropped and cut rows, then the first two examples
 * deno task preview CONFIG.yaml --limit 5           # the first five, in the order in which training takes them
 * deno task preview CONFIG.yaml --json              # every example as one line of JSON
 * ```
 * A line of the table is one token of the example's prefix tree: its position, `until` (the first line behind the tokens that
 * see it), its id, its text, and what is learnt from there: the next token, and the sequences that it belongs to. With `--json`
 * a line is `{index, sequences: [{name, input_ids, labels}]}`, labels being −100 where nothing is learnt. In stage grpo, whose answers are
 * drawn while it trains, an example is its prompt, with the constraints that answers are judged by (`task` of `--json`).
 * @module
 */
import { item } from "../formats/elements.ts";
import type { Tokenizer } from "../formats/tokenizer/tokenizer.ts";
import { readTrainConfig, type TrainConfig, workAsked } from "./train/config/mod.ts";
import { type EncodedExample, type LoadedExamples, trainOrder } from "./train/data/mod.ts";
import { packExamples } from "../kernels/engine/packs/pack.ts";
import type { BenchmarkItem } from "../plugins/kinds/benchmark.ts";
import { idsOfPrompt, withoutDrawn } from "../plugins/trainers/local/rollouts/prompt_of.ts";
import { registryOf } from "./common/config/config_file.ts";
import { parseArguments, wholeNumber } from "./common/cli/arguments.ts";
import { print, printError } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";
import { helpTopic } from "./common/cli/help.ts";
import { trainingHelp } from "./train/config/key_help.ts";
import { DEFAULT_TRAINING } from "./common/config/default_files.ts";
import { terminalWidth, textTable } from "./common/report/table.ts";
import { confirmPlugins, pluginNote } from "./common/config/plugin_code.ts";
import { dataText } from "./train/data_text.ts";
import { dropNetwork, needsNetwork } from "./train/network.ts";
import { prepare } from "./train/prepare.ts";
import { encode } from "./train/prepare/encode.ts";

const FLAGS = {
  "help [TOPIC]": "this text, or about one flag or key of training",
  json: "one JSON object an example, all of them unless --limit is given",
  "limit N": "how many examples (default 2)",
  "epoch N": "order of a later epoch (default 0)",
};

/** Options of {@linkcode preview}. */
export interface PreviewOptions {
  /** Examples to show; default 2, with `json` all. */
  limit?: number;
  /** From 0. */
  epoch?: number;
  /** JSON lines instead of text. */
  json?: boolean;
  /** Gets a line (or several) for standard output. */
  say?: (text: string) => void;
  /** Gets what isn't part of the result. */
  note?: (text: string) => void;
}

/**
 * Shows examples of a run.
 * @throws {RangeError} As training would, if anything in the configuration or the data is wrong
 */
export async function preview(
  configPath: string,
  overrides: readonly string[],
  { limit, epoch = 0, json = false, say = print, note = printError }: PreviewOptions = {},
): Promise<void> {
  const { config, notes, placeOf } = readTrainConfig(configPath, overrides);
  const code = pluginNote(config.plugins);
  if (code !== null) note(`note: ${code}`);
  const registry = await registryOf(config.plugins, placeOf("plugins"));
  const ready = await prepare(config, registry, note, placeOf);
  ready.model.weights.close();
  for (const text of [...notes, ...ready.notes]) note(`note: ${text}`);
  const data = await encode(config, { registry, ready, say: note });
  const work = workAsked(config);
  (json ? note : say)(dataText(data.report, work, terminalWidth()));
  const order = work === "training" ? inTrainingOrder(data, config, epoch) : data.evaluation;
  for (const example of order.slice(0, limit ?? (json ? order.length : 2))) {
    say(json ? exampleJson(example) : `\n${exampleTable(example, ready.model.tokenizer)}`);
  }
}

/** Examples in the order in which an epoch takes them; of a packed run bin by bin. */
export function inTrainingOrder(
  { train, trainBins, shuffle }: Pick<LoadedExamples, "train" | "trainBins" | "shuffle">,
  config: Pick<TrainConfig, "data_seed" | "disable_shuffling">,
  epoch: number,
): EncodedExample[] {
  const units = trainBins ?? train.map((_, i) => [i]);
  const order = trainOrder(
    units.length,
    config.data_seed,
    epoch,
    shuffle && !config.disable_shuffling,
  );
  return Array.from(order).flatMap((unit) => item(units, unit)).map((i) => item(train, i));
}

/** One line of JSON. */
export function exampleJson(example: EncodedExample): string {
  const { index, sequences, desirable, task } = withoutDrawn(example);
  return JSON.stringify({
    index,
    ...(desirable !== undefined && { desirable }),
    ...(task !== undefined && { task: JSON.parse(task) as unknown }),
    sequences: sequences.map(({ name, input_ids, labels }) => ({
      name,
      input_ids: Array.from(input_ids),
      labels: Array.from(labels),
    })),
  });
}

/** An example's prefix tree as a table; where its answers are drawn, its prompt. */
export function exampleTable(example: EncodedExample, tokenizer: Tokenizer): string {
  if (example.task !== undefined) return promptTable(example, example.task, tokenizer);
  const pack = packExamples([example]);
  const token = (id: number) => JSON.stringify(tokenizer.decode([id]));
  const learnt = new Map<number, string[]>();
  const measured = new Set(example.sequences.filter((s) => s.measure === "value").map(({ name }) => name));
  pack.labelRows.forEach((row, label) => {
    const owners = Array.from(
      pack.owners.subarray(item(pack.ownerStart, label), item(pack.ownerStart, label + 1)),
    );
    const names = owners.map((owner) => item(pack.sequences, owner).name);
    const id = item(pack.labelIds, label), isValue = measured.has(names[0] ?? "");
    const what = isValue ? "value" : `${id} ${token(id)}`;
    learnt.set(row, [...(learnt.get(row) ?? []), `${what} (${names.join(" ")})`]);
  });
  const cells = Array.from(pack.ids, (id, row) => [
    `${row}`,
    `${pack.positions[row]}`,
    `${pack.until[row]}`,
    `${id}`,
    token(id),
    (learnt.get(row) ?? []).join(", "),
  ]);
  const columns = ["line", "position", "until", "id", "token", "learns"].map((title, c) => ({
    title,
    align: c < 4 ? "right" as const : "left" as const,
  }));
  const lines = textTable({ columns, rows: cells }, Infinity);
  const { file, row } = example.source;
  const sequences = pack.sequences.map(({ name, tokens, length }) =>
    `${name} ${tokens} tokens, ${measured.has(name) ? "its value" : `${length} learnt`}`
  );
  const wish = example.desirable === undefined ? "" : example.desirable ? ", desirable" : ", undesirable";
  return [`example ${example.index}: ${file}, row ${row}${wish} (${sequences.join("; ")})`, ...lines].join(
    "\n",
  );
}

/** A prompt whose answers are drawn: what they are judged by, and its tokens. */
function promptTable(example: EncodedExample, task: string, tokenizer: Tokenizer): string {
  const { index, source: { file, row } } = example, ids = idsOfPrompt(example);
  const { constraints } = JSON.parse(task) as Pick<BenchmarkItem, "constraints">;
  const columns = ["position", "id", "token"].map((title, c) => ({
    title,
    align: c < 2 ? "right" as const : "left" as const,
  }));
  const rows = ids.map((id, place) => [`${place}`, `${id}`, JSON.stringify(tokenizer.decode([id]))]);
  return [
    `example ${index}: ${file}, row ${row} (prompt of ${ids.length} tokens, whose answers are drawn)`,
    ...constraints.map(({ text, rule }) => `judged by ${JSON.stringify(text)}${rule ? ` (${rule.id})` : ""}`),
    ...textTable({ columns, rows }, Infinity),
  ].join("\n");
}

if (import.meta.main) {
  await runTask(async () => {
    const given = parseArguments(Deno.args, FLAGS);
    const { config = DEFAULT_TRAINING, overrides, flags } = given;
    const limit = wholeNumber(given, "limit");
    const epoch = wholeNumber(given, "epoch");
    if (flags.has("help")) {
      return print(trainingHelp(helpTopic(given), [
        "deno task preview [CONFIG.yaml] [key=value ...]",
        "",
        "Examples:",
        "  deno task preview                          the bundled tiny default",
        "  deno task preview my.yaml --limit 5        the first five in the order of training",
        "  deno task preview my.yaml cutoff_len=512   with another key",
        "  deno task preview my.yaml --json           every example as one line of JSON",
      ], FLAGS));
    }
    const { config: settings } = readTrainConfig(config, overrides);
    confirmPlugins(settings.plugins);
    if (!needsNetwork(settings)) dropNetwork();
    await preview(config, overrides, {
      json: flags.has("json"),
      ...(limit !== undefined && { limit }),
      ...(epoch !== undefined && { epoch }),
    });
  });
}
