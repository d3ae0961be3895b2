/**
 * What is trained of a model: adapters, tensors of its own, all of it, and a value head.
 * @module
 */
import { valueHeadShapes } from "../../../formats/value_head/value_head.ts";
import type { BlockLora, LoraModule } from "../decoder/decoder.ts";
import {
  HEAD,
  type LinearModule,
  linearModules,
  loraShapes,
  ofLayer,
  tensorShapes,
} from "../decoder/decoder.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";

/** A value head in the output head's place: a number for a token, trained with the rest (stage rm). */
export interface ValueHeadSettings {
  /** Rate at which a training pass drops numbers of the hidden state that it reads, in [0, 1). */
  dropout: number;
}

/** The trained parameters, with the head that they are trained for. */
export type Tuning = TunedModel & {
  /** Absent: the model's own output head, and log-probabilities. */
  valueHead?: ValueHeadSettings;
};

/** The trained parameters of the model. LoRA modules are named in full, such as `model.layers.0.self_attn.q_proj`. */
export type TunedModel =
  | {
    type: "lora";
    modules: Readonly<Record<string, LoraModule>>;
    dropout: number;
    /** Tensors of the model that are trained beside the adapters, by their names; the frozen ones stay for passes without adapters. */
    whole?: readonly string[];
  }
  | { type: "full" }
  /** Some of the model's own tensors, by their names. */
  | { type: "freeze"; tensors: readonly string[] }
  | { type: "none" };

/** LoRA modules of block `layer`. */
export function loraOfLayer(config: DecoderConfig, tuning: Tuning, layer: number): BlockLora {
  if (tuning.type !== "lora") return {};
  const found: Partial<Record<LinearModule, LoraModule>> = {};
  for (const module of linearModules(config)) {
    const spec = tuning.modules[ofLayer(layer, module)];
    if (spec) found[module] = spec;
  }
  return found;
}

/** True if a tensor of the model itself is trained. An output head that a value head stands for isn't: nothing reads it. */
export function isTuned(name: string, tuning: Tuning): boolean {
  if (tuning.valueHead && name === HEAD) return false;
  if (tuning.type === "lora") return tuning.whole?.includes(name) ?? false;
  return tuning.type === "full" || (tuning.type === "freeze" && tuning.tensors.includes(name));
}

/** Shapes of everything that is trained, by name. */
export function trainedShapes(config: DecoderConfig, tuning: Tuning): Map<string, readonly number[]> {
  const own = [...tensorShapes(config)].filter(([name]) => isTuned(name, tuning));
  const values = tuning.valueHead ? valueHeadShapes(config.hiddenSize) : [];
  if (tuning.type === "full" || tuning.type === "freeze") return new Map([...own, ...values]);
  const shapes = new Map<string, readonly number[]>();
  for (let i = 0; i < config.numLayers; i++) {
    for (const [name, shape] of loraShapes(config, loraOfLayer(config, tuning, i))) {
      shapes.set(ofLayer(i, name), shape);
    }
  }
  for (const [name, shape] of [...own, ...values]) shapes.set(name, shape);
  return shapes;
}
