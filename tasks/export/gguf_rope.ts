/**
 * Rotary frequencies as a GGUF file gives them: a base, and a factor, YaRN's keys or one divisor a frequency.
 * @module
 */
import { thetaOfFamily } from "../../formats/hf_model/default_theta.ts";
import { textConfigOf } from "../../formats/hf_model/mod.ts";
import { ConfigFields } from "../../plugins/models/config_fields.ts";
import { widenedTheta } from "../../plugins/models/rope.ts";
import { yarn } from "../../plugins/models/yarn.ts";
import { type GgufTyped, ROPE_DIVISORS } from "../../formats/gguf/mod.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";

/** Keys of a file, and its tensors of divisors, `[frequencies]`, by their names (`ROPE_DIVISORS`). */
export interface RopeKeys {
  keys: [string, GgufTyped][];
  divisors: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
}

/** A decoder's rotation. */
type Rotation = Pick<DecoderConfig, "inverseFrequencies" | "attentionFactor" | "windowRotation">;

/** Architectures that take divisors. */
const DIVIDED: readonly string[] = ["llama", "exaone4", "hunyuan-dense"];

/**
 * From frequencies θ^(−2i/d) / divisor, whose θ config.json has.
 * @throws {RangeError} If they differ in other ways than by one factor or by YaRN as llama.cpp computes it, and the architecture takes no divisors
 */
export function ropeKeys(
  config: Readonly<Record<string, unknown>>,
  rotation: Rotation,
  architecture: string,
): RopeKeys {
  const { inverseFrequencies, attentionFactor = 1 } = rotation, count = inverseFrequencies.length;
  const theta = thetaOf(config, 2 * count), none = new Map<string, Float32Array<ArrayBuffer>>();
  if (architecture === "olmo2") checkWindows(rotation, theta);
  const divisors = Array.from(inverseFrequencies, (frequency, i) => theta ** (-i / count) / frequency);
  const base: [string, GgufTyped] = [`${architecture}.rope.freq_base`, { type: "f32", value: theta }];
  const yarnOnes = yarnKeys(config, rotation, theta);
  const key = ([name, value]: [string, GgufTyped]): [string, GgufTyped] => [
    `${architecture}.rope.scaling.${name}`,
    value,
  ];
  if (yarnOnes !== null) return { keys: [base, ...yarnOnes.map(key)], divisors: none };
  const keys = [base, ...lengthKeys(attentionFactor).map(key)];
  if (architecture === "phi3") return byLength(config, { keys, divisors });
  const [factor = 1] = divisors;
  const near = (value: number) => Math.abs(factor / value - 1) < 1e-9;
  if (divisors.every(near)) {
    if (Math.abs(factor - 1) < 1e-9) return { keys, divisors: none };
    const linear: [string, GgufTyped][] = [["type", { type: "string", value: "linear" }], [
      "factor",
      f32(factor),
    ]];
    return { keys: [...keys, ...linear.map(key)], divisors: none };
  }
  if (!DIVIDED.includes(architecture)) {
    throw new RangeError(
      `Cannot write these rotary frequencies as GGUF as llama.cpp reads divisors for architectures ${
        DIVIDED.join(", ")
      } only: ` +
        `current value is ${architecture}; use export_format: safetensors`,
    );
  }
  return { keys, divisors: new Map([[ROPE_DIVISORS.all, Float32Array.from(divisors)]]) };
}

/** llama.cpp rotates OLMo 3's layers with a window by the base of all layers, unscaled. */
function checkWindows({ windowRotation }: Rotation, theta: number): void {
  if (windowRotation === undefined) return;
  const { inverseFrequencies, attentionFactor = 1 } = windowRotation, count = inverseFrequencies.length;
  const isPlain = inverseFrequencies.every((frequency, i) =>
    Math.abs(frequency * theta ** (i / count) - 1) < 1e-9
  );
  if (isPlain && attentionFactor === 1) return;
  throw new RangeError(
    "Cannot write an olmo3 model as GGUF as llama.cpp's architecture olmo2 has no " +
      `rotation of layers with a window other than that of base ${theta}: use export_format: safetensors`,
  );
}

/** Phi-3's: divisors of short texts, which are those of the model here, and of long ones, with the length between. */
function byLength(
  config: Readonly<Record<string, unknown>>,
  { keys, divisors }: { keys: [string, GgufTyped][]; divisors: number[] },
): RopeKeys {
  const fields = new ConfigFields(config, "config.json"), name = "original_max_position_embeddings";
  const original: [string, GgufTyped] = ["phi3.rope.scaling.original_context_length", {
    type: "u32",
    value: fields.count(name, 4096),
  }];
  const rope = ["rope_scaling", "rope_parameters"].map((key) => fields.object(key)).find((one) =>
    one?.has("long_factor")
  );
  const tensors = rope
    ? new Map([
      [ROPE_DIVISORS.long, Float32Array.from(rope.numbers("long_factor"))],
      [ROPE_DIVISORS.short, Float32Array.from(divisors)],
    ])
    : new Map<string, Float32Array<ArrayBuffer>>();
  return { keys: [...keys, original], divisors: tensors };
}

