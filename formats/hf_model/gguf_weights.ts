/**
 * Weights of a GGUF file under transformers' names and in its order of rows.
 * @module
 */
import { item } from "../elements.ts";
import { floatPieces } from "../float_pieces.ts";
import { deinterleavedRows, type GgufFile, mapNames, supported } from "../gguf/mod.ts";
import { reordered } from "../packed/mod.ts";
import { fingerprint } from "./hash.ts";
import { aliasTied, type WeightSource } from "./weights.ts";

/**
 * Maps an open file's tensors; checks names and types of all before any is read.
 * @param config Made by `ggufConfig` of the same file.
 * @throws {RangeError} If a tensor has no place in the model.
 * @throws {TypeError} If a tensor's type isn't supported.
 */
export function ggufWeights(file: GgufFile, config: Record<string, unknown>): WeightSource {
  const sources = mapNames(file.tensors.keys(), {
    architecture: file.metadata.get("general.architecture") as string,
    heads: config.num_attention_heads as number,
    keyValueHeads: config.num_key_value_heads as number,
    path: file.path,
  });
  for (const { name } of sources.values()) supported(file.info(name), file.path);
  const alias = (name: string) => aliasTied(name, config.tie_word_embeddings === true);
  let hash: string | undefined;
  /** A tensor's name in the file and the order of its rows; of an unknown one as given, for the file's own error lists the nearest of its names. */
  const place = (name: string): [name: string, order: ArrayLike<number> | null] => {
    const source = sources.get(alias(name));
    if (!source) return [name, null];
    const { interleavedHeads: heads } = source;
    return [
      source.name,
      heads === null ? null : deinterleavedRows(file.info(source.name).shape[0] ?? 0, heads),
    ];
  };
  const normOffset = (name: string) => sources.get(alias(name))?.normOffset ?? 0;
  const read = (name: string) => {
    const values = file.readFloat32(...place(name)), offset = normOffset(name);
    return offset === 0 ? values : values.map((value) => value - offset);
  };
  return {
    names: () => [...sources.keys()],
    shape: (name) => {
      const source = sources.get(alias(name));
      return source ? [...file.info(source.name).shape] : null;
    },
    read,
    pieces: (name) => {
      const pieces = file.pieces(...place(name));
      return normOffset(name) === 0 ? pieces : floatPieces(pieces.count, () => read(name));
    },
    rows: (name, rows) => {
      const [own, order] = place(name);
      return file.readRows(own, order ? Array.from(rows, (row) => item(order, row)) : rows);
    },
    packedForm: (name) => {
      const source = sources.get(alias(name));
      return source ? file.packedForm(source.name) : null;
    },
    packed: (name) => {
      const source = sources.get(alias(name)), matrix = source ? file.readPacked(source.name) : null;
      if (!source || !matrix || source.interleavedHeads === null) return matrix;
      return reordered(matrix, deinterleavedRows(matrix.rows, source.interleavedHeads));
    },
    hash: () => hash ??= fingerprint([file]),
    close: () => file.close(),
  };
}
