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
