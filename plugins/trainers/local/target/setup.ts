/**
 * From a configuration to what the engine needs: which modules are adapted, their initial values, how the run is saved.
 * @module
 */
import { join } from "@std/path";

import { entryOf, valueOf } from "../../../../formats/elements.ts";
import { writeFileAtomicSync } from "../../../../formats/atomic.ts";
import {
  asStored,
  checkWhole,
  processorFiles,
  saveModel,
  type WeightSource,
} from "../../../../formats/hf_model/mod.ts";
import type { LoadedModel } from "../../../../formats/hf_model/mod.ts";
import {
  type LoraConfig,
  loraNames,
  loraOf,
  loraTensors,
  matchTargets,
  readAdapter,
  savedTensors,
  writeAdapter,
} from "../../../../formats/peft/mod.ts";
import { type FreezeKeys, freezeTargets } from "../../../kinds/targets/freeze_targets.ts";
import { targetModules } from "../../../kinds/targets/lora_targets.ts";
import type { TrainConfig } from "../../../kinds/train_config.ts";
import { converted, convertedConfig, type PissaStart, readConverted } from "./pissa.ts";
import type { TrainerInputs, WrittenFile } from "../../../kinds/trainer.ts";
import type { RunSetup } from "../open_engine.ts";
import type { Tuning } from "../../../../kernels/engine/weights/parameters.ts";
import { trainedShapes } from "../../../../kernels/engine/weights/parameters.ts";
import { moduleShapes, tensorShapes } from "../../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../../kernels/engine/decoder/decoder_config.ts";
import { kaimingUniformA } from "../../../../kernels/random/counter.ts";

/** Tensors by name, float32. */
export type Tensors = Record<string, Float32Array<ArrayBuffer>>;

/** Trained tensors, and their writer. */
export interface Target {
  tuning: Tuning;
  /** Initial LoRA tensors by the engine's names; {} where the model's own are trained. */
  initial: Tensors;
  /** With PiSSA: A₀ and B₀, without which base and adapter aren't known; null without. */
  pissa: PissaStart | null;
  /** Writes trained tensors as an adapter or model directory, with the files beside them. Gives the files. */
  save(directory: string, trained: Tensors): WrittenFile[];
}

/** Keys of a configuration that decide what is trained. */
export type TargetConfig =
  & Pick<
    TrainConfig,
    | "finetuning_type"
    | "adapter_name_or_path"
    | "model_name_or_path"
    | "base_model"
    | "lora_target"
    | "lora_rank"
    | "lora_alpha"
    | "lora_dropout"
    | "additional_target"
    | "use_rslora"
    | "use_dora"
    | "pissa_init"
    | "seed"
  >
  & FreezeKeys;

/** What goes into the trained tensors of a run, and beside them. */
export interface TargetParts {
  /** Written beside the weights, by name. */
  files: Record<string, string | Uint8Array>;
  /** Initial adapters of a run with `pissa_init`; what is saved is upon the model itself, of twice their rank. Default null. */
  pissa?: PissaStart | null;
}

/**
 * The trained tensors of a run.
 * @throws {RangeError} If a name of `lora_target` or of freeze's modules fits none, or the given adapter doesn't fit.
 */
export function makeTarget(
  config: TargetConfig,
  model: LoadedModel,
  decoder: DecoderConfig,
  { files, pissa = null }: TargetParts,
): Target {
  if (config.finetuning_type !== "lora") return modelTarget(config, model, decoder, files);
  const shapes = moduleShapes(decoder);
  const given = config.adapter_name_or_path[0];
  const tensors = tensorShapes(decoder);
  const adapter = given === undefined ? null : readAdapter(given, shapes, decoder.moduleRoot, tensors);
  const lora: LoraConfig = adapter
    ? { ...adapter.config, baseModel: config.base_model ?? adapter.config.baseModel }
    : newLora(config, model, [...shapes.keys()]);
  const whole = savedTensors(lora.modulesToSave, tensors);
  const names = adapter ? [...adapter.modules.keys()] : matchTargets(lora, [...shapes.keys()]);
  const initial: Tensors = {};
  for (const name of names) {
    const [out, inner] = valueOf(shapes, name), { r } = loraOf(lora, name), have = adapter?.modules.get(name);
    const first = have ?? pissa?.get(name);
    const a = first?.a ?? new Float32Array(r * inner);
    const tensor = loraNames(name);
    if (!first) kaimingUniformA(a, inner, config.seed, tensor.a);
    initial[tensor.a] = a;
    initial[tensor.b] = first?.b ?? new Float32Array(out * r);
    // those of a new adapter are the frozen rows', which the engine reads
    if (have?.magnitude) initial[tensor.magnitude] = have.magnitude;
  }
  for (const [name, { values }] of adapter?.whole ?? []) initial[name] = values;
  const modules = Object.fromEntries(names.map((name) => {
    const { r, scale } = loraOf(lora, name);
    return [name, { rank: r, scale, ...(lora.useDora && { dora: true }) }];
  }));
  return {
    tuning: {
      type: "lora",
      modules,
      dropout: lora.dropout,
      ...(whole.size > 0 && { whole: [...whole.keys()] }),
    },
    initial,
    pissa,
    save: (directory, trained) => {
      const pairs = names.map((name) => {
        const tensor = loraNames(name);
        return [name, {
          a: entryOf(trained, tensor.a),
          b: entryOf(trained, tensor.b),
          ...(lora.useDora && { magnitude: entryOf(trained, tensor.magnitude) }),
        }] as const;
      });
      const plain = pissa === null
        ? { config: lora, modules: new Map(pairs) }
        : { config: convertedConfig(lora), modules: converted(new Map(pairs), pissa, lora.r) };
      const saved = new Map(
        [...whole].map(([name, shape]) => [name, { shape, values: entryOf(trained, name) }]),
      );
      writeAdapter(directory, { ...plain, whole: saved }, shapes, decoder.moduleRoot);
      for (const [name, data] of Object.entries(files)) writeFileAtomicSync(join(directory, name), data);
      return described(["adapter_config.json", "adapter_model.safetensors"], files);
    },
  };
}

