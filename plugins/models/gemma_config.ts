/**
 * What Google's Gemma models of all generations have in common: norms kept less 1, GeGLU, scaled embeddings.
 * @module
 */
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import type { ConfigFields } from "./config_fields.ts";

/** Names in transformers of GELU by its tanh approximation. */
export const GELU_TANH: readonly [string, ...string[]] = ["gelu_pytorch_tanh", "gelu_new"];

/** Parts of a decoder that no field of config.json says. */
export function gemmaParts({ hiddenSize }: Pick<DecoderConfig, "hiddenSize">) {
  return {
    normOffset: 1,
    gateActivation: "gelu_tanh",
    embeddingScale: Math.fround(Math.sqrt(hiddenSize)),
    noiseBehindScale: true,
  } as const;
}

/** Factor of scores: 1 / √query_pre_attn_scalar, 256 where it is missing. */
export function gemmaAttentionScale(fields: ConfigFields): number {
  return 1 / Math.sqrt(fields.positive("query_pre_attn_scalar", 256));
}

/**
 * A cap of scores or logits: above 0, or nothing where config.json has null.
 * @param byDefault That of transformers' class, where config.json doesn't mention it
 * @throws {RangeError} If it is something else
 */
export function gemmaCap(fields: ConfigFields, name: string, byDefault: number | null): number | null {
  if (fields.mentions(name) ? !fields.has(name) : byDefault === null) return null;
  return fields.positive(name, byDefault ?? undefined);
}

/** @throws {RangeError} If tokens see what stands behind them */
export function refuseBidirectional(fields: ConfigFields): void {
  if (!fields.flag("use_bidirectional_attention", false)) return;
  throw fields.unsupported(
    "use_bidirectional_attention",
    "only attention to what stands before is supported",
  );
}

/**
 * Window of each layer: `layer_types` names each; without it every `pattern`-th has none.
 * @throws {RangeError} If layers have a window whose size is null
 */
export function gemmaWindows(fields: ConfigFields, layers: number, pattern: number): (number | null)[] {
  const types = fields.texts("layer_types") ??
    Array.from(
      { length: layers },
      (_, i) => (i + 1) % pattern === 0 ? "full_attention" : "sliding_attention",
    );
  const isOpen = fields.mentions("sliding_window") && !fields.has("sliding_window");
  if (isOpen && types.includes("sliding_attention")) {
    throw fields.unsupported("sliding_window", "layers of type sliding_attention need it");
  }
  const window = isOpen ? null : fields.count("sliding_window", 4096);
  return Array.from({ length: layers }, (_, i) => types[i] === "sliding_attention" ? window : null);
}
