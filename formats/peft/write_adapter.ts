/**
 * PEFT adapter directories, written so that `peft` and vLLM load them.
 * @module
 */
import { join } from "@std/path";

import { writeFileAtomicSync } from "../atomic.ts";
import { toSortedJson } from "../hf_model/json.ts";
import { writeSafetensors } from "../safetensors/mod.ts";
import { loraOf, type LoraTensors, type ModuleShapes, TEXT_ROOT, type WholeTensor } from "./adapter.ts";
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS } from "./adapter_files.ts";
import { type LoraConfig, loraConfigFields } from "./config.ts";
import { PEFT_PREFIX, renamed, spellingOf } from "./module_names.ts";
import { loraNames } from "./names.ts";
import { matchTargets, patternValue } from "./target_modules.ts";

/**
 * Writes an adapter directory, float32, weights first.
 * @param directory Made if missing.
 * @param adapter `modules` by name: exactly those that `config` means; `whole`: tensors of the modules that are saved as a whole.
 * @param shapes Of the model's linear modules.
 * @param root As `readAdapter()`'s; where it isn't `model.`, every module is named, as LLaMA-Factory does it: endings of names may
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
  checkModules(directory, config, modules, targets);
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
  writeSafetensors(join(directory, ADAPTER_WEIGHTS), [...tensors, ...saved]);
  const ordered = {
    ...config,
    rankPattern: orderFree(config.rankPattern, targets, config.r),
    alphaPattern: orderFree(config.alphaPattern, targets, config.alpha),
  };
  const named = root === TEXT_ROOT ? ordered : renamed(config, targets, targets.map(spelling));
  writeFileAtomicSync(join(directory, ADAPTER_CONFIG), toSortedJson(loraConfigFields(named)).trimEnd());
}

/** Makes sure that an adapter has the matrices of its targets, with lengths of rows where its configuration says so. */
function checkModules(
  directory: string,
  config: LoraConfig,
  modules: ReadonlyMap<string, Pick<LoraTensors, "magnitude">>,
  targets: readonly string[],
): void {
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
