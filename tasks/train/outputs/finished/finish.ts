/**
 * The end of a run: everything that lies beside the weights in the output directory.
 * @module
 */
import { basename, join, resolve } from "@std/path";

import denoConfig from "../../../../deno.json" with { type: "json" };
import { writeFileAtomic } from "../../../../formats/atomic.ts";
import { exists } from "../../../../formats/exists.ts";
import { readAdapterFields } from "../../../../formats/peft/mod.ts";
import type { Tokenizer } from "../../../../formats/tokenizer/tokenizer.ts";
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import type { WrittenFile } from "../../../../plugins/kinds/trainer.ts";
import type { ModelCardKeys } from "./card_settings.ts";
import { modelCard, setsOf } from "./model_card.ts";
import { writePlots } from "../plots/plots.ts";
import type { RunEnd, RunLog } from "../log/run_log.ts";

/** Inputs of {@linkcode writeRunOutputs}. */
export interface RunOutputs extends RunEnd {
  /** Of the run. */
  config: ModelCardKeys & Pick<TrainConfig, "output_dir" | "plot_loss">;
  /** The base model as the adapter names it: hub id or path. */
  baseModel: string;
  /** Its log, not ended yet. */
  log: RunLog;
  /** False: the trainer left nothing that was trained, so there is nothing for a model card to tell of. */
  hasWeights: boolean;
  /** Folder for the files of a finished run, see `OutputDirectory.staging`. */
  staging: string;
}

/**
 * Ends the log. After a finished run results, pictures (`plot_loss`) and, where something was trained, the model card are written beside the weights in
 * `staging`; after an interruption trainer_state.json into `output_dir`. Gives the files in the order in which to show them.
 * @throws {Error} If a file can't be written.
 */
export async function writeRunOutputs(outputs: RunOutputs): Promise<WrittenFile[]> {
  const { config, baseModel, log, staging, finished, evaluation } = outputs;
  const { files, results } = log.finish({ finished, ...(evaluation !== undefined && { evaluation }) });
  const directory = results === null ? config.output_dir : staging;
  const names = ["trainer_log.jsonl"];
  const write = async (name: string, text: string) => {
    await writeFileAtomic(join(directory, name), text);
    names.push(name);
  };
  for (const [name, text] of Object.entries(files)) await write(name, text);
  if (results === null) return names.map(described);
  const { history, totalSteps } = log.state();
  const name = basename(resolve(config.output_dir));
  const pictures = config.plot_loss ? await writePlots(directory, history, name, setsOf(config)) : [];
  names.push(...pictures);
  if (!outputs.hasWeights) return names.map(described);
  await write(
    "README.md",
    modelCard({
      config,
      baseModel,
      name,
      adapter: savedAdapter(staging),
      totalSteps,
      history,
      evaluation: results.eval,
      pictures,
      versions: ownVersions(),
    }),
  );
  return names.map(described);
}

/** Fields of the adapter that lies there; null: none. */
function savedAdapter(directory: string): Readonly<Record<string, unknown>> | null {
  return exists(join(directory, "adapter_config.json")) ? readAdapterFields(directory).fields : null;
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
function ownVersions(): Record<string, string> {
  const runtime = denoConfig.imports["onnxruntime-node"].split("@").at(-1)!;
  return { Dinotune: denoConfig.version, Deno: Deno.version.deno, "onnxruntime-node": runtime };
}

const descriptions: Readonly<Record<string, string>> = {
  "trainer_log.jsonl": "one line per log",
  "trainer_state.json": "all logged values",
  "train_results.json": "results of training",
  "eval_results.json": "results of the evaluation",
  "all_results.json": "both results",
  "README.md": "model card",
};

function described(name: string): WrittenFile {
  const what = descriptions[name] ?? `plot of ${name.slice("training_".length, -4).replaceAll("_", " ")}`;
  return { name, what };
}
