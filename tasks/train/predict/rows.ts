/**
 * What predictions and evaluations of a finished model begin and end with: model and rows made ready, results as text.
 * @module
 */
import type { EncodedExample } from "../../../kernels/engine/packs/encoded.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import type { Loss } from "../../../plugins/kinds/loss.ts";
import { finishedValueHead } from "../../../plugins/trainers/local/target/value_head.ts";
import type { Registry } from "../../../plugins/registry.ts";
import { terminalWidth } from "../../common/report/table.ts";
import { type TrainConfig, workAsked } from "../config/mod.ts";
import { readDatasetInfo } from "../data/info/info.ts";
import type { LoadedExamples } from "../data/mod.ts";
import { dataText } from "../data_text.ts";
import type { Progress } from "../outputs/mod.ts";
import { prepare } from "../prepare.ts";
import { encode } from "../prepare/encode.ts";
import type { Ready } from "../prepare/ready.ts";
import { checkAbsent, EVALUATION_RESULTS, PREDICTIONS } from "./files.ts";

/** What a finished model is asked with, and told by. */
export interface AskingModel {
  /** Has the plugins of the file. */
  registry: Registry;
  /** Where a key was written. */
  placeOf(key: string): string;
  /** Gets human-readable lines. */
  say(line: string): void;
  /** Shows rows. */
  progress: Progress;
  /** Aborted to stop: nothing is written then. */
  signal: AbortSignal;
  /** True behind training, whose data `dataset` names. */
  isTrained?: boolean;
}

/** The end of predictions or of an evaluation. */
export interface WorkResult {
  /** Names of files in `output_dir`; none if it was stopped. */
  files: string[];
  /** Of predict_results.json or eval_results.json. */
  metrics: Record<string, number>;
}

/** Evaluation rows, encoded. */
interface Rows {
  ready: Ready;
  examples: EncodedExample[];
  /** Sets that are evaluated each by itself; null: together. */
  sets: LoadedExamples["evaluationSets"];
  /** What was said of model and keys. */
  notes: string[];
  /** Counts of rows, as text. */
  data: string;
}

/**
 * Reads the model's parts and the rows, and says what there is; nothing is computed.
 * @throws {RangeError} If anything in the configuration, the model or the data is wrong
 */
export async function prepareRows(
  config: TrainConfig,
  { registry, placeOf, say, progress, isTrained = false }: Omit<AskingModel, "signal">,
): Promise<Rows> {
  const work = workAsked(config);
  const file = work === "evaluation" ? EVALUATION_RESULTS : PREDICTIONS;
  placed(
    placeOf("output_dir"),
    () => checkAbsent(config.output_dir, file, config.overwrite_output_dir),
  );
  const ready = await prepare(config, registry, say, placeOf);
  const generates = work === "predictions" && config.stage !== "rm";
  if (!generates) placed(placeOf("loss"), () => checkLossKnown(config, ready.loss));
  if (work === "predictions") placed(placeOf("model_name_or_path"), () => checkRowsKnown(config, ready));
  if (ready.loss.measure === "value") checkValueHead(config, ready, placeOf);
  // LLaMA-Factory encodes training rows too, and doesn't use them
  const dataset = config.eval_dataset.length > 0 && !drawsFirst(config) ? [] : config.dataset;
  const notes = [...ready.notes, ...notesOf(config, isTrained)];
  for (const note of notes) say(`note: ${note}`);
  const encoded = await encode({ ...config, dataset }, {
    registry,
    ready,
    onProgress: (phase, done, total) => progress.phase(phase, done, total),
    say,
  });
  progress.stop();
  const text = dataText(encoded.report, work, terminalWidth());
  say(text);
  // the generator opens the model by itself
  if (generates) ready.model.weights.close();
  return { ready, examples: encoded.evaluation, sets: encoded.evaluationSets, notes, data: text };
}

/**
 * @throws {RangeError} If a loss that `loss` names needs what is gone with its training, a reference that no key names, the model before it or numbers that it
 * carried: of the losses of stages the configuration knows that already
 */
