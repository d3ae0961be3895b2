/**
 * Weights of a Hugging Face directory: one safetensors file, or shards with an index.
 * @module
 */
import { basename, join } from "@std/path";

import { item } from "../elements.ts";
import { shown } from "../message.ts";
import { SafetensorsFile } from "../safetensors/mod.ts";
import { fingerprint } from "./hash.ts";
import { readJsonFile } from "./json.ts";
import { aliasTied, type WeightSource } from "./weights.ts";

const SINGLE = "model.safetensors", INDEX = "model.safetensors.index.json";
const FLOATS = new Set(["F64", "F32", "F16", "BF16"]);

/** A directory's files of tensors, open. */
export interface TensorFiles {
  /** In the order of their names. */
  readonly files: readonly SafetensorsFile[];
  /** The file of each tensor. */
  readonly byTensor: ReadonlyMap<string, SafetensorsFile>;
}

/**
 * Opens a directory's weights and checks the headers of all files, before any tensor is read.
 * @param tied True if `lm_head.weight` is the embedding (`tie_word_embeddings` of the config).
 * @throws {RangeError} If a file or a tensor of the index is missing.
 * @throws {SyntaxError} If a file is damaged.
 * @throws {TypeError} If a tensor isn't of a floating type (a quantised checkpoint).
 */
export function openSafetensorsWeights(directory: string, tied: boolean): WeightSource {
  const { files, byTensor } = openTensorFiles(directory);
  let hash: string | undefined;
  const alias = (name: string) => aliasTied(name, tied);
  return {
    names: () => [...byTensor.keys()].filter((name) => alias(name) === name),
    shape: (name) => {
      const info = byTensor.get(alias(name))?.tensors.get(alias(name));
      return info ? [...info.shape] : null;
    },
    read: (name) => (byTensor.get(alias(name)) ?? item(files, 0)).readFloat32(alias(name)),
    pieces: (name) => (byTensor.get(alias(name)) ?? item(files, 0)).pieces(alias(name)),
    rows: (name, rows) => (byTensor.get(alias(name)) ?? item(files, 0)).readRows(alias(name), rows),
    packedForm: () => null,
    packed: () => null,
    hash: () => hash ??= fingerprint(files),
    close: () => files.forEach((file) => file.close()),
  };
}

/**
 * Opens a directory's files and checks the headers of all, before any tensor is read.
 * @param isCode True if a tensor may be of 32-bit integers, as those of quantised matrices are
 * @throws As {@linkcode openSafetensorsWeights}
 */
export function openTensorFiles(
  directory: string,
  isCode: (name: string) => boolean = () => false,
): TensorFiles {
  const files = openAll(directory);
  const byTensor = new Map<string, SafetensorsFile>();
  try {
    for (const file of files) {
      for (const { name, dtype } of file.tensors.values()) {
        const other = byTensor.get(name);
        if (other) {
          throw new RangeError(
            `Cannot open ${directory}: tensor ${shown(name)} is in ${other.path} and in ${file.path}`,
          );
        }
        if (!FLOATS.has(dtype) && !(dtype === "I32" && isCode(name))) {
          throw new TypeError(
            `Cannot open ${file.path} as model weights: tensor ${shown(name)} has the dtype ${dtype}. ` +
              `F64, F32, F16 and BF16 are supported: take the model's unquantised files`,
          );
        }
        byTensor.set(name, file);
      }
    }
  } catch (error) {
    for (const file of files) file.close();
    throw error;
  }
  return { files, byTensor };
}

function openAll(directory: string): SafetensorsFile[] {
  const names = [...Deno.readDirSync(directory)].map((entry) => entry.name);
  if (names.includes(INDEX)) return openShards(directory, names);
  if (names.includes(SINGLE)) return [new SafetensorsFile(join(directory, SINGLE))];
  const weights = names.filter((name) => /\.(bin|pt|pth|safetensors|gguf|onnx)$/.test(name)).sort();
  const shards = weights.filter((name) => /-\d{5}-of-\d{5}\.safetensors$/.test(name));
  throw new RangeError(
    `Cannot open ${directory} as a model: it has neither ${SINGLE} nor ${INDEX}. ` +
      (shards.length
        ? `It has ${shown(shards, 200)}, which need that index beside them: download it, too`
        : weights.length
        ? `It has ${weights.join(", ")}: convert it to safetensors, or name a .gguf file itself`
        : names.includes("onnx")
        ? "Its folder onnx is for transformers.js: name the model that it was made of, or export that as safetensors or gguf"
        : `Is the download complete?`),
  );
}

function openShards(directory: string, present: readonly string[]): SafetensorsFile[] {
  const path = join(directory, INDEX);
  const map = readJsonFile(path).weight_map;
  const isMap = typeof map === "object" && map !== null && !Array.isArray(map);
  if (!isMap || Object.values(map).some((name) => typeof name !== "string")) {
    throw new SyntaxError(`Cannot read ${path}: it has no weight_map of file names`);
  }
  const shards = [...new Set(Object.values(map as Record<string, string>))].sort();
  if (shards.length === 0) throw new SyntaxError(`Cannot read ${path}: its weight_map names no file`);
  const outside = shards.find((name) => basename(name) !== name);
  if (outside !== undefined) {
    throw new RangeError(
      `Cannot open ${directory} as a model: ${INDEX} may name files of this folder only, not ${
        shown(outside)
      }`,
    );
  }
  const missing = shards.filter((name) => !present.includes(name));
  if (missing.length) {
    throw new RangeError(
      `Cannot open ${directory} as a model: ${missing.length} of the ${shards.length} files that ${INDEX} names are ` +
        `missing (${shown(missing.slice(0, 3), 200)}). Complete the download`,
    );
  }
  const files: SafetensorsFile[] = [];
  try {
    for (const name of shards) files.push(new SafetensorsFile(join(directory, name)));
    for (const [tensor, name] of Object.entries(map as Record<string, string>)) {
      const file = item(files, shards.indexOf(name));
      if (!file.tensors.has(tensor)) {
        throw new RangeError(
          `Cannot open ${directory} as a model: ${INDEX} places ${shown(tensor)} in ${
            shown(name)
          }, which lacks it`,
        );
      }
    }
  } catch (error) {
    for (const file of files) file.close();
    throw error;
  }
  return files;
}
