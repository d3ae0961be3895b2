/**
 * Writes a whole model as a Hugging Face directory that transformers and vLLM load.
 * @module
 */
import { join } from "@std/path";

import { writeFileAtomicSync } from "../atomic.ts";
import { tensorBytes, type TensorData, writingSafetensors } from "../safetensors/mod.ts";
import { toSortedJson } from "./json.ts";
import { portableConfigText } from "./portable_config.ts";

/** One tensor under its name in transformers' state dict. */
export interface ModelTensor {
  /** Such as `model.norm.weight`. */
  readonly name: string;
  /** Row-major. */
  readonly shape: readonly number[];
  /** Its own type in place of the model's, as a quantised matrix's codes have. */
  readonly dtype?: "I32" | "F16";
  /** The values, asked for once, when it's this tensor's turn to be written. */
  data(): TensorData;
}

/** Files beside the tensors, and the tensors' format. */
export interface SaveModelOptions {
  /** config.json as read; every field is kept, type of the weights and rotary fields are written as transformers 4 and 5 name them. */
  readonly config: Readonly<Record<string, unknown>>;
  /** generation_config.json; written when it has fields. */
  readonly generationConfig?: Readonly<Record<string, unknown>>;
  /** Element type of stored weights (default `float32`). */
  readonly dtype?: "float32" | "float16" | "bfloat16";
  /** Bytes of tensors a file at most, > 0 (default 5e9, as transformers 4); one larger tensor gets a file of its own. */
  readonly maxShardBytes?: number;
  /** More files by name, such as the tokenizer's. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

const DTYPES = { float32: "F32", float16: "F16", bfloat16: "BF16" } as const;
const WEIGHT_FILE = /^model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/;

/**
 * Writes `model.safetensors`, or shards with an index, then generation_config.json, the further files and config.json
 * last, each atomically; weight files of an earlier model in the directory go when all are written. Two tensors at most
 * are in memory.
 * @param directory Made if missing.
 * @param tensors Without `lm_head.weight` if the config ties it.
 * @returns Names of the files written.
 * @throws {RangeError} If a tied output is given, or a name comes twice.
 * @throws {Error} If the disk is full; the earlier files are still there.
 */
export function saveModel(
  directory: string,
  tensors: Iterable<ModelTensor>,
  options: SaveModelOptions,
): string[] {
  const saving = savingModel(directory, tensors, options);
  let turn = saving.next();
  while (!turn.done) turn = saving.next();
  return turn.value;
}

/**
 * As {@linkcode saveModel}, a tensor a turn; ended early it leaves whole files only.
 * @throws {RangeError} If a name comes twice, `maxShardBytes` isn't > 0, or a tied `lm_head.weight` is given
 */
export function* savingModel(
  directory: string,
  tensors: Iterable<ModelTensor>,
  options: SaveModelOptions,
): Generator<void, string[]> {
  const { config, generationConfig = {}, dtype = "float32", maxShardBytes = 5e9, files = {} } = options;
  const all = [...tensors].map((tensor) => ({
    ...tensor,
    data: () => tensor.data(),
    dtype: tensor.dtype ?? DTYPES[dtype],
  }));
  if (config.tie_word_embeddings === true && all.some(({ name }) => name === "lm_head.weight")) {
    throw new RangeError(
      `Cannot save ${directory}: lm_head.weight is tied to the embedding and isn't stored. Leave it out`,
    );
  }
  if (!(maxShardBytes > 0)) {
    throw new RangeError(`Cannot shard by maxShardBytes: current value is ${maxShardBytes}`);
  }
  const names = new Set<string>();
  for (const { name } of all) {
    if (names.has(name)) throw new RangeError(`Cannot save ${directory}: tensor "${name}" comes twice`);
    names.add(name);
  }

  Deno.mkdirSync(directory, { recursive: true });
  const shards = splitShards(all, maxShardBytes);
  const written: string[] = [];
  const weightMap: Record<string, string> = {};
  const number = (i: number) => String(i).padStart(5, "0");
  for (const [i, shard] of shards.entries()) {
    const name = shards.length === 1
      ? "model.safetensors"
      : `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
    yield* writingSafetensors(join(directory, name), shard);
    for (const tensor of shard) weightMap[tensor.name] = name;
    written.push(name);
  }
  const write = (name: string, data: string | Uint8Array) => {
    writeFileAtomicSync(join(directory, name), data);
    written.push(name);
  };
  if (shards.length > 1) {
    const metadata = {
      total_parameters: all.reduce(
        (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
        0,
      ),
      total_size: all.reduce((sum, tensor) => sum + tensorBytes(tensor), 0),
    };
    write("model.safetensors.index.json", toSortedJson({ metadata, weight_map: weightMap }));
  }
  if (Object.keys(generationConfig).length > 0) {
    write("generation_config.json", toSortedJson(generationConfig));
  }
  for (const [name, data] of Object.entries(files)) write(name, data);
  write("config.json", portableConfigText(config, dtype));
  for (const { name } of [...Deno.readDirSync(directory)]) {
    if (WEIGHT_FILE.test(name) && !written.includes(name)) Deno.removeSync(join(directory, name));
  }
  return written;
}

function splitShards<T extends { name: string; dtype: string; shape: readonly number[] }>(
  tensors: readonly T[],
  limit: number,
): T[][] {
  const shards: T[][] = [[]];
  let size = 0;
  for (const tensor of tensors) {
    const bytes = tensorBytes(tensor);
    if (size > 0 && size + bytes > limit) {
      shards.push([]);
      size = 0;
    }
    shards.at(-1)!.push(tensor);
    size += bytes;
  }
  return shards;
}
