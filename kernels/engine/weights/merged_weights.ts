/**
 * A model with adapters merged in, read as if its files held that: the base that a further adapter is trained upon.
 * @module
 */
import { createHash } from "node:crypto";

import { floatPieces } from "../../../formats/float_pieces.ts";
import type { WeightSource } from "../../../formats/hf_model/mod.ts";
import { adapterHash, readWholeAdapter, type WholeAdapter, wholeMerge } from "../../../formats/peft/mod.ts";
import { moduleShapes, tensorShapes } from "../decoder/decoder.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";

/**
 * Weights with adapters merged in, in turn, in float32; those of no adapter are the model's, in whatever form they are stored.
 * @param folders Of the adapters; without one the weights are given back
 * @throws {RangeError} If an adapter doesn't fit the model, or changes embedding and head apart where they are one
 */
export function withMerged(
  weights: WeightSource,
  folders: readonly string[],
  decoder: DecoderConfig,
): WeightSource {
  if (folders.length === 0) return weights;
  const modules = moduleShapes(decoder), tensors = tensorShapes(decoder);
  const adapters = folders.map((folder) => {
    const adapter = readWholeAdapter(
      folder,
      modules,
      tensors,
      decoder.moduleRoot === undefined ? null : new Map(),
    );
    if (!adapter.unties) return adapter;
    throw new RangeError(
      `Cannot merge the adapter ${folder} as it changes embedding and output head apart, which this model has as one: merge it by ` +
        "deno task export, and name the folder that this writes as the model",
    );
  });
  const changed = new Set(adapters.flatMap(changedBy));
  const read = adapters.reduce<WeightSource["read"]>(
    (before, adapter) => wholeMerge(before, adapter),
    (name) => weights.read(name),
  );
  // its rows are asked for token by token
  let table: { name: string; values: Float32Array } | null = null;
  return {
    names: () => weights.names(),
    shape: (name) => weights.shape(name),
    read: (name) => changed.has(name) ? read(name) : weights.read(name),
    pieces(name) {
      if (!changed.has(name)) return weights.pieces(name);
      const count = (weights.shape(name) ?? []).reduce((a, b) => a * b, 1);
      return floatPieces(count, () => read(name));
    },
    rows(name, rows) {
      if (!changed.has(name)) return weights.rows(name, rows);
      if (table?.name !== name) table = { name, values: read(name) };
      const all = table.values, columns = weights.shape(name)?.at(-1) ?? 1;
      const some = new Float32Array(rows.length * columns);
      Array.from(rows).forEach((row, i) =>
        some.set(all.subarray(row * columns, (row + 1) * columns), i * columns)
      );
      return some;
    },
    packedForm: (name) => changed.has(name) ? null : weights.packedForm(name),
    packed: (name) => changed.has(name) ? null : weights.packed(name),
    hash: () => {
      const all = [weights.hash(), ...folders.map(adapterHash)].join("\n");
      return createHash("sha256").update(all).digest("hex");
    },
    close: () => weights.close(),
  };
}

function changedBy({ modules, replaced, rows, magnitudes }: WholeAdapter): string[] {
  const changed = [...modules.keys(), ...magnitudes.keys()].map((module) => `${module}.weight`);
  return [...changed, ...replaced.keys(), ...rows.keys()];
}
