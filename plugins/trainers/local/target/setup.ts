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
import {
  readValueHead,
  VALUE_HEAD_FILE,
  valueHeadShapes,
  writeValueHead,
} from "../../../../formats/value_head/value_head.ts";
import { converted, convertedConfig, type PissaStart, readConverted } from "./pissa.ts";
import type { TrainerInputs, WrittenFile } from "../../../kinds/trainer.ts";
import type { RunSetup } from "../open_engine.ts";
import type { Tuning, ValueHeadSettings } from "../../../../kernels/engine/weights/parameters.ts";
import { trainedShapes } from "../../../../kernels/engine/weights/parameters.ts";
import { HEAD, moduleShapes, tensorShapes } from "../../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../../kernels/engine/decoder/decoder_config.ts";
import { isOtherRule } from "../../../../kernels/engine/optimizer/rules.ts";
import { kaimingUniformA } from "../../../../kernels/random/counter.ts";
import type { ValueHeadStart } from "./value_head.ts";

/** Tensors by name, float32. */
export type Tensors = Record<string, Float32Array<ArrayBuffer>>;

/** Trained tensors, and their writer. */
export interface Target {
  tuning: Tuning;
  /** Initial tensors of LoRA and of a value head by the engine's names; {} where only the model's own are trained. */
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
  /** Trained and saved beside the rest, in the output head's place; null, the default: there is none. */
  valueHead?: ValueHeadStart | null;
}

/**
 * The trained tensors of a run.
 * @throws {RangeError} If a name of `lora_target` or of freeze's modules fits none, or the given adapter doesn't fit.
 */
export function makeTarget(
  config: TargetConfig,
  model: LoadedModel,
  decoder: DecoderConfig,
  { files, pissa = null, valueHead = null }: TargetParts,
): Target {
  const head = valueHead && { valueHead: { dropout: valueHead.dropout } };
  const target = config.finetuning_type === "lora"
    ? loraTarget(config, model, decoder, { files, pissa, head })
    : modelTarget(config, model, decoder, { files, head });
  if (!valueHead) return target;
  return {
    ...target,
    initial: { ...target.initial, ...valueHead.tensors },
    save: (directory, trained) => [
      ...target.save(directory, trained),
      { name: writeValueHead(directory, decoder.hiddenSize, trained), what: "value head" },
    ],
  };
}

/** The part of a tuning that names a value head; null: none. */
type HeadTuning = { valueHead: ValueHeadSettings } | null;

/** Adapters, and what is trained whole beside them. */
function loraTarget(
  config: TargetConfig,
  model: LoadedModel,
  decoder: DecoderConfig,
  { files, pissa, head }: { files: TargetParts["files"]; pissa: PissaStart | null; head: HeadTuning },
): Target {
  const shapes = moduleShapes(decoder);
  const given = config.adapter_name_or_path[0];
  const tensors = tensorShapes(decoder);
  const adapter = given === undefined ? null : readAdapter(given, shapes, decoder.moduleRoot, tensors);
  const lora: LoraConfig = adapter
    ? { ...adapter.config, baseModel: config.base_model ?? adapter.config.baseModel }
    : newLora(config, model, [...shapes.keys()]);
  const whole = savedTensors(lora.modulesToSave, tensors);
  if (head && whole.has(HEAD)) {
    throw new RangeError(
      `Cannot train a reward model with the output head whole (${
        given === undefined ? "additional_target" : `modules_to_save of ${given}`
      }): rewards are read from the hidden state, so it would learn nothing. Leave lm_head out`,
    );
  }
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
      ...head,
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
  { config, model, decoder, loss, fresh, embeddings }: Pick<
    TrainerInputs,
    "config" | "model" | "decoder" | "loss" | "fresh" | "embeddings"
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
    keepsOriginal: loss.labelMeasure === "divergence",
    ...(loss.labelMeasure && { labelMeasure: loss.labelMeasure }),
    optimizer: {
      betas: [config.adam_beta1, config.adam_beta2],
      epsilon: config.adam_epsilon,
      weightDecay: config.weight_decay,
      ...(isOtherRule(config.optim) && { rule: config.optim }),
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
  { files, head }: { files: TargetParts["files"]; head: HeadTuning },
): Target {
  checkWhole(model, decoder.moduleRoot);
  const shapes = tensorShapes(decoder), more = { ...processorFiles(model), ...files };
  const tuning: Tuning = config.finetuning_type === "freeze"
    ? { type: "freeze", tensors: freezeTargets(config, decoder), ...head }
    : { type: "full", ...head };
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
export function readTrainedAdapter(directory: string, target: Target, decoder: DecoderConfig): Tensors {
  return { ...adapterTensors(directory, target, decoder), ...savedValueHead(directory, target, decoder) };
}

function adapterTensors(directory: string, { pissa, tuning }: Target, decoder: DecoderConfig): Tensors {
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

/** The value head of a saved directory; {} of a run without one. @throws {RangeError} If it is missing */
function savedValueHead(
  directory: string,
  { tuning }: Pick<Target, "tuning">,
  { hiddenSize }: DecoderConfig,
): Tensors {
  if (!tuning.valueHead) return {};
  const read = readValueHead(directory, hiddenSize);
  if (read) return read;
  throw new RangeError(`Cannot read a reward model from ${directory}: it has no ${VALUE_HEAD_FILE}`);
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
    const ofHead = valueHeadShapes(decoder.hiddenSize),
      names = [...trainedShapes(decoder, target.tuning).keys()];
    return {
      ...Object.fromEntries(
        names.filter((name) => !ofHead.has(name)).map((name) => [name, source.read(name)]),
      ),
      ...savedValueHead(directory, target, decoder),
    };
  } finally {
    source.close();
  }
}
