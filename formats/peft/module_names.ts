/**
 * Names of modules in adapters of models that see: transformers' classes had the decoder under `model.` before 4.52 and have it under
 * `model.language_model.` since, and PEFT and LLaMA-Factory write the names of the class that was adapted.
 * @module
 */
import { item, valueOf } from "../elements.ts";
import { decoderName, isOfDecoder } from "../hf_model/text_part.ts";
import { type LoraConfig } from "./config.ts";
import { matchTargets, patternValue } from "./target_modules.ts";

/** In front of a module's name in an adapter's file. */
export const PEFT_PREFIX = "base_model.model.";

/** A spelling of modules' names, from the decoder's. */
export type ModuleSpelling = (module: string) => string;

/**
 * The spelling with the decoder under `root`, and what lies beside it where the same class has that.
 * @param root `model.`, `model.language_model.` or `language_model.model.`
 */
export function spellingOf(root: string): ModuleSpelling {
  return (module) => {
    if (module.startsWith("model.")) return `${root}${module.slice("model.".length)}`;
    if (isOfDecoder(module)) return root.startsWith("language_model.") ? `language_model.${module}` : module;
    return root === "model.language_model." ? `model.${module}` : module;
  };
}

/** The spelling of a file's tensors. */
export function spellingOfTensors(names: Iterable<string>): ModuleSpelling {
  for (const full of names) {
    const name = full.replace(PEFT_PREFIX, ""), plain = decoderName(name);
    if (name.startsWith("language_model.")) return spellingOf("language_model.model.");
    if (name.startsWith("model.language_model.") || (name.startsWith("model.") && !isOfDecoder(plain))) {
      return spellingOf("model.language_model.");
    }
  }
  return spellingOf("model.");
}

/** An adapter's tensors under names that start with {@linkcode PEFT_PREFIX} and the decoder's. */
export interface AdapterTensors {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>;
  readFloat32(name: string): Float32Array<ArrayBuffer>;
}

/** A file's tensors under the decoder's names. */
export function decoderTensors(file: AdapterTensors): AdapterTensors {
  const stored = new Map([...file.tensors.keys()].map((name) => [
    name.startsWith(PEFT_PREFIX) ? `${PEFT_PREFIX}${decoderName(name.slice(PEFT_PREFIX.length))}` : name,
    name,
  ]));
  return {
    path: file.path,
    tensors: new Map([...stored].map(([name, own]) => [name, file.tensors.get(own)!])),
    readFloat32: (name) => file.readFloat32(stored.get(name) ?? name),
  };
}

/**
 * A configuration that names each of its modules, from one that means them by endings or patterns.
 * @param from Names that the configuration means, of modules that it may mean
 * @param to Names to write, in the same order
 * @throws {RangeError} If it means none of them
 */
export function renamed(config: LoraConfig, from: readonly string[], to: readonly string[]): LoraConfig {
  const names = new Map(from.map((name, i) => [name, item(to, i)]));
  const targets = matchTargets(config, from);
  const byName = (pattern: LoraConfig["rankPattern"], otherwise: number) =>
    Object.fromEntries(
      targets.map((name) => [valueOf(names, name), patternValue(pattern, name, otherwise)] as const)
        .filter(([, value]) => value !== otherwise),
    );
  return {
    ...config,
    targetModules: targets.map((name) => valueOf(names, name)),
    excludeModules: null,
    layersToTransform: null,
    layersPattern: null,
    rankPattern: byName(config.rankPattern, config.r),
    alphaPattern: byName(config.alphaPattern, config.alpha),
  };
}
