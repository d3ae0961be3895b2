/**
 * Rows of data sets in every format, and entries of dataset_info.json, with some places damaged.
 * @module
 */
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import { loadTokenizerSync } from "../../formats/tokenizer/mod.ts";
import { parseYaml } from "../../formats/yaml/yaml.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { prepareTokenizer } from "../../plugins/kinds/tokenizer/prepare_tokenizer.ts";
import { resolveTrainConfig } from "../../tasks/train/config/resolve.ts";
import { loadExamples } from "../../tasks/train/data/mod.ts";
import type { Chooser } from "./chooser.ts";

const registry = builtinRegistry();
const tokenizer = loadTokenizerSync(
  fileURLToPath(new URL("../../fixtures/goldens/datasets/tokenizer", import.meta.url)),
);
const TEMPLATES = ["qwen", "llama3", "mistral", "qwen3"].map((name) => {
  const template = registry.create("template", name);
  return { template, prepared: prepareTokenizer(template, tokenizer).tokenizer };
});
const config = resolveTrainConfig(parseYaml(
  "model_name_or_path: m\noutput_dir: o\ndo_train: true\ndataset: d\ntemplate: qwen\noverwrite_cache: true",
  "train.yaml",
)).config;

const chat = [
  { from: "system", value: "s" },
  { from: "human", value: "q" },
  { from: "gpt", value: "a" },
  { from: "human", value: "q2" },
  { from: "gpt", value: "a2" },
];
const messages = [
  { role: "system", content: "s" },
  { role: "user", content: "q" },
  {
    role: "assistant",
    content: "",
    tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: '{"x": 1}' } }],
  },
  { role: "tool", content: "r", tool_call_id: "1" },
  { role: "assistant", content: "a", reasoning_content: "because" },
];

/** Entry, good row and loss of each kind of set. */
const SETS: { entry: Record<string, unknown>; row: Record<string, unknown>; loss: string }[] = [
  {
    entry: {},
    row: { instruction: "q", input: "i", output: "a", system: "s", history: [["x", "y"]] },
    loss: "sft",
  },
  {
    entry: { ranking: true, columns: { prompt: "instruction", chosen: "chosen", rejected: "rejected" } },
    row: { instruction: "q", chosen: "a", rejected: "b" },
    loss: "dpo",
  },
  {
    entry: { columns: { prompt: "instruction", response: "output", kto_tag: "label" } },
    row: { instruction: "q", output: "a", label: true },
    loss: "kto",
  },
  { entry: { formatting: "sharegpt" }, row: { conversations: chat, system: "s", tools: "[]" }, loss: "sft" },
  {
    entry: {
      formatting: "sharegpt",
      ranking: true,
      columns: { messages: "conversations", chosen: "chosen", rejected: "rejected" },
    },
    row: { conversations: chat.slice(1, 2), chosen: chat[2], rejected: { from: "gpt", value: "b" } },
    loss: "dpo",
  },
  {
    entry: { formatting: "openai" },
    row: { messages, tools: [{ type: "function", function: { name: "f" } }] },
    loss: "sft",
  },
  {
    entry: { formatting: "iopo", ranking: true },
    row: {
      conversations: [{ from: "human", value: "x1" }, { from: "human", value: "x2" }],
      chosen: { from: "gpt", value: "y1" },
      rejected: { from: "gpt", value: "y2" },
    },
    loss: "iopo",
  },
  {
    entry: { formatting: "quads" },
    row: { x1: "a", y1: "b", x2: "c", y2: [{ role: "assistant", content: "d" }] },
    loss: "iopo",
  },
];

/** Writes a set of one good and one damaged row (or a damaged entry), and loads it. */
export async function damagedRow(choose: Chooser, folder: string): Promise<void> {
  const { entry, row, loss } = choose.of(SETS);
  const isJson = choose.chance(0.5);
  const name = isJson ? "d.json" : "d.jsonl";
  const bad = choose.mutated(row);
  let text = isJson ? JSON.stringify([row, bad]) : `${JSON.stringify(row)}\n${JSON.stringify(bad)}\n`;
  if (choose.chance(0.1)) text = choose.damaged(text);
  Deno.writeTextFileSync(join(folder, name), text);
  const info = { d: { file_name: name, ...entry } };
  const written = JSON.stringify(choose.chance(0.15) ? choose.mutated(info) : info);
  Deno.writeTextFileSync(
    join(folder, "dataset_info.json"),
    choose.chance(0.05) ? choose.damaged(written) : written,
  );
  const { template, prepared } = choose.of(TEMPLATES);
  const loaded = await loadExamples({
    options: {
      ...config,
      dataset_dir: folder,
      data_cache_dir: join(folder, "cache"),
      cutoff_len: choose.of([8, 64, 2048]),
      mask_history: choose.chance(0.2),
      train_on_prompt: choose.chance(0.2),
      packing: choose.chance(0.1),
    },
    registry,
    template,
    tokenizer: prepared,
    loss: registry.create("loss", loss),
  });
  for (const { sequences } of loaded.train) {
    for (const { input_ids, labels } of sequences) {
      if (input_ids.length !== labels.length || !Array.from(labels).some((id) => id >= 0)) {
        throw new Error("an example without labels");
      }
    }
  }
}
