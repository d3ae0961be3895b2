/**
 * Rotary frequencies as a GGUF file gives them: a base, and a factor or one divisor a frequency.
 * @module
 */
import { textConfigOf } from "../../formats/hf_model/mod.ts";
import type { GgufTyped } from "../../formats/gguf/mod.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder_config.ts";

/** Keys of a file, and the values of `rope_freqs.weight`, `[head / 2]`; null where it needs none. */
export interface RopeKeys {
  keys: [string, GgufTyped][];
  divisors: Float32Array<ArrayBuffer> | null;
}

/**
 * From frequencies θ^(−2i/d) / divisor, whose θ config.json has.
 * @throws {RangeError} If they differ in other ways than by one factor, and the architecture takes no divisors
 */
export function ropeKeys(
  config: Readonly<Record<string, unknown>>,
  { inverseFrequencies, headDim }: Pick<DecoderConfig, "inverseFrequencies" | "headDim">,
  architecture: string,
): RopeKeys {
  const theta = thetaOf(config);
  const divisors = Array.from(inverseFrequencies, (frequency, i) => theta ** (-2 * i / headDim) / frequency);
  const keys: [string, GgufTyped][] = [[`${architecture}.rope.freq_base`, { type: "f32", value: theta }]];
  const [factor = 1] = divisors;
  const near = (value: number) => Math.abs(factor / value - 1) < 1e-9;
  if (divisors.every(near)) {
    if (Math.abs(factor - 1) < 1e-9) return { keys, divisors: null };
    const scaling: [string, GgufTyped][] = [
      [`${architecture}.rope.scaling.type`, { type: "string", value: "linear" }],
      [`${architecture}.rope.scaling.factor`, { type: "f32", value: factor }],
    ];
    return { keys: [...keys, ...scaling], divisors: null };
  }
  if (architecture !== "llama") {
    throw new RangeError(
      `Cannot write these rotary frequencies as GGUF as llama.cpp reads divisors for architecture llama only: ` +
        `current value is ${architecture}; use export_format: safetensors`,
    );
  }
  return { keys, divisors: Float32Array.from(divisors) };
}

/** As `plugins/models/rope.ts` finds it, which has checked that spellings agree. */
function thetaOf(config: Readonly<Record<string, unknown>>): number {
  const text = textConfigOf(config);
  for (const rope of [text.rope_parameters, text.rope_scaling, text]) {
    const theta = (rope as Record<string, unknown> | null | undefined)?.rope_theta;
    if (typeof theta === "number") return theta;
  }
  return 10000;
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
