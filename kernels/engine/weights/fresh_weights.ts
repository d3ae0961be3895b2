/**
 * Weights of a model that was never trained, drawn as transformers' `_init_weights` draws them: matrices from a normal distribution around 0,
 * norms 1 (0 where a family adds 1 to their weights), biases 0, the embedding's row for padding 0. Each tensor is a function of seed and name, so every process makes the same.
 * @module
 */
import { createHash } from "node:crypto";

import { valueOf } from "../../../formats/elements.ts";
import { floatPieces } from "../../../formats/float_pieces.ts";
import { aliasTied, type WeightSource } from "../../../formats/hf_model/weights.ts";
import { fillNormal, stream } from "../../random/counter.ts";
import { EMBEDDING, tensorShapes } from "../decoder/decoder.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";

/** What untrained weights are drawn by. */
export interface FreshStart {
  /** A whole number in [0, 2^53). */
  seed: number;
  /** Standard deviation, > 0: `initializer_range`. */
  deviation: number;
  /** Row of the embedding that is 0: the token for padding; null: none. */
  paddingRow: number | null;
}

/** Weights of a decoder that nobody trained. No file is read. */
export function freshWeights(start: FreshStart, decoder: DecoderConfig): WeightSource {
  const shapes = tensorShapes(decoder), alias = (name: string) => aliasTied(name, decoder.tieWordEmbeddings);
  const shape = (name: string) => shapes.get(alias(name)) ?? null;
  const draw = (name: string) => drawn(alias(name), valueOf(shapes, alias(name)), start, decoder);
  let table: { name: string; values: Float32Array } | null = null;
  return {
    names: () => [...shapes.keys()],
    shape: (name) => shape(name)?.slice() ?? null,
    read: draw,
    pieces: (name) => floatPieces((shape(name) ?? []).reduce((a, b) => a * b, 1), () => draw(name)),
    rows(name, rows) {
      if (table?.name !== name) table = { name, values: draw(name) };
      const { values } = table, columns = shape(name)?.at(-1) ?? 1;
      const some = new Float32Array(rows.length * columns);
      Array.from(rows).forEach((row, i) =>
        some.set(values.subarray(row * columns, (row + 1) * columns), i * columns)
      );
      return some;
    },
    packedForm: () => null,
    packed: () => null,
    hash: () => createHash("sha256").update(JSON.stringify(["fresh", start, [...shapes]])).digest("hex"),
    close: () => {},
  };
}

function drawn(
  name: string,
  shape: readonly number[],
  start: FreshStart,
  { normOffset = 0 }: DecoderConfig,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  if (/norm\.weight$/.test(name)) return values.fill(1 - normOffset);
  if (name.endsWith(".bias")) return values;
  fillNormal(values, { mean: 0, deviation: start.deviation }, {
    seed: start.seed,
    of: stream(`fresh/${name}`),
  });
  if (name === EMBEDDING && start.paddingRow !== null) {
    const width = shape.at(-1) ?? 0;
    values.fill(0, start.paddingRow * width, (start.paddingRow + 1) * width);
  }
  return values;
}
