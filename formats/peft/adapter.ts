/**
 * PEFT adapter directories (adapter_model.safetensors, adapter_config.json): read to train on or to run, and written so
 * that `peft` and vLLM load them.
 * @module
 */
import { join, resolve } from "@std/path";

import { valueOf } from "../elements.ts";
import { shown } from "../message.ts";
import { writeFileAtomicSync } from "../atomic.ts";
import { nearEntry } from "../near_entry.ts";
import { isHubId } from "../hf_model/hub_id.ts";
import { readJsonFile, toSortedJson } from "../hf_model/json.ts";
import { SafetensorsFile, writeSafetensors } from "../safetensors/mod.ts";
import { type LoraConfig, loraConfigFields, parseLoraConfig } from "./config.ts";
import {
  type AdapterTensors,
  decoderTensors,
  PEFT_PREFIX,
  renamed,
  spellingOf,
  spellingOfTensors,
} from "./module_names.ts";
import { loraNames } from "./names.ts";
import { matchTargets, patternValue } from "./target_modules.ts";
import { savedTensors } from "./whole_fields.ts";

/** The tensors of one module; the module computes `W x + scale · B A x`, each row of `W + scale · B A` of its length with DoRA. */
export interface LoraTensors {
  /** Rank of A and B, ≥ 1. */
  readonly r: number;
  /** α. */
  readonly alpha: number;
  /** α/r, or α/√r with rsLoRA. */
  readonly scale: number;
  /** `[r, in]`, row-major. */
  readonly a: Float32Array<ArrayBuffer>;
  /** `[out, r]`, row-major. */
  readonly b: Float32Array<ArrayBuffer>;
  /** DoRA's lengths of the merged weight's rows, `[out]`; absent without it. */
  readonly magnitude?: Float32Array<ArrayBuffer>;
}

/** An adapter in memory. */
export interface Adapter {
  /** The contents of adapter_config.json. */
  readonly config: LoraConfig;
  /** By module name in transformers, such as `model.layers.0.self_attn.q_proj`. */
  readonly modules: ReadonlyMap<string, LoraTensors>;
  /** Values that take the place of the model's tensors, by their names in transformers (`modules_to_save`); absent: none. */
  readonly whole?: ReadonlyMap<string, WholeTensor>;
}

/** A tensor that an adapter has as a whole. */
export interface WholeTensor {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array<ArrayBuffer>;
}

/** `[out, in]` of every linear module of a model but its output head, by name. */
export type ModuleShapes = ReadonlyMap<string, readonly [number, number]>;

/** Shapes of a model's tensors by their names in transformers. */
export type TensorShapes = ReadonlyMap<string, readonly number[]>;

/** Fields of an adapter that is trained on: lengths of rows and whole modules are, too, which have no place where it only answers. */
export const TRAINED_FIELDS: readonly string[] = ["modules_to_save", "use_dora"];

const CONFIG = "adapter_config.json", WEIGHTS = "adapter_model.safetensors";
/** Where the decoder's modules are in transformers' class of a text model. */
const TEXT_ROOT = "model.";

/** Rank, α and scale of one module, patterns applied. */
export function loraOf(config: LoraConfig, module: string): Pick<LoraTensors, "r" | "alpha" | "scale"> {
  const r = patternValue(config.rankPattern, module, config.r);
  const alpha = patternValue(config.alphaPattern, module, config.alpha);
  return { r, alpha, scale: config.useRslora ? alpha / Math.sqrt(r) : alpha / r };
}

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
 * The fields of adapter_config.json as they are.
 * @throws {RangeError} If there is no such folder, or it holds no adapter
 */
export function readAdapterFields(directory: string): { fields: Record<string, unknown>; path: string } {
  const names = namesIn(directory);
  if (!names.includes(CONFIG)) {
    throw new RangeError(
      `Cannot open ${directory} as an adapter: it has no ${CONFIG}` +
        (names.includes("config.json") ? "; it is a whole model: name it as model_name_or_path" : ""),
    );
  }
  const path = join(directory, CONFIG);
  return { fields: readJsonFile(path), path };
}

