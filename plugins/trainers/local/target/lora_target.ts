/**
 * Adapters as what is trained, and what is trained whole beside them.
 * @module
 */
import { join } from "@std/path";

import { writeFileAtomicSync } from "../../../../formats/atomic.ts";
import { entryOf, valueOf } from "../../../../formats/elements.ts";
import {
  type LoraConfig,
  loraNames,
  loraOf,
  matchTargets,
  type ModuleShapes,
  readAdapter,
  savedTensors,
  writeAdapter,
} from "../../../../formats/peft/mod.ts";
import { HEAD, moduleShapes, tensorShapes } from "../../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../../kernels/engine/decoder/decoder_config.ts";
import type { Tuning } from "../../../../kernels/engine/weights/tuning.ts";
import { kaimingUniformA } from "../../../../kernels/random/counter.ts";
import { newLora } from "./new_lora.ts";
import { converted, convertedConfig, type PissaStart } from "./pissa.ts";
import type { HeadTuning, Target, TargetConfig, TargetModel, TargetParts, Tensors } from "./target.ts";
import { described } from "./written_files.ts";

/** Adapters before their first step. */
interface Adapters {
  lora: LoraConfig;
  /** The one that training goes on with; null: all are new. */
  saved: ReturnType<typeof readAdapter> | null;
  /** Modules that have one. */
  names: readonly string[];
  /** Shapes of tensors that are trained whole. */
  whole: ReadonlyMap<string, readonly number[]>;
}

/**
 * Adapters, and what is trained whole beside them.
 * @throws {RangeError} If a name of `lora_target` fits no module, the given adapter doesn't fit, or a reward model would train its output head
 */
export function loraTarget(
  config: TargetConfig,
  { model, decoder }: TargetModel,
  { files, pissa, head }: { files: TargetParts["files"]; pissa: PissaStart | null; head: HeadTuning },
): Target {
  const shapes = moduleShapes(decoder);
  const adapters = adaptersOf(config, model, decoder);
  if (head && adapters.whole.has(HEAD)) {
    const [path] = config.adapter_name_or_path;
    throw new RangeError(
      `Cannot train a reward model with the output head whole (${
        path === undefined ? "additional_target" : `modules_to_save of ${path}`
      }): rewards are read from the hidden state, so it would learn nothing. Leave lm_head out`,
    );
  }
  return {
    tuning: { ...tuningOf(adapters), ...head },
    initial: initialTensors(adapters, shapes, { pissa, seed: config.seed }),
    pissa,
    save: (directory, trained) => {
      writeAdapter(directory, trainedAdapter(adapters, pissa, trained), shapes, decoder.moduleRoot);
      for (const [name, content] of Object.entries(files)) {
        writeFileAtomicSync(join(directory, name), content);
      }
      return described(["adapter_config.json", "adapter_model.safetensors"], files);
    },
  };
}

function adaptersOf(config: TargetConfig, model: TargetModel["model"], decoder: DecoderConfig): Adapters {
  const shapes = moduleShapes(decoder), tensors = tensorShapes(decoder);
  const [path] = config.adapter_name_or_path;
  const saved = path === undefined ? null : readAdapter(path, shapes, decoder.moduleRoot, tensors);
  const lora = saved
    ? { ...saved.config, baseModel: config.base_model ?? saved.config.baseModel }
    : newLora(config, model, [...shapes.keys()]);
  return {
    lora,
    saved,
    names: saved ? [...saved.modules.keys()] : matchTargets(lora, [...shapes.keys()]),
    whole: savedTensors(lora.modulesToSave, tensors),
  };
}

function tuningOf({ lora, names, whole }: Adapters): Tuning & { type: "lora" } {
  const modules = Object.fromEntries(names.map((name) => {
    const { r, scale } = loraOf(lora, name);
    return [name, { rank: r, scale, ...(lora.useDora && { dora: true }) }];
  }));
  return {
    type: "lora",
    modules,
    dropout: lora.dropout,
    ...(whole.size > 0 && { whole: [...whole.keys()] }),
  };
}

/** Values before the first step: the saved adapter's, else the singular parts', else A drawn and B zero. */
function initialTensors(
  { lora, saved, names }: Adapters,
  shapes: ModuleShapes,
  { pissa, seed }: { pissa: PissaStart | null; seed: number },
): Tensors {
  const initial: Tensors = {};
  for (const name of names) {
    const [out, inner] = valueOf(shapes, name), { r } = loraOf(lora, name);
    const savedModule = saved?.modules.get(name), pair = savedModule ?? pissa?.get(name);
    const a = pair?.a ?? new Float32Array(r * inner);
    const tensor = loraNames(name);
    if (!pair) kaimingUniformA(a, inner, seed, tensor.a);
    initial[tensor.a] = a;
    initial[tensor.b] = pair?.b ?? new Float32Array(out * r);
    // those of a new adapter are the frozen rows', which the engine reads
    if (savedModule?.magnitude) initial[tensor.magnitude] = savedModule.magnitude;
  }
  for (const [name, { values }] of saved?.whole ?? []) initial[name] = values;
  return initial;
}

/** What is written: with PiSSA the adapters upon the model itself, of twice the rank. */
function trainedAdapter({ lora, names, whole }: Adapters, pissa: PissaStart | null, trained: Tensors) {
  const modules = new Map(names.map((name) => {
    const tensor = loraNames(name);
    return [name, {
      a: entryOf(trained, tensor.a),
      b: entryOf(trained, tensor.b),
      ...(lora.useDora && { magnitude: entryOf(trained, tensor.magnitude) }),
    }] as const;
  }));
  const adapter = pissa === null
    ? { config: lora, modules }
    : { config: convertedConfig(lora), modules: converted(modules, pissa, lora.r) };
  const wholeTensors = [...whole].map(([name, shape]) =>
    [name, { shape, values: entryOf(trained, name) }] as const
  );
  return { ...adapter, whole: new Map(wholeTensors) };
}
