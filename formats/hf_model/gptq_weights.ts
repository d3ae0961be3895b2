/**
 * Weights of a Hugging Face directory that GPTQ quantised: `X.qweight` and the tensors beside it are `X.weight` here.
 * @module
 */
import { createHash } from "node:crypto";

import { item } from "../elements.ts";
import { shown } from "../message.ts";
import { floatPieces } from "../float_pieces.ts";
import { type GptqFormat, type GptqMatrix, gptqPacked, gptqValues, packableGroup } from "../gptq/mod.ts";
import { fingerprint } from "./hash.ts";
import { openTensorFiles, type TensorFiles } from "./safetensors_weights.ts";
import { aliasTied, type WeightSource } from "./weights.ts";

const CODES = ".qweight", PART = /\.(?:qweight|qzeros|scales|g_idx)$/;

/**
 * Opens a directory's weights and checks shapes and types of all, before any is unpacked.
 * @param tied Whether `lm_head.weight` is the embedding (`tie_word_embeddings` of the config).
 * @throws {RangeError} If a file or a tensor is missing, or tensors of a matrix don't fit each other.
 * @throws {SyntaxError} If a file is damaged.
 * @throws {TypeError} If a tensor has another type.
 */
export function openGptqWeights(directory: string, tied: boolean, format: GptqFormat): WeightSource {
  const tensors = openTensorFiles(directory, (name) => PART.test(name));
  try {
    return gptqWeights(directory, tensors, tied, format);
  } catch (error) {
    for (const file of tensors.files) file.close();
    throw error;
  }
}

function gptqWeights(
  directory: string,
  { files, byTensor }: TensorFiles,
  tied: boolean,
  format: GptqFormat,
): WeightSource {
  const fileOf = (name: string) => byTensor.get(name) ?? item(files, 0);
  const shapeOf = (name: string) => byTensor.get(name)?.info(name).shape;
  /** `[outputs, inputs]` by the name of the whole matrix's tensor. */
  const shapes = new Map<string, [number, number]>();
  const zeroBiases = new Set<string>();
  for (const name of byTensor.keys()) {
    if (!name.endsWith(CODES)) continue;
    const module = name.slice(0, -CODES.length);
    shapes.set(`${module}.weight`, checkedShape(directory, module, shapeOf, format));
    const bias = `${module}.bias`;
    // AutoGPTQ's older files have them for modules without a bias
    if (byTensor.has(bias) && fileOf(bias).readFloat32(bias).every((value) => value === 0)) {
      zeroBiases.add(bias);
    }
  }
  const integers = (name: string) => {
    const data = fileOf(name).read(name);
    if (data instanceof Int32Array) return data;
    throw new TypeError(
      `Cannot read ${shown(name)} of ${directory} as codes: its dtype is ${
        fileOf(name).info(name).dtype
      }, not I32`,
    );
  };
  const groupsOf = (module: string, inputs: number): Int32Array<ArrayBuffer> => {
    const name = `${module}.g_idx`, count = shapeOf(`${module}.scales`)?.[0] ?? 0;
    const size = format.groupSize ?? inputs;
    if (!byTensor.has(name)) return Int32Array.from({ length: inputs }, (_, i) => Math.floor(i / size));
    const groups = integers(name), wrong = groups.find((group) => !(group >= 0 && group < count));
    if (wrong === undefined) return groups;
    throw new RangeError(
      `Cannot read ${shown(name)} of ${directory} as groups below ${count}: current value is ${wrong}`,
    );
  };
  const matrixOf = (name: string, [outputs, inputs]: readonly [number, number]): GptqMatrix => {
    const module = name.slice(0, -".weight".length);
    return {
      outputs,
      inputs,
      bits: format.bits,
      codes: integers(`${module}.qweight`),
      zeros: integers(`${module}.qzeros`),
      scales: fileOf(`${module}.scales`).readFloat32(`${module}.scales`),
      groups: groupsOf(module, inputs),
      zeroOffset: format.zeroOffset,
    };
  };
  const alias = (name: string) => aliasTied(name, tied);
  const quantised = (name: string) => {
    const shape = shapes.get(alias(name));
    return shape && matrixOf(alias(name), shape);
  };
  const read = (name: string) => {
    const matrix = quantised(name);
    return matrix ? gptqValues(matrix) : fileOf(alias(name)).readFloat32(alias(name));
  };
  const packable = new Map<string, boolean>();
  const isPacked = (name: string) => {
    const of = alias(name), shape = shapes.get(of);
    if (!shape) return false;
    const known = packable.get(of) ??
      packableGroup({ inputs: shape[1], groups: groupsOf(of.slice(0, -".weight".length), shape[1]) }) !==
        null;
    packable.set(of, known);
    return known;
  };
  let hash: string | undefined;
  return {
    names: () =>
      [...byTensor.keys()].map((name) => name.endsWith(CODES) ? name.replace(/\.qweight$/, ".weight") : name)
        .filter((name) => alias(name) === name && !PART.test(name) && !zeroBiases.has(name)),
    shape: (name) => {
      const shape = shapes.get(alias(name)) ?? shapeOf(alias(name));
      return shape ? [...shape] : null;
    },
    read,
    pieces: (name) => {
      const shape = shapes.get(alias(name));
      return shape
        ? floatPieces(shape[0] * shape[1], () => read(name))
        : fileOf(alias(name)).pieces(alias(name));
    },
    rows: (name, rows) => {
      const shape = shapes.get(alias(name));
      if (!shape) return fileOf(alias(name)).readRows(alias(name), rows);
      const values = read(name), width = shape[1], out = new Float32Array(rows.length * width);
      Array.from(rows).forEach((row, i) =>
        out.set(values.subarray(row * width, (row + 1) * width), i * width)
      );
      return out;
    },
    isPacked,
    packed: (name) => {
      const matrix = isPacked(name) ? quantised(name) : undefined;
      return matrix ? gptqPacked(matrix) : null;
    },
    // the same bytes are other weights in another format
    hash: () =>
      hash ??= createHash("sha256").update(fingerprint([...files])).update(JSON.stringify(format)).digest(
        "hex",
      ),
    close: () => files.forEach((file) => file.close()),
  };
}

/** `[outputs, inputs]` of a module. @throws {RangeError} If its tensors don't fit each other */
function checkedShape(
  directory: string,
  module: string,
  shapeOf: (name: string) => readonly number[] | undefined,
  { bits, groupSize }: GptqFormat,
): [number, number] {
  const [words = 0, outputs = 0] = shapeOf(`${module}.qweight`) ?? [];
  const inputs = words * 32 / bits, groups = groupSize === null ? 1 : Math.ceil(inputs / groupSize);
  const check = (part: string, expected: readonly number[], optional = false) => {
    const found = shapeOf(`${module}.${part}`);
    if (optional && found === undefined) return;
    if (String(found) === String(expected)) return;
    throw new RangeError(
      `Cannot open ${directory} as a model quantised by gptq in ${bits} bits as ${module}.${part} must be [${
        expected.join(", ")
      }]: current value is ${
        found ? `[${found.join(", ")}]` : "missing"
      }; config.json and weights aren't of one model`,
    );
  };
  check("scales", [groups, outputs]);
  check("qzeros", [groups, outputs * bits / 32]);
  check("g_idx", [inputs], true);
  return [outputs, inputs];
}
