/**
 * Attention over a prefix tree as its definition needs it: attributes, and the weights of one query.
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import { type Attributes, number } from "../../kernel.ts";
import { dot, softmax } from "../../vectors.ts";
import { capOf, softCapped } from "../soft_capping.ts";
import type { AttentionShape } from "../wgsl/attention_tiles.ts";

/** Place of a row that no query of `cached_attention` sees. */
export const HIDDEN_PLACE = 2 ** 30;

/** Attributes as numbers. */
export function attentionAttributes(attrs: Attributes) {
  const window = attrs.window ?? null;
  return {
    heads: number(attrs, "heads"),
    kvHeads: number(attrs, "kv_heads"),
    scale: number(attrs, "scale"),
    window: typeof window === "number" ? window : null,
    cap: capOf(attrs),
  };
}

/** One head's part of a row: `d` columns of `row`, of which there are `cols`. */
export function headOf(
  values: Float64Array,
  { row, cols, head, d }: { row: number; cols: number; head: number; d: number },
): Float64Array {
  const start = row * cols + head * d;
  return values.subarray(start, start + d);
}

/** Tensors that decide which keys a query sees, and how much of each. */
export interface AttentionInputs {
  q: Float64Array;
  k: Float64Array;
  until: Float64Array;
  positions: Float64Array;
}

/**
 * Softmax weights of one query and head over all rows, zero where a key isn't visible, and the scores, capped, −∞ there. `query` is its row in `q`,
 * `index` its row among all.
 */
export function attentionWeights(
  { q, k, until, positions }: AttentionInputs,
  shape: AttentionShape,
  { query, index, head }: { query: number; index: number; head: number },
): { weights: Float64Array; scores: Float64Array } {
  const { rows, qcols, kvcols, heads, kvHeads, scale, window, cap } = shape, d = qcols / heads;
  const kvHead = Math.floor(head / (heads / kvHeads));
  const own = headOf(q, { row: query, cols: qcols, head, d }), place = f64(positions, index);
  const scores = new Float64Array(rows).fill(-Infinity);
  for (let j = 0; j <= index; j++) {
    const visible = index < f64(until, j) && (window === null || place - f64(positions, j) < window);
    if (!visible) continue;
    scores[j] = softCapped(scale * dot(own, headOf(k, { row: j, cols: kvcols, head: kvHead, d })), cap);
  }
  return { weights: softmax(scores).weights, scores };
}
