/**
 * `do_predict`: a finished model answers the evaluation rows, and the answers are compared with those of the
 * data. LLaMA-Factory's `predict_with_generate`: the same prompts, labels, ends of answers, scores and files.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import type { EncodedExample } from "../../../kernels/engine/encoded.ts";
import { chooseBackend } from "../../../kernels/engine/backends.ts";
import type { Generator } from "../../../kernels/engine/generate/generator.ts";
import { openLocal } from "../../../plugins/endpoints/local/open.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import type { Registry } from "../../../plugins/registry.ts";
import { readDatasetInfo } from "../data/info.ts";
import { dataText } from "../data_text.ts";
import { type Progress, roundHalfEven } from "../outputs/mod.ts";
import { prepare } from "../prepare.ts";
import { encode } from "../prepare/encode.ts";
import { hubOptions } from "../prepare/hub_options.ts";
import type { Ready } from "../prepare/ready.ts";
import { checkPredictions, type Prediction, writePredictions } from "./files.ts";
import { endIds, rowSampling } from "./sampling.ts";
import { similarity } from "./similarity.ts";

/** What predictions are made with, and told by. */
export interface Predicting {
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

/** The end of predictions. */
export interface PredictionResult {
  /** Names of files in `output_dir`; none if it was stopped. */
  files: string[];
  /** Of predict_results.json. */
  metrics: Record<string, number>;
}

/** Rows to answer, encoded. */
interface Rows {
  ready: Ready;
  examples: EncodedExample[];
  /** What was said of model and keys. */
  notes: string[];
  /** Counts of rows, as text. */
  data: string;
}

/**
 * Reads the model's parts and the rows, and says what there is; nothing is generated.
 * @throws {RangeError} If anything in the configuration, the model or the data is wrong
 */
export async function preparePredictions(
  config: TrainConfig,
  { registry, placeOf, say, progress, isTrained = false }: Omit<Predicting, "signal">,
): Promise<Rows> {
  placed(
    placeOf("output_dir"),
    () => checkPredictions(config.output_dir, config.overwrite_output_dir),
  );
  const ready = await prepare(config, registry, say, placeOf);
  // LLaMA-Factory encodes training rows too, and doesn't use them
  const dataset = config.eval_dataset.length > 0 && !drawsFirst(config) ? [] : config.dataset;
  const notes = [...ready.notes, ...predictionNotes(config, isTrained)];
  for (const note of notes) say(`note: ${note}`);
  const data = await encode(
    { ...config, dataset },
    registry,
    ready,
    (phase, done, total) => progress.phase(phase, done, total),
    say,
  );
  progress.stop();
  const text = dataText(data.report, true);
  say(text);
  ready.model.weights.close();
  return { ready, examples: data.evaluation, notes, data: text };
}

/** True if training sets draw some of their rows: then those that evaluation sets draw are others without them. */
function drawsFirst({ dataset_dir, dataset, eval_dataset }: TrainConfig): boolean {
  const info = readDatasetInfo(dataset_dir);
  return [dataset, eval_dataset].every((names) => names.some((name) => info.entry(name).numSamples !== null));
}

function predictionNotes(
  { trainer, do_eval, dataset, eval_dataset }: TrainConfig,
  isTrained: boolean,
): string[] {
  return [
    ...trainer === "local" ? [] : [`trainer: ${trainer} only trains; this project's engine predicts`],
    ...do_eval ? ["do_eval: predictions give the same scores, so nothing is evaluated beside them"] : [],
    ...dataset.length > 0 && eval_dataset.length > 0 && !isTrained
      ? ["dataset: not used, as nothing is trained; eval_dataset has the rows to answer"]
      : [],
  ];
}

/**
 * Answers all rows, compares, writes.
 * @throws {RangeError} As {@linkcode preparePredictions}; also if a prompt fills the model's context
 */
export async function predict(config: TrainConfig, predicting: Predicting): Promise<PredictionResult> {
  const { registry, placeOf, say, progress } = predicting;
  const { ready, examples } = await preparePredictions(config, predicting);
  const { backend, provider, threads, quantization_bit } = config, { template } = ready;
  if (template === null) throw new RangeError("Cannot predict as template is needed: current value is null");
  const { choice, why } = await chooseBackend({ backend, provider, threads, quantization_bit });
  const model = await placed(placeOf("model_name_or_path"), () =>
    openLocal(
      {
        model: config.model_name_or_path,
        adapter: ready.adapterFolders[0] ?? null,
        device: choice,
        maxModelLen: null,
        maxBatch: config.per_device_eval_batch_size,
        quantization: quantization_bit ?? "stored",
        hub: { revision: config.model_revision, ...hubOptions(config, say) },
        onPhase: (phase, done, total) => progress.phase(phase, done, total),
      },
      template,
      registry,
    ));
  try {
    for (const note of model.notes) say(`note: ${note}`);
    say(`answers      by ${model.generator.info.backend}: ${why}`);
    const began = performance.now();
    const rows = await answerAll({ config, ready, examples, generator: model.generator }, predicting);
    progress.stop();
    if (rows === null) return { files: [], metrics: {} };
    const metrics = scoresOf(config, rows, (performance.now() - began) / 1000);
    const shown = rows.map(({ shown }) => shown);
    return { files: await writePredictions(config.output_dir, shown, metrics), metrics };
  } finally {
    await model.generator.close();
  }
}

/** A row's texts as they are compared, special tokens left out, and as they are written. */
interface Answered {
  compared: Pick<Prediction, "predict" | "label">;
  shown: Prediction;
}

/** Null: it was stopped. */
async function answerAll(
  { config, ready: { model: { tokenizer } }, examples, generator }: {
    config: TrainConfig;
    ready: Ready;
    examples: readonly EncodedExample[];
    generator: Generator;
  },
  { progress, signal }: Pick<Predicting, "progress" | "signal">,
): Promise<Answered[] | null> {
  const ends = endIds(tokenizer, generator.info.vocabSize);
  const text = (ids: readonly number[], skipSpecial: boolean) => tokenizer.decode(ids, { skipSpecial });
  // the first that fails ends the others
  const failed = new AbortController(), stopped = AbortSignal.any([signal, failed.signal]);
  let done = 0;
  const answered = examples.map(async (example, row) => {
    const { prompt, label } = sides(example);
    const { ids } = await generator.generate(
      prompt,
      rowSampling(config, row, ends),
      undefined,
      stopped,
    );
    progress.phase("answers", ++done, examples.length);
    const skip = config.skip_special_tokens;
    return {
      compared: { predict: text(ids, true), label: text(label, true) },
      shown: { prompt: text(prompt, false), predict: text(ids, skip), label: text(label, skip) },
    };
  });
  try {
    return await Promise.all(answered);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(answered);
    if (signal.aborted) return null;
    throw error;
  }
}

/** Ids of the prompt, and those of the answer behind it. */
function sides({ sequences }: EncodedExample): { prompt: number[]; label: number[] } {
  const { input_ids, labels } = item(sequences, 0);
  const ids = Array.from(input_ids), from = Array.from(labels).findIndex((id) => id >= 0);
  return { prompt: ids.slice(0, from), label: ids.slice(from) };
}

/** Scores and pace by the names of predict_results.json. */
function scoresOf(
  { per_device_eval_batch_size: batch }: TrainConfig,
  rows: readonly Answered[],
  seconds: number,
): Record<string, number> {
  const scores = similarity(rows.map(({ compared }) => compared));
  return {
    ...Object.fromEntries(Object.entries(scores).map(([name, value]) => [`predict_${name}`, value])),
    predict_runtime: roundHalfEven(seconds, 4),
    predict_samples_per_second: roundHalfEven(rows.length / seconds, 3),
    predict_steps_per_second: roundHalfEven(Math.ceil(rows.length / batch) / seconds, 3),
  };
}

/** The end of predictions as text. */
export function predictedText(directory: string, { files, metrics }: PredictionResult): string {
  if (files.length === 0) return "Stopped: no answers were written";
  return [
    "",
    ...Object.entries(metrics).map(([name, value]) => `  ${name.padEnd(28)} ${value.toFixed(4)}`),
    `Wrote ${files.join(", ")} in ${directory}`,
  ].join("\n");
}