/**
 * Path of an adapter's tensors.
 * @throws {RangeError} If there is no such file
 */
export function adapterWeightsPath(directory: string): string {
  const names = namesIn(directory);
  if (names.includes(WEIGHTS)) return join(directory, WEIGHTS);
  const hint = names.includes("adapter_model.bin") ? "; save adapter_model.bin again with safetensors" : "";
  throw new RangeError(`Cannot open ${directory} as an adapter: it has no ${WEIGHTS}${hint}`);
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

function namesIn(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map((entry) => entry.name);
  } catch (error) {
    const problem = error instanceof Deno.errors.NotFound
      ? `there is no such folder${
        isHubId(directory)
          ? `; from the hub, download its ${CONFIG} and ${WEIGHTS} first and name the folder that has them`
          : nearEntry(directory)
      }`
      : error instanceof Deno.errors.NotADirectory
      ? `it is a file: name its folder, which has ${CONFIG}`
      : (error as Error).message;
    throw new RangeError(`Cannot open ${resolve(directory)} as an adapter: ${problem}`, { cause: error });
  }
}

/** Shapes of the tensors of each module, by their names in an adapter's file. */
export function loraTensorShapes(
  config: LoraConfig,
  targets: readonly string[],
  shapes: ModuleShapes,
): Map<string, readonly number[]> {
  return new Map(targets.flatMap((module): (readonly [string, readonly number[]])[] => {
    const [outputs, inputs] = valueOf(shapes, module);
    const { r } = loraOf(config, module);
    const names = loraNames(`${PEFT_PREFIX}${module}`);
    const magnitude = config.useDora ? [[names.magnitude, [outputs]] as const] : [];
    return [[names.a, [r, inputs]], [names.b, [outputs, r]], ...magnitude];
  }));
}

/**
 * Makes sure that a file has just these tensors.
 * @param merger Way to merge an adapter of embeddings, for messages
 * @throws {RangeError} If one has no place, or is missing
 * @throws {TypeError} If one has another shape
 */
export function checkAdapterTensors(
  file: Pick<AdapterTensors, "path" | "tensors">,
  expected: ReadonlyMap<string, readonly number[]>,
  merger = "by `deno task export`",
): void {
  for (const name of file.tensors.keys()) {
    if (expected.has(name)) continue;
    const [, outer] = /\.(lm_head|embed_tokens)\./.exec(name) ?? [];
    if (outer !== undefined) {
      throw new RangeError(
        `Cannot use the adapter ${file.path}: it tunes ${outer}, by ${
          shown(name)
        }; only the layers' linear modules are supported. Merge the adapter ${merger}, or train one without it`,
      );
    }
    const [, beside] = /^base_model\.model\.(visual|vision_tower|multi_modal_projector)\./.exec(name) ?? [];
    throw new RangeError(
      beside !== undefined && name.includes(".lora_")
        ? `Cannot use the adapter ${file.path}: it tunes the part that sees, by ${
          shown(name)
        }; only the language part's linear modules are supported. Merge the adapter ${merger}, or train one without it`
        : `Cannot use the adapter ${file.path}: tensor ${
          shown(name)
        } has no place in the model. Is it of another model?`,
    );
  }
  for (const [name, shape] of expected) {
    const found = file.tensors.get(name)?.shape;
    if (!found) {
      throw new RangeError(
        `Cannot use the adapter ${file.path}: tensor ${
          shown(name)
        }, which target_modules ask for, is missing`,
      );
    }
    if (found.length !== shape.length || found.some((size, i) => size !== shape[i])) {
      throw new TypeError(
        `Cannot use the adapter ${file.path}: tensor ${shown(name)} has the shape [${
          found.join(", ")
        }], the model and ` +
          `the configuration ask for [${shape.join(", ")}]`,
      );
    }
  }
}

