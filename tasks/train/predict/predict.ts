/**
 * `do_predict`: a finished model answers the evaluation rows, and the answers are compared with those of the
 * data. LLaMA-Factory's `predict_with_generate`: the same prompts, labels, ends of answers, scores and files.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import type { EncodedExample } from "../../../kernels/engine/packs/encoded.ts";
import { chooseBackend } from "../../../kernels/engine/backends.ts";
import type { Generator } from "../../../kernels/engine/generate/generator.ts";
import { openLocal } from "../../../plugins/endpoints/local/open.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { roundHalfEven } from "../outputs/mod.ts";
import { hubOptions } from "../prepare/hub_options.ts";
import type { Ready } from "../prepare/ready.ts";
import { type Prediction, writePredictions } from "./files.ts";
import { type AskingModel, prepareRows, type WorkResult } from "./rows.ts";
import { endIds, rowSampling } from "./sampling.ts";
import { similarity } from "./similarity.ts";

/**
 * Answers all rows, compares, writes.
 * @throws {RangeError} As {@linkcode prepareRows}; also if a prompt fills the model's context
 */
export async function predict(config: TrainConfig, predicting: AskingModel): Promise<WorkResult> {
  const { registry, placeOf, say, progress } = predicting;
  const { ready, examples } = await prepareRows(config, predicting);
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
  { progress, signal }: Pick<AskingModel, "progress" | "signal">,
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