function checkLossKnown(
  { loss: name, ref_model }: Pick<TrainConfig, "loss" | "ref_model">,
  { needsReference, carried, labelMeasure }: Pick<Loss, "needsReference" | "carried" | "labelMeasure">,
): void {
  if (labelMeasure === "divergence") {
    throw new RangeError(
      `Cannot evaluate a finished model with loss: ${name} as it measures a divergence from the model before training, which isn't known any more: evaluate in ` +
        "training (eval_strategy), or give options with which it measures none",
    );
  }
  if (carried) {
    throw new RangeError(
      `Cannot evaluate a finished model with loss: ${name} as it carries numbers from micro-batch to micro-batch (${
        Object.keys(carried.initial).join(", ")
      }), which only checkpoints of its training keep: evaluate in training (eval_strategy), or give options with which it carries none`,
    );
  }
  if (!needsReference || ref_model !== null) return;
  throw new RangeError(
    `Cannot evaluate a finished model with loss: ${name} without ref_model as it is relative to a reference: name the model before training as ref_model`,
  );
}

/** @throws {RangeError} If a finished reward model has no value head, or one that doesn't fit */
function checkValueHead(
  { seed }: Pick<TrainConfig, "seed">,
  { model, decoder, adapterFolders, mergedFolders: merged }: Ready,
  placeOf: (key: string) => string,
): void {
  const key = adapterFolders.length + merged.length > 0 ? "adapter_name_or_path" : "model_name_or_path";
  const config = { adapter_name_or_path: adapterFolders, seed };
  placed(placeOf(key), () => finishedValueHead({ config, model, decoder, merged }));
}

/**
 * @throws {RangeError} If tokens are added that no adapter has rows of: answers would be by random ones
 */
function checkRowsKnown(
  { model_name_or_path: name, add_tokens, add_special_tokens }: Pick<
    TrainConfig,
    "model_name_or_path" | "add_tokens" | "add_special_tokens"
  >,
  { embeddings, decoder, adapterFolders }: Pick<Ready, "embeddings" | "decoder" | "adapterFolders">,
): void {
  const stored = embeddings?.stored.vocabSize ?? decoder.vocabSize;
  if (adapterFolders.length > 0 || stored === decoder.vocabSize) return;
  const added = [...add_tokens, ...add_special_tokens].join(", ");
  throw new RangeError(
    `Cannot predict with tokens that nothing was trained for: current value is ${
      added === "" ? "resize_vocab: true" : added
    }, and ${name} has ${stored} rows, too few for them; name what was trained with them as adapter_name_or_path, ` +
      "or leave add_tokens, add_special_tokens and resize_vocab out",
  );
}

/** True if training sets draw some of their rows: then those that evaluation sets draw are others without them. */
function drawsFirst({ dataset_dir, dataset, eval_dataset }: TrainConfig): boolean {
  const datasetInfo = readDatasetInfo(dataset_dir);
  return [dataset, eval_dataset].every((names) =>
    names.some((name) => datasetInfo.entry(name).numSamples !== null)
  );
}

function notesOf(config: TrainConfig, isTrained: boolean): string[] {
  const { stage, trainer, do_eval, dataset, eval_dataset } = config;
  const predicts = workAsked(config) === "predictions";
  const verbs = !predicts ? ["evaluates", "evaluate"] : ["predicts", stage === "rm" ? "reward" : "answer"];
  return [
    ...trainer === "local" ? [] : [`trainer: ${trainer} only trains; this project's engine ${verbs[0]}`],
    ...do_eval && predicts
      ? ["do_eval: predictions give the same scores, so nothing is evaluated beside them"]
      : [],
    ...dataset.length > 0 && eval_dataset.length > 0 && !isTrained
      ? [`dataset: not used, as nothing is trained; eval_dataset has the rows to ${verbs[1]}`]
      : [],
    ...eval_dataset.length === 0 && !predicts
      ? [
        "dataset: only gives the rows that val_size holds out, as do_train isn't true and nothing is trained",
      ]
      : [],
  ];
}

/** Results as text. @param stopped What is said where there are none, as work was stopped */
export function resultText(directory: string, { files, metrics }: WorkResult, stopped: string): string {
  if (files.length === 0) return `Stopped: ${stopped}`;
  return [
    "",
    ...Object.entries(metrics).map(([name, value]) => `  ${name.padEnd(28)} ${value.toFixed(4)}`),
    `Wrote ${files.join(", ")} in ${directory}`,
  ].join("\n");
}
