/**
 * A decoder's norms: where they stand in a block, their names in transformers, and what a kernel is told of them.
 * @module
 */
import type { Attributes } from "../../kernel.ts";
import type { DecoderConfig } from "./decoder_config.ts";

/** Norms around one half of a block: of its input, and of what it gives before that joins the stream; null: none. */
export interface NormsAround {
  readonly before: string | null;
  readonly after: string | null;
}

const PLACES: Readonly<
  Record<NonNullable<DecoderConfig["normPlaces"]>, Record<"attention" | "mlp", NormsAround>>
> = {
  before: {
    attention: { before: "input_layernorm", after: null },
    mlp: { before: "post_attention_layernorm", after: null },
  },
  after: {
    attention: { before: null, after: "post_attention_layernorm" },
    mlp: { before: null, after: "post_feedforward_layernorm" },
  },
  both: {
    attention: { before: "input_layernorm", after: "post_attention_layernorm" },
    mlp: { before: "pre_feedforward_layernorm", after: "post_feedforward_layernorm" },
  },
  both_glm4: {
    attention: { before: "input_layernorm", after: "post_self_attn_layernorm" },
    mlp: { before: "post_attention_layernorm", after: "post_mlp_layernorm" },
  },
};

/** Names of the norms around attention and MLP, in front of `.weight`. */
export function normsOf(
  { normPlaces = "before" }: Pick<DecoderConfig, "normPlaces">,
): Record<"attention" | "mlp", NormsAround> {
  return PLACES[normPlaces];
}

/** Names of a block's norms of width hidden_size, in their order. */
export function blockNormNames(config: Pick<DecoderConfig, "normPlaces">): string[] {
  const { attention, mlp } = normsOf(config);
  return [attention.before, attention.after, mlp.before, mlp.after].filter((name) => name !== null);
}

/** Names of the norms of queries and keys, in front of `.weight`. */
export function qkNormsOf({ qkNormBehind = false }: Pick<DecoderConfig, "qkNormBehind">): QkNorms {
  return qkNormBehind
    ? { q: "self_attn.query_layernorm", k: "self_attn.key_layernorm" }
    : { q: "self_attn.q_norm", k: "self_attn.k_norm" };
}

/** Names of norms by what they are of. */
export type QkNorms = Readonly<Record<"q" | "k", string>>;

/** Attributes of `rms_norm`. @param groups Parts of a row that are normed each by itself */
export function normAttributes(
  { rmsNormEps: eps, normOffset = 0 }: Pick<DecoderConfig, "rmsNormEps" | "normOffset">,
  groups = 1,
): Attributes {
  return { eps, groups, ...(normOffset !== 0 && { offset: normOffset }) };
}

/**
 * The factors that a norm multiplies by, for programs whose operators add nothing to them; other tensors as they are.
 * @param name Of a tensor in transformers
 */
export function withNormOffset(
  { normOffset = 0 }: Pick<DecoderConfig, "normOffset">,
  name: string,
  values: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  return normOffset !== 0 && /norm\.weight$/.test(name)
    ? values.map((weight) => weight + normOffset)
    : values;
}
