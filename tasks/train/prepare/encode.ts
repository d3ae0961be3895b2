/**
 * The data of a prepared run, encoded for its model and checked against it.
 * @module
 */
import { placed } from "../../../plugins/kinds/place.ts";
import type { Registry } from "../../../plugins/registry.ts";
import type { TrainConfig } from "../config/mod.ts";
import { type DataOptions, type LoadedExamples, loadExamples } from "../data/mod.ts";
import type { Ready } from "./ready.ts";
import { adapterWarnings, checkTokenIds, emptyGradientWarnings, lengthWarnings } from "../start_checks.ts";
import { type HubKeys, hubOptions } from "./hub_options.ts";
import { checkAnswerRoom, checkRuled } from "./rewards.ts";

/** Keys of a configuration that {@linkcode encode} reads. */
export type EncodeKeys =
  & DataOptions
  & HubKeys
  & Parameters<typeof adapterWarnings>[1]
  & Partial<Pick<TrainConfig, "do_train">>;

/** What a configuration's data is encoded for, and who is told of it. */
export interface Encoding {
  registry: Registry;
  ready: Ready;
  onProgress?: (phase: string, done: number, total: number) => void;
  /** Gets a line while a data set is downloaded. */
  say?: (line: string) => void;
}

/**
 * Reads, converts and encodes the data. What is probably not meant is among the report's warnings.
 * @throws {RangeError} If the data can't be read, or has tokens that the model lacks
 */
export async function encode(
  config: EncodeKeys,
  { registry, ready, onProgress, say = () => {} }: Encoding,
): Promise<LoadedExamples> {
  const data = await loadExamples({
    // rows of a run that trains are learnt; those that it answers behind that are encoded anew
    options: { ...config, predict_with_generate: config.predict_with_generate && config.do_train !== true },
    registry,
    template: ready.template,
    tokenizer: ready.model.tokenizer,
    loss: ready.loss,
    hub: hubOptions(config, say),
    placeOf: ready.placeOf,
    ...(onProgress && { onProgress }),
  });
  const { decoder, loss, model, reference, rewards } = ready;
  const all = [...data.train, ...data.evaluation];
  checkTokenIds(all, decoder, model.tokenizer);
  if (rewards !== null) {
    await placed(ready.placeOf("dataset"), () => checkRuled(all, rewards));
    placed(ready.placeOf("cutoff_len"), () => checkAnswerRoom(all, decoder));
  }
  const warningsOfReference = reference === null ? [] : placed(ready.placeOf("ref_model"), () => {
    checkTokenIds(all, reference.decoder, model.tokenizer, "the reference model's");
    return lengthWarnings(all, reference.decoder).map((warning) => `ref_model: ${warning}`);
  });
  const warnings = [
    ...data.report.warnings,
    ...adapterWarnings(ready.adapterFolders, config, decoder),
    ...lengthWarnings(all, decoder),
    ...warningsOfReference,
    ...emptyGradientWarnings(data.train, loss),
  ];
  return { ...data, report: { ...data.report, warnings } };
}
