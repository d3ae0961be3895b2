/**
 * The value head of reward models: `value_head.safetensors` beside a model or an adapter, as LLaMA-Factory writes and trl's
 * AutoModelForCausalLMWithValueHead names it. It gives a token's number from its last hidden state: `weight · h + bias`.
 * @module
 */
import { join } from "@std/path";

import { exists } from "../exists.ts";
import { SafetensorsFile, writeSafetensors } from "../safetensors/mod.ts";

/** Name of the file. */
export const VALUE_HEAD_FILE = "value_head.safetensors";
/** Name of the same as PyTorch's pickle, which isn't read. */
export const PICKLED_VALUE_HEAD = "value_head.bin";

/** Name of the weight, `[1, hidden]`. */
export const VALUE_HEAD_WEIGHT = "v_head.summary.weight";
/** Name of the bias, `[1]`. */
export const VALUE_HEAD_BIAS = "v_head.summary.bias";

/** Shapes of a value head's tensors by their names. @param hiddenSize Width of a hidden state, ≥ 1 */
export function valueHeadShapes(hiddenSize: number): Map<string, number[]> {
  return new Map([[VALUE_HEAD_WEIGHT, [1, hiddenSize]], [VALUE_HEAD_BIAS, [1]]]);
}

/**
 * The value head in a folder by its tensors' names, float32; null where there is none.
 * @throws {TypeError} If it is of a model of another width
 * @throws {RangeError} If the file lacks a tensor, or there is only value_head.bin
 * @throws {SyntaxError} If the file is damaged
 */
export function readValueHead(
  folder: string,
  hiddenSize: number,
): Record<string, Float32Array<ArrayBuffer>> | null {
  const path = join(folder, VALUE_HEAD_FILE);
  if (!exists(path)) {
    if (!exists(join(folder, PICKLED_VALUE_HEAD))) return null;
    throw new RangeError(
      `Cannot read the value head of ${folder} as ${PICKLED_VALUE_HEAD} is PyTorch's pickle, which isn't opened here: write its two tensors to ` +
        `${VALUE_HEAD_FILE} (safetensors.torch.save_file), or remove it to begin with a fresh one`,
    );
  }
  using file = new SafetensorsFile(path);
  return Object.fromEntries(
    [...valueHeadShapes(hiddenSize)].map(([name, shape]) => {
      const found = file.tensors.get(name)?.shape;
      if (!found) throw new RangeError(`Cannot use ${path} as a value head: it has no tensor "${name}"`);
      if (String(found) !== String(shape)) {
        throw new TypeError(
          `Cannot use ${path} as a value head: tensor "${name}" needs to be [${shape}] beside a model of width ${hiddenSize}: current value is [${found}]`,
        );
      }
      return [name, file.readFloat32(name)];
    }),
  );
}

/** Writes the value head among `tensors`, by its names, into a folder; gives the file's name. */
export function writeValueHead(
  folder: string,
  hiddenSize: number,
  tensors: Readonly<Record<string, Float32Array<ArrayBuffer>>>,
): string {
  const written = [...valueHeadShapes(hiddenSize)].map(([name, shape]) => {
    const values = tensors[name];
    if (!values) throw new RangeError(`Cannot write ${VALUE_HEAD_FILE}: tensor "${name}" is missing`);
    return { name, dtype: "F32" as const, shape, data: () => values };
  });
  writeSafetensors(join(folder, VALUE_HEAD_FILE), written);
  return VALUE_HEAD_FILE;
}

/**
 * Rate at which training drops numbers of the hidden state that a value head reads: config.json's `summary_dropout_prob`, as trl reads it (null: none), else
 * 0.1.
 * @throws {RangeError} If it isn't a number in [0, 1)
 */
export function valueHeadDropout(config: Readonly<Record<string, unknown>>): number {
  const { summary_dropout_prob: given = 0.1 } = config, rate = given ?? 0;
  if (typeof rate === "number" && rate >= 0 && rate < 1) return rate;
  throw new RangeError(
    `Cannot train a value head as summary_dropout_prob of config.json needs to be a number in [0, 1): current value is ${
      JSON.stringify(rate)
    }`,
  );
}