/**
 * Writes an adapter directory, float32, weights first.
 * @param directory Made if missing.
 * @param adapter `modules` by name: exactly those that `config` means; `whole`: tensors of the modules that are saved as a whole.
 * @param shapes Of the model's linear modules.
 * @param root As {@linkcode readAdapter}'s; where it isn't `model.`, every module is named, as LLaMA-Factory does it: endings of names may
 * be those of modules beside the decoder, too.
 * @throws {RangeError} If `modules` aren't those that `config.targetModules` mean, so that a reader would miss some.
 * @throws {TypeError} If a tensor doesn't have its size.
 * @throws {Error} If the disk is full; the earlier files are still there.
 */
export function writeAdapter(
  directory: string,
  { config, modules, whole = new Map() }: {
    config: LoraConfig;
    modules: ReadonlyMap<string, Pick<LoraTensors, "a" | "b" | "magnitude">>;
    whole?: ReadonlyMap<string, WholeTensor>;
  },
  shapes: ModuleShapes,
  root: string = TEXT_ROOT,
): void {
  const targets = matchTargets(config, [...shapes.keys()]);
  const missing = targets.filter((module) => !modules.has(module));
  const more = [...modules.keys()].filter((module) => !targets.includes(module));
  if (missing.length || more.length) {
    throw new RangeError(
      `Cannot write the adapter ${directory}: target_modules and matrices differ in ${
        [...missing, ...more].join(", ")
      }`,
    );
  }
  const odd = targets.find((name) => config.useDora !== (modules.get(name)?.magnitude !== undefined));
  if (odd !== undefined) {
    throw new RangeError(
      `Cannot write the adapter ${directory} with use_dora: ${config.useDora}: lengths of the rows of ${odd} are ${
        config.useDora ? "missing" : "there"
      }`,
    );
  }
  const spelling = spellingOf(root);
  const tensors = targets.flatMap((module) => {
    const [outputs, inputs] = shapes.get(module)!;
    const { r } = loraOf(config, module);
    const { a, b, magnitude } = modules.get(module)!;
    const names = loraNames(`${PEFT_PREFIX}${spelling(module)}`);
    return [
      { name: names.a, dtype: "F32", shape: [r, inputs], data: () => a },
      { name: names.b, dtype: "F32", shape: [outputs, r], data: () => b },
      ...magnitude === undefined
        ? []
        : [{ name: names.magnitude, dtype: "F32", shape: [outputs], data: () => magnitude }],
    ];
  });
  const saved = [...whole].map(([name, { shape, values }]) => ({
    name: `${PEFT_PREFIX}${spelling(name)}`,
    dtype: "F32",
    shape: [...shape],
    data: () => values,
  }));
  Deno.mkdirSync(directory, { recursive: true });
  writeSafetensors(join(directory, WEIGHTS), [...tensors, ...saved]);
  const ordered = {
    ...config,
    rankPattern: orderFree(config.rankPattern, targets, config.r),
    alphaPattern: orderFree(config.alphaPattern, targets, config.alpha),
  };
  const named = root === TEXT_ROOT ? ordered : renamed(config, targets, targets.map(spelling));
  writeFileAtomicSync(join(directory, CONFIG), toSortedJson(loraConfigFields(named)).trimEnd());
}

/**
 * The first fitting key counts, but the file's keys are sorted: where that would choose another one, every module is
 * named in full.
 */
function orderFree(
  pattern: LoraConfig["rankPattern"],
  modules: readonly string[],
  otherwise: number,
): LoraConfig["rankPattern"] {
  const keys = Object.keys(pattern).sort();
  const sorted = Object.fromEntries(keys.map((key) => [key, pattern[key]!]));
  const value = (module: string) => patternValue(pattern, module, otherwise);
  if (modules.every((module) => patternValue(sorted, module, otherwise) === value(module))) return pattern;
  return Object.fromEntries(modules.map((module) => [module, value(module)]));
}
