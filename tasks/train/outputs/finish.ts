/**
 * The end of a run: everything that lies beside the weights in the output directory.
 * @module
 */
import { basename, join, resolve } from "@std/path";

import denoConfig from "../../../deno.json" with { type: "json" };
import { writeFileAtomic } from "../../../formats/atomic.ts";
import type { Tokenizer } from "../../../formats/tokenizer/tokenizer.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { modelCard } from "./model_card.ts";
import { writePlots } from "./plots.ts";
import type { RunEnd, RunLog } from "./run_log.ts";

/** What {@linkcode writeRunOutputs} takes. */
export interface RunOutputs extends RunEnd {
  /** The run's configuration. */
  config: TrainConfig;
  /** Its log, not ended yet. */
  log: RunLog;
  /** The tokenizer that the run encoded with. */
  tokenizer: Tokenizer;
  /** Jinja text of the template that the run used; null: the tokenizer's own stays. */
  chatTemplate: string | null;
  /** Further programs for the model card, by name; Dinotune, Deno and onnxruntime-node are there anyway. */
  versions?: Readonly<Record<string, string>>;
}

/** One file in the output directory. */
export interface WrittenFile {
  /** In the output directory. */
  name: string;
  /** What it is, in a few words. */
  what: string;
}

/**
 * Ends the log and writes results, tokenizer, pictures (`plot_loss`) and model card into `output_dir`. After an
 * interruption only the log and trainer_state.json are written. Gives the files in the order in which to show them.
 * @throws {Error} If a file can't be written.
 */
export async function writeRunOutputs(outputs: RunOutputs): Promise<WrittenFile[]> {
  const { config, log, tokenizer, chatTemplate, finished, evaluation } = outputs;
  const directory = config.output_dir;
  const names = log.finish({ finished, ...(evaluation !== undefined && { evaluation }) });
  if (!finished) return names.map(described);
  const files = tokenizerFiles(tokenizer, chatTemplate);
  for (const [name, content] of Object.entries(files)) await writeFileAtomic(join(directory, name), content);
  const state = log.state();
  const name = basename(resolve(directory));
  const pictures = config.plot_loss ? await writePlots(directory, state.history, name) : [];
  const results = names.includes("eval_results.json")
    ? JSON.parse(await Deno.readTextFile(join(directory, "eval_results.json")))
    : null;
  const card = modelCard({
    config,
    baseModel: config.model_name_or_path,
    name,
    totalSteps: state.totalSteps,
    history: state.history,
    evaluation: results,
    pictures,
    versions: { ...ownVersions(), ...outputs.versions },
  });
  await writeFileAtomic(join(directory, "README.md"), card);
  return [...names, ...pictures, "README.md", ...Object.keys(files)].map(described);
}

/**
 * The tokenizer's files, with a chat template put where both newer and older readers look for it: chat_template.jinja
 * and tokenizer_config.json. Checkpoints hold them too.
 */
export function tokenizerFiles(
  tokenizer: Tokenizer,
  chatTemplate: string | null,
): Record<string, string | Uint8Array> {
  const files = tokenizer.files();
  if (chatTemplate === null) return files;
  const config = files["tokenizer_config.json"];
  const text = typeof config === "string" ? config : new TextDecoder().decode(config);
  const parsed = config === undefined ? {} : JSON.parse(text);
  return {
    ...files,
    "tokenizer_config.json": JSON.stringify({ ...parsed, chat_template: chatTemplate }, null, 2) + "\n",
    "chat_template.jinja": chatTemplate,
  };
}

/** Versions of this project, of Deno and of what computes, for the model card. */
export function ownVersions(): Record<string, string> {
  const runtime = denoConfig.imports["onnxruntime-node"].split("@").at(-1)!;
  return { Dinotune: denoConfig.version, Deno: Deno.version.deno, "onnxruntime-node": runtime };
}

const descriptions: Readonly<Record<string, string>> = {
  "trainer_log.jsonl": "one line a log",
  "trainer_state.json": "all logged values",
  "train_results.json": "results of training",
  "eval_results.json": "results of the evaluation",
  "all_results.json": "both results",
  "README.md": "model card",
  "chat_template.jinja": "chat template",
};

function described(name: string): WrittenFile {
  const what = descriptions[name] ??
    (name.startsWith("training_") ? `plot of ${name.slice(9, -4).replaceAll("_", " ")}` : "tokenizer");
  return { name, what };
}
