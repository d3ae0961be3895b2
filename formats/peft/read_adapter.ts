/**
 * PEFT adapter directories, read to train on or to run, checked against the model.
 * @module
 */
import { SafetensorsFile } from "../safetensors/mod.ts";
import {
  type Adapter,
  loraOf,
  type LoraTensors,
  type ModuleShapes,
  type TensorShapes,
  TEXT_ROOT,
} from "./adapter.ts";
import { adapterWeightsPath, readAdapterFields } from "./adapter_files.ts";
import { checkAdapterTensors, loraTensorShapes } from "./adapter_tensors.ts";
import { type LoraConfig, parseLoraConfig } from "./config.ts";
import { decoderTensors, PEFT_PREFIX, renamed, spellingOfTensors } from "./module_names.ts";
import { loraNames } from "./names.ts";
import { matchTargets } from "./target_modules.ts";
import { savedTensors } from "./whole_fields.ts";

/** Fields of an adapter that is trained on: lengths of rows and whole modules are, too, which have no place where it only answers. */
export const TRAINED_FIELDS: readonly string[] = ["modules_to_save", "use_dora"];

/**
 * Reads only the configuration; errors as {@linkcode readAdapter}'s.
 * @param modules Names of the model's linear modules, by which the configuration of a model that sees names its own
 * @param root As {@linkcode readAdapter}'s
 * @param further Fields that the caller has a use for beside LoRA's: none, or {@linkcode TRAINED_FIELDS}
 */
export function readAdapterConfig(
  directory: string,
  modules: readonly string[] = [],
  root: string = TEXT_ROOT,
  further: readonly string[] = [],
): LoraConfig {
  const { fields, path } = readAdapterFields(directory);
  const config = parseLoraConfig(fields, path, further);
  if (root === TEXT_ROOT) return config;
  using file = new SafetensorsFile(adapterWeightsPath(directory));
  return renamed(config, modules.map(spellingOfTensors(file.tensors.keys())), modules);
}

/**
 * Reads an adapter for a model and checks all of it first.
 * @param shapes Of the model's linear modules.
 * @param root In front of the decoder's modules in transformers' class of the model; where it isn't `model.`, adapters with older
 * names are read, too.
 * @param tensors Of all tensors of the model, for an adapter that is trained on ({@linkcode TRAINED_FIELDS}); null of one that stands beside it
 * @throws {RangeError} If something isn't supported, or modules are missing in or foreign to the model; named.
 * @throws {TypeError} If a tensor has the wrong shape.
 * @throws {SyntaxError} If a file is damaged.
 */
export function readAdapter(
  directory: string,
  shapes: ModuleShapes,
  root: string = TEXT_ROOT,
  tensors: TensorShapes | null = null,
): Adapter {
  const further = tensors === null ? [] : TRAINED_FIELDS;
  const config = readAdapterConfig(directory, [...shapes.keys()], root, further);
  const whole = tensors === null
    ? new Map<string, readonly number[]>()
    : savedTensors(config.modulesToSave, tensors);
  const targets = matchTargets(config, [...shapes.keys()]);
  using stored = new SafetensorsFile(adapterWeightsPath(directory));
  const file = root === TEXT_ROOT ? stored : decoderTensors(stored);
  const saved = [...whole].map(([name, shape]) => [`${PEFT_PREFIX}${name}`, shape] as const);
  checkAdapterTensors(file, new Map([...loraTensorShapes(config, targets, shapes), ...saved]));
  const modules = targets.map((module): [string, LoraTensors] => {
    const names = loraNames(`${PEFT_PREFIX}${module}`);
    return [module, {
      ...loraOf(config, module),
      a: file.readFloat32(names.a),
      b: file.readFloat32(names.b),
      ...(config.useDora && { magnitude: file.readFloat32(names.magnitude) }),
    }];
  });
  return {
    config,
    modules: new Map(modules),
    ...(whole.size > 0 && {
      whole: new Map([...whole].map(([name, shape]) => [
        name,
        { shape, values: file.readFloat32(`${PEFT_PREFIX}${name}`) },
      ])),
    }),
  };
}