/**
 * Everything that a run's engine is made from.
 * @param merged Folders of adapters that are merged into the model, in turn
 */
export function engineSetup(
  { config, model, decoder, fresh, embeddings }: Pick<
    TrainerInputs,
    "config" | "model" | "decoder" | "fresh" | "embeddings"
  >,
  { tuning, initial }: Target,
  merged: readonly string[] = [],
): RunSetup {
  return {
    modelPath: model.path,
    ...(fresh && { fresh }),
    ...(embeddings && { embeddings }),
    merged,
    decoder,
    tuning,
    initial,
    checkpointing: !config.disable_gradient_checkpointing,
    quantizationBit: config.quantization_bit,
    seed: config.seed,
    labelSmoothing: config.label_smoothing_factor,
    neftuneAlpha: config.neftune_noise_alpha ?? 0,
    optimizer: {
      betas: [config.adam_beta1, config.adam_beta2],
      epsilon: config.adam_epsilon,
      weightDecay: config.weight_decay,
      ...(config.loraplus_lr_ratio !== null && { ratioOfB: config.loraplus_lr_ratio }),
    },
  };
}

/** The configuration of an adapter that is made for a run. */
export function newLora(
  config: TargetConfig,
  model: Pick<LoadedModel, "hubId">,
  modules: readonly string[],
): LoraConfig {
  return {
    baseModel: config.base_model ?? model.hubId ?? config.model_name_or_path,
    revision: null,
    r: config.lora_rank,
    alpha: config.lora_alpha,
    dropout: config.lora_dropout,
    useRslora: config.use_rslora,
    useDora: config.use_dora,
    rankPattern: {},
    alphaPattern: {},
    targetModules: targetModules(config, modules),
    ...(config.additional_target.length > 0 && { modulesToSave: config.additional_target }),
  };
}

/** The model's own tensors, all or some; those that stay as they are are saved with the others. */
function modelTarget(
  config: TargetConfig,
  model: LoadedModel,
  decoder: DecoderConfig,
  files: Record<string, string | Uint8Array>,
): Target {
  checkWhole(model, decoder.moduleRoot);
  const shapes = tensorShapes(decoder), more = { ...processorFiles(model), ...files };
  const tuning: Tuning = config.finetuning_type === "freeze"
    ? { type: "freeze", tensors: freezeTargets(config, decoder) }
    : { type: "full" };
  const own = trainedShapes(decoder, tuning);
  return {
    tuning,
    initial: {},
    pissa: null,
    save: (directory, trained) => {
      const tensors = [...shapes].map(([name, shape]) => ({
        name,
        shape,
        data: () => own.has(name) ? entryOf(trained, name) : model.weights.read(name),
      }));
      const written = saveModel(directory, asStored(model, tensors), {
        config: model.config,
        generationConfig: model.generationConfig,
        files: more,
      });
      return described(written.filter((name) => !Object.hasOwn(more, name)).sort(), more);
    },
  };
}

function described(trained: readonly string[], files: Readonly<Record<string, unknown>>): WrittenFile[] {
  return [
    ...trained.map((name) => ({
      name,
      what: name.endsWith(".safetensors") ? "trained weights" : "configuration of what was trained",
    })),
    ...Object.keys(files).map((name) => ({
      name,
      what: /processor_config\.json$/.test(name) ? "image processor, the model's own" : "tokenizer",
    })),
  ];
}

/** Trained tensors of a saved adapter. */
export function readTrainedAdapter(
  directory: string,
  { pissa, tuning }: Target,
  decoder: DecoderConfig,
): Tensors {
  const shapes = moduleShapes(decoder);
  if (pissa !== null && tuning.type === "lora") {
    const [first] = Object.values(tuning.modules);
    return loraTensors(readConverted(directory, first?.rank ?? 1, shapes, decoder.moduleRoot).trained);
  }
  const { modules, whole = [] } = readAdapter(
    directory,
    shapes,
    decoder.moduleRoot,
    tensorShapes(decoder),
  );
  return {
    ...loraTensors(modules),
    ...Object.fromEntries([...whole].map(([name, { values }]) => [name, values])),
  };
}

/** Trained tensors of a saved directory, for resuming and for the best checkpoint. */
export async function readTrained(
  directory: string,
  target: Target,
  decoder: DecoderConfig,
  weights: (path: string) => Promise<WeightSource>,
): Promise<Tensors> {
  if (target.tuning.type === "lora") return readTrainedAdapter(directory, target, decoder);
  const source = await weights(directory);
  try {
    return Object.fromEntries(
      [...trainedShapes(decoder, target.tuning).keys()].map((name) => [name, source.read(name)]),
    );
  } finally {
    source.close();
  }
}
