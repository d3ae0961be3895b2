/**
 * Weights of a Hugging Face directory that GPTQ quantised: `X.qweight` and the tensors beside it are `X.weight` here.
 * @module
 */
import { createHash } from "node:crypto";

import { floatPieces } from "../float_pieces.ts";
import { type GptqFormat, gptqPacked, gptqValues } from "../gptq/mod.ts";
import { GptqTensors, isGptqPart } from "./gptq_tensors.ts";
import { fingerprint } from "./hash.ts";
import { openTensorFiles, type TensorFiles } from "./safetensors_weights.ts";
import { aliasTied, type WeightSource } from "./weights.ts";

/**
 * Opens a directory's weights and checks shapes and types of all, before any is unpacked.
 * @param tied True if `lm_head.weight` is the embedding (`tie_word_embeddings` of the config).
 * @throws {RangeError} If a file or a tensor is missing, or tensors of a matrix don't fit each other.
 * @throws {SyntaxError} If a file is damaged.
 * @throws {TypeError} If a tensor has another type.
 */
export function openGptqWeights(directory: string, tied: boolean, format: GptqFormat): WeightSource {
  const tensors = openTensorFiles(directory, isGptqPart);
  try {
    return gptqWeights(directory, tensors, tied, format);
  } catch (error) {
    for (const file of tensors.files) file.close();
    throw error;
  }
}

function gptqWeights(
  directory: string,
  tensors: TensorFiles,
  tied: boolean,
  format: GptqFormat,
): WeightSource {
  const quantised = new GptqTensors(directory, tensors, format), { files, byTensor } = tensors;
  const alias = (name: string) => aliasTied(name, tied);
  const read = (name: string) => {
    const own = alias(name), matrix = quantised.matrix(own);
    return matrix ? gptqValues(matrix) : quantised.file(own).readFloat32(own);
  };
  let hash: string | undefined;
  return {
    names: () =>
      [...quantised.shapes.keys(), ...[...byTensor.keys()].filter((name) => !isGptqPart(name))]
        .filter((name) => alias(name) === name && !quantised.zeroBiases.has(name)),
    shape: (name) => {
      const own = alias(name), shape = quantised.shapes.get(own) ?? byTensor.get(own)?.info(own).shape;
      return shape ? [...shape] : null;
    },
    read,
    pieces: (name) => {
      const own = alias(name), shape = quantised.shapes.get(own);
      return shape ? floatPieces(shape[0] * shape[1], () => read(name)) : quantised.file(own).pieces(own);
    },
    rows: (name, rows) => {
      const own = alias(name), shape = quantised.shapes.get(own);
      if (!shape) return quantised.file(own).readRows(own, rows);
      const values = read(name), width = shape[1], out = new Float32Array(rows.length * width);
      Array.from(rows).forEach((row, i) =>
        out.set(values.subarray(row * width, (row + 1) * width), i * width)
      );
      return out;
    },
    packedForm: (name) => quantised.isPackable(alias(name)) ? { bits: format.bits, minima: true } : null,
    packed: (name) => {
      const own = alias(name), matrix = quantised.isPackable(own) ? quantised.matrix(own) : null;
      return matrix && gptqPacked(matrix);
    },
    // the same bytes are other weights in another format
    hash: () =>
      hash ??= createHash("sha256").update(fingerprint([...files])).update(JSON.stringify(format)).digest(
        "hex",
      ),
    close: () => files.forEach((file) => file.close()),
  };
}
