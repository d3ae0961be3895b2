/**
 * A model with another embedding and output head than its files have: a larger vocabulary, as LLaMA-Factory's `resize_embedding_layer` makes
 * it, or a head of its own where the files have one tensor for both, as PEFT's `modules_to_save` makes it.
 * @module
 */
import { createHash } from "node:crypto";

import { f64, float } from "../../../formats/elements.ts";
import { floatPieces } from "../../../formats/float_pieces.ts";
import type { WeightSource } from "../../../formats/hf_model/weights.ts";
import type { SavedEmbeddings } from "../../../formats/peft/mod.ts";
import { fillNormal, stream, type StreamPlace } from "../../random/counter.ts";
import { EMBEDDING, HEAD } from "../decoder/decoder.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";

/** How a decoder's embedding differs from what is stored. */
export interface EmbeddingChange {
  /** The decoder's, as the files have it. */
  stored: Pick<DecoderConfig, "vocabSize" | "tieWordEmbeddings">;
  /** Seed of the new rows' noise. */
  seed: number;
  /** New rows that begin as others' mean; absent: none. */
  described?: DescribedRows;
}

/** New rows of which a text says what they are for. */
export interface DescribedRows {
  /** By row: stored rows of the embedding; none: all of its own matrix. */
  rows: readonly { row: number; of: readonly number[] }[];
  /** True if noise is added as to the others. */
  isNoisy: boolean;
}

/**
 * A decoder with the embedding and head that an adapter has or is to have.
 * @param saved `rows`: of what the adapter doesn't have; absent: the model's
 * @param seed Of rows that no adapter has
 * @throws {RangeError} If the adapter has one of them with other rows, and the other not
 */
export function changedBy(
  { embedding, head, staysTied, rows }: SavedEmbeddings & { rows?: number },
  decoder: DecoderConfig,
  seed = 0,
): { decoder: DecoderConfig; change: EmbeddingChange | null } {
  const { vocabSize, tieWordEmbeddings } = decoder, own = rows ?? vocabSize;
  const unties = tieWordEmbeddings && !staysTied && (embedding ?? head) !== null;
  const all = [embedding, tieWordEmbeddings && !unties ? embedding : head].map((found) => found ?? own);
  const [size = own, other = own] = all;
  if (size !== other) {
    throw new RangeError(
      `Cannot use the adapter as its embedding and output head have different vocabularies: current value is ${size} and ${other} rows, of which ` +
        "it has one alone; train both (additional_target: embed_tokens,lm_head)",
    );
  }
  // fewer rows are an adapter's that doesn't fit, which its reader says
  if (size <= vocabSize && !unties) return { decoder, change: null };
  return {
    decoder: {
      ...decoder,
      vocabSize: Math.max(size, vocabSize),
      tieWordEmbeddings: tieWordEmbeddings && !unties,
    },
    change: { stored: { vocabSize, tieWordEmbeddings }, seed },
  };
}

/** The decoder that the files are of. */
export function storedDecoder(decoder: DecoderConfig, change: EmbeddingChange | null): DecoderConfig {
  return change === null ? decoder : { ...decoder, ...change.stored };
}

/**
 * Weights of a decoder from stored ones. Rows behind the stored are the mean of these plus noise of deviation 1/√hidden
 * (LLaMA-Factory's `_noisy_mean_initialization`), or the mean of some rows of the embedding, for the head too, with such noise or without (its
 * `_description_based_initialization`); numbers are drawn by seed and name, and are the same for both where the files have one tensor.
 * @param change null: the weights are given back
 * @param decoder With the change
 */
export function withEmbeddingChange(
  weights: WeightSource,
  change: EmbeddingChange | null,
  { vocabSize, hiddenSize, tieWordEmbeddings }: DecoderConfig,
): WeightSource {
  if (change === null) return weights;
  const { stored, seed, described } = change,
    hasHead = !tieWordEmbeddings,
    isGrown = vocabSize > stored.vocabSize;
  const isChanged = (name: string) => isGrown && (name === EMBEDDING || name === HEAD);
  const grown = (name: string) => {
    const of = name === HEAD && stored.tieWordEmbeddings ? EMBEDDING : name;
    const begins = new Map(
      (described?.rows ?? []).map((
        { row, of },
      ) => [row, of.length === 0 ? null : meanRow(weights.rows(EMBEDDING, of), hiddenSize)]),
    );
    return withRows(weights.read(of), {
      rows: vocabSize,
      columns: hiddenSize,
      noise: { seed, of: stream(`rows/${of}`) },
      begin: (row) => begins.get(row) ?? null,
      isNoisy: (row) => described?.isNoisy !== false || !begins.has(row),
    });
  };
  let table: { name: string; values: Float32Array } | null = null;
  return {
    names: () => {
      const names = weights.names();
      return hasHead && !names.includes(HEAD) ? [...names, HEAD] : names;
    },
    shape: (name) => isChanged(name) ? [vocabSize, hiddenSize] : weights.shape(name),
    read: (name) => isChanged(name) ? grown(name) : weights.read(name),
    pieces: (name) =>
      isChanged(name) ? floatPieces(vocabSize * hiddenSize, () => grown(name)) : weights.pieces(name),
    rows(name, rows) {
      if (!isChanged(name)) return weights.rows(name, rows);
      if (table?.name !== name) table = { name, values: grown(name) };
      const { values } = table, some = new Float32Array(rows.length * hiddenSize);
      Array.from(rows).forEach((row, i) =>
        some.set(values.subarray(row * hiddenSize, (row + 1) * hiddenSize), i * hiddenSize)
      );
      return some;
    },
    packedForm: (name) => isChanged(name) ? null : weights.packedForm(name),
    packed: (name) => isChanged(name) ? null : weights.packed(name),
    hash: () => {
      const own = weights.hash();
      return isGrown
        ? createHash("sha256").update(JSON.stringify([own, vocabSize, seed, ...described ? [described] : []]))
          .digest("hex")
        : own;
    },
    close: () => weights.close(),
  };
}

/** A matrix with rows behind those that it has. @param begin Of a row: what it begins as, null: the mean of all */
function withRows(
  stored: Float32Array,
  { rows, columns, noise, begin, isNoisy }: {
    rows: number;
    columns: number;
    noise: StreamPlace;
    begin(row: number): Float64Array | null;
    isNoisy(row: number): boolean;
  },
): Float32Array<ArrayBuffer> {
  const count = stored.length / columns, mean = meanRow(stored, columns);
  const all = new Float32Array(rows * columns), added = all.subarray(stored.length);
  fillNormal(added, { mean: 0, deviation: 1 / Math.sqrt(columns) }, noise);
  for (let row = count; row < rows; row++) {
    const own = all.subarray(row * columns, (row + 1) * columns), base = begin(row) ?? mean;
    if (!isNoisy(row)) own.fill(0);
    for (let i = 0; i < columns; i++) own[i] = float(own, i) + f64(base, i);
  }
  all.set(stored);
  return all;
}

/** The mean of rows, `[columns]`. */
function meanRow(rows: Float32Array, columns: number): Float64Array {
  const sum = new Float64Array(columns), count = rows.length / columns;
  for (let i = 0; i < rows.length; i++) sum[i % columns] = f64(sum, i % columns) + float(rows, i);
  return sum.map((value) => value / count);
}