const f32 = (value: number): GgufTyped => ({ type: "f32", value });

/** Factor of the length of queries and keys in llama.cpp; it doesn't use `yarn_attn_factor`, which its converter writes. */
function lengthKeys(factor: number): [string, GgufTyped][] {
  return Math.abs(factor - 1) < 1e-7 ? [] : [["attn_factor", f32(factor)]];
}

/** Names behind `rope.scaling.`; null where config.json has no YaRN, or one whose ramp isn't llama.cpp's (`truncate`, betas). */
function yarnKeys(
  config: Readonly<Record<string, unknown>>,
  { inverseFrequencies, attentionFactor = 1 }: Rotation,
  theta: number,
): [string, GgufTyped][] | null {
  const text = new ConfigFields(textConfigOf(config), "config.json");
  const five = text.object("rope_parameters");
  const rope = [five?.object("full_attention"), five, text.object("rope_scaling")].find((fields) =>
    fields && [fields.text("rope_type", ""), fields.text("type", "")].includes("yarn")
  );
  if (!rope) return null;
  const name = "original_max_position_embeddings", most = text.positive("max_position_embeddings");
  const original = text.positive(name, rope.positive(name, most));
  const factor = rope.positive("factor", most / original);
  const plain = inverseFrequencies.map((_, i) => theta ** (-i / inverseFrequencies.length));
  const theirs = yarn(new ConfigFields({ factor }, "YaRN"), text, { theta, original, plain });
  const isTheirs = theirs.inverseFrequencies.every((frequency, i) =>
    Math.abs(frequency / (inverseFrequencies[i] ?? NaN) - 1) < 1e-6
  );
  if (!isTheirs) return null;
  return [
    ["type", { type: "string", value: "yarn" }],
    ["factor", f32(factor)],
    ["original_context_length", { type: "u32", value: original }],
    ...lengthKeys(attentionFactor / theirs.attentionFactor),
  ];
}

/** As `plugins/models/rope.ts` finds it, which has checked that spellings agree; with Hunyuan's alpha, as llama.cpp's converter writes it. */
function thetaOf(config: Readonly<Record<string, unknown>>, headDim: number): number {
  const scaling = (config.rope_scaling ?? config.rope_parameters ?? {}) as Record<string, unknown>;
  const { rope_type, type = rope_type, alpha } = scaling, theta = plainTheta(config);
  const isWidened = config.model_type === "hunyuan_v1_dense" && type === "dynamic" && Boolean(alpha);
  return isWidened ? widenedTheta(theta, Number(alpha), headDim) : theta;
}

function plainTheta(config: Readonly<Record<string, unknown>>): number {
  const text = textConfigOf(config);
  const five = text.rope_parameters as Record<string, unknown> | null | undefined;
  for (const rope of [five, five?.full_attention, text.rope_scaling, text]) {
    const theta = (rope as Record<string, unknown> | null | undefined)?.rope_theta;
    if (typeof theta === "number") return theta;
  }
  return thetaOfFamily(config.model_type);
}

/** Sections of transformers' classes where config.json has none. */
const SECTIONS: Readonly<Record<string, readonly number[]>> = {
  qwen2vl: [16, 24, 24],
  qwen3vl: [24, 20, 20],
};

/**
 * Keys of models that see, too: sections of the rotation, padded to four, and the layers that an image's features enter (DeepStack), as
 * llama.cpp's converter writes them; [] of others.
 */
export function sectionKeys(
  config: Readonly<Record<string, unknown>>,
  architecture: string,
): [string, GgufTyped][] {
  const standard = SECTIONS[architecture];
  if (standard === undefined) return [];
  const text = textConfigOf(config);
  const ropes = [text.rope_parameters, text.rope_scaling].map((rope) => rope as { mrope_section?: number[] });
  const sections = ropes.find((rope) => rope?.mrope_section !== undefined)?.mrope_section ?? standard;
  const { deepstack_visual_indexes: layers } = (config.vision_config ?? {}) as Record<string, unknown>;
  return [
    [`${architecture}.rope.dimension_sections`, { type: "i32s", value: [...sections.slice(0, 3), 0] }],
    ...(Array.isArray(layers)
      ? [[`${architecture}.n_deepstack_layers`, { type: "u32", value: layers.length }] as [string, GgufTyped]]
      : []),
  ];
}
