/**
 * From the names of data sets to encoded examples: read, convert, encode, mix, split, count.
 * @module
 */
import { cacheKey, cachePath, readCache, writeCache } from "./cache.ts";
import { encodeOptions } from "./encoding/encode_options.ts";
import { encodeSets } from "./encode_sets.ts";
import { item } from "../../../formats/elements.ts";
import type { EncodedExample } from "../../../kernels/engine/packs/encoded.ts";
import type { EvaluationSet } from "../../../plugins/kinds/trainer.ts";
import type { LoadInputs } from "./load_inputs.ts";
import { readDatasetInfo } from "./info/info.ts";
import { greedyKnapsack } from "./encoding/knapsack.ts";
import { GROUP } from "./encoding/pack_text.ts";
import type { DataReport } from "./report/report.ts";
import { DataSet } from "./sets/sets.ts";
import { partsOf, type StoredExample, toExamples } from "./encoding/store.ts";

/** Encoded data of a run. */
export interface LoadedExamples {
  /** In split order; `trainOrder` of plugins/trainers/local/batches/order.ts says how training visits them. */
  train: EncodedExample[];
  /** Rows held out, then those of `eval_dataset`. */
  evaluation: EncodedExample[];
  /** Sets of `evaluation`, one behind the other, that are evaluated each by itself; null: together. */
  evaluationSets: EvaluationSet[] | null;
  /** True if training shuffles `train` each epoch: not when it was streamed, which shuffled it already. */
  shuffle: boolean;
  /** Stage sft with packing: numbers of the examples that LLaMA-Factory puts into one row; null: no packing. */
  trainBins: number[][] | null;
  /** Counts of used, cut and dropped rows. */
  report: DataReport;
  /** SHA-256 over all ids and labels, in order. */
  hash: string;
}

/** Files smaller than this are encoded faster than a cached result is worth a file. */
const MIN_CACHED_BYTES = 1 << 18;

/**
 * Loads, encodes and splits the data of a run.
 *
 * @throws {RangeError} If a name, file, column or option is wrong, or no row can be used; says where and why.
 * @throws {TypeError} If dataset_info.json has a field of a wrong type.
 * @throws {SyntaxError} If a file is broken.
 */
export async function loadExamples(inputs: LoadInputs): Promise<LoadedExamples> {
  const { options, loss, tokenizer, registry } = inputs;
  const datasetInfo = readDatasetInfo(options.dataset_dir);
  const open = (name: string) =>
    DataSet.open(datasetInfo, name, { shape: loss.shape, registry, hub: inputs.hub });
  // one after the other: two sets may be parts of one repository
  const train: DataSet[] = [];
  for (const name of options.dataset) train.push(await open(name));
  const evaluation: DataSet[] = [];
  for (const name of options.eval_dataset) evaluation.push(await open(name));
  const bytes = [...train, ...evaluation].reduce((sum, set) => sum + set.bytes, 0);
  const names = Object.keys(loss.sequences);

  // the file of encoded data has no place for what answers are judged by
  const isCached = !options.streaming && bytes >= MIN_CACHED_BYTES && loss.shape !== "prompt";
  const file = isCached
    ? cachePath(options.data_cache_dir, cacheKey(inputs, [...train, ...evaluation]))
    : null;
  const found = file && !options.overwrite_cache ? readCache(file) : null;
  const stored = found ?? await encodeSets(inputs, train, evaluation);
  if (file && !found) stored.report.notes.push(...writeCache(file, stored));

  const eosId = tokenizer.eosId ?? -1;
  const isPacked = (options.packing || options.neat_packing) && loss.shape === "single";
  return {
    train: toExamples(stored.train, names, eosId, loss.measure),
    evaluation: toExamples(stored.evaluation, names, eosId, loss.measure),
    evaluationSets: stored.evaluationCounts?.map((count, i) => ({
      name: item(options.eval_dataset, i),
      count,
    })) ?? null,
    shuffle: !options.streaming,
    trainBins: isPacked ? packBins(stored.train, encodeOptions(options, loss.shape).cutoff_len) : null,
    report: loss.measure === undefined ? stored.report : { ...stored.report, measure: loss.measure },
    hash: stored.hash,
  };
}

/** Bins of examples as LLaMA-Factory packs them, group by group. */
function packBins(examples: readonly StoredExample[], capacity: number): number[][] {
  const lengths = examples.map((example) =>
    partsOf(example).flat().reduce((sum, { ids }) => sum + ids.length, 0)
  );
  const bins: number[][] = [];
  for (let from = 0; from < lengths.length; from += GROUP) {
    const group = greedyKnapsack(lengths.slice(from, from + GROUP), capacity);
    bins.push(...group.map((bin) => bin.map((i) => from + i)));
  }
  return bins;
}
