/**
 * Attention with a key/value cache, for generating: a few queries of several sequences, each over its own past.
 *
 * Keys come in two parts. `past` is large, laid out so that a product reads it in place (`[slots, heads, past, d]`), and
 * stays as it is for many tokens; `fresh` is small and holds the newest rows. No part is copied for the other's sake: the
 * scores of both are joined, not the keys. Where a backend puts rows into the past in place there are no fresh ones. Which key a query sees follows from places alone, so rows that hold nothing
 * have the place {@linkcode HIDDEN_PLACE}, and the slots of a batch may be of different lengths.
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import { type Attributes, defineKernel, fixedSizes, type SymbolicDims } from "../../kernel.ts";
import { constantNode, floatAttribute, type OnnxNode } from "../../onnx_node.ts";
import { addScaled, dot, row, softmax } from "../../vectors.ts";
import { softCapped, tanhNodes } from "../soft_capping.ts";
import { attentionAttributes, headOf, HIDDEN_PLACE } from "./_attention.ts";
import { cachedAttentionSamples } from "./_cached_attention_samples.ts";
import { cachedAttentionShaders } from "../wgsl/cached_attention.ts";

export { HIDDEN_PLACE };

/** Nodes of the mask: `bias` `[slots, 1, queries, past + fresh]`. */
function maskNodes(window: number | null): OnnxNode[] {
  const windowed: OnnxNode[] = window === null ? [{ op: "Identity", in: ["before"], out: ["seen"] }] : [
    { op: "Sub", in: ["places4", "key_places4"], out: ["back"] },
    constantNode("window64", "i64", window),
    { op: "Cast", in: ["back"], out: ["back64"], attrs: { to: { type: "i64" } } },
    { op: "Less", in: ["back64", "window64"], out: ["near"] },
    { op: "And", in: ["before", "near"], out: ["seen"] },
  ];
  return [
    { op: "Reshape", in: ["places", "slot_query"], out: ["places4"] },
    { op: "Reshape", in: ["fresh_places", "slot_rows"], out: ["fresh_places2"] },
    { op: "Concat", in: ["past_places", "fresh_places2"], out: ["key_places"], attrs: { axis: 1 } },
    constantNode("middle", "i64", [1, 2]),
    { op: "Unsqueeze", in: ["key_places", "middle"], out: ["key_places4"] },
    { op: "LessOrEqual", in: ["key_places4", "places4"], out: ["before"] },
    ...windowed,
    constantNode("seen_score", "f32", 0),
    constantNode("hidden_score", "f32", -1e30),
    { op: "Where", in: ["seen", "seen_score", "hidden_score"], out: ["bias"] },
  ];
}

function onnx(dims: SymbolicDims<"qcols">, attrs: Attributes): OnnxNode[] {
  const { heads, kvHeads, scale, window, cap } = attentionAttributes(attrs),
    { qcols } = fixedSizes(dims, "qcols");
  const d = qcols / heads;
  const bySlot = (name: string, rest: readonly number[]): OnnxNode[] => [
    constantNode(`${name}_rest`, "i64", rest),
    { op: "Concat", in: ["slots", `${name}_rest`], out: [name], attrs: { axis: 0 } },
  ];
  const alpha = floatAttribute(scale / (cap ?? 1)), domain = "com.microsoft" as const;
  return [
    { op: "Shape", in: ["past_k"], out: ["slots"], attrs: { start: 0, end: 1 } },
    { op: "Shape", in: ["past_k"], out: ["past_count"], attrs: { start: 2, end: 3 } },
    ...bySlot("q_split", [-1, kvHeads, heads / kvHeads, d]),
    ...bySlot("q_rows", [kvHeads, -1, d]),
    ...bySlot("kv_split", [-1, kvHeads, d]),
    ...bySlot("o_split", [kvHeads, heads / kvHeads, -1, d]),
    ...bySlot("slot_query", [1, -1, 1]),
    ...bySlot("slot_rows", [-1]),
    ...maskNodes(window),
    { op: "Reshape", in: ["q", "q_split"], out: ["q5"] },
    { op: "Transpose", in: ["q5"], out: ["q5t"], attrs: { perm: [0, 2, 3, 1, 4] } },
    { op: "Reshape", in: ["q5t", "q_rows"], out: ["qh"] },
    { op: "Reshape", in: ["k", "kv_split"], out: ["k4"] },
    { op: "Transpose", in: ["k4"], out: ["kh"], attrs: { perm: [0, 2, 1, 3] } },
    { op: "Reshape", in: ["v", "kv_split"], out: ["v4"] },
    { op: "Transpose", in: ["v4"], out: ["vh"], attrs: { perm: [0, 2, 1, 3] } },
    { op: "FusedMatMul", in: ["qh", "past_k"], out: ["s_past"], attrs: { transB: 1, alpha }, domain },
    { op: "FusedMatMul", in: ["qh", "kh"], out: ["s_fresh"], attrs: { transB: 1, alpha }, domain },
    {
      op: "Concat",
      in: ["s_past", "s_fresh"],
      out: [cap === null ? "s" : "s_ratio"],
      attrs: { axis: -1 },
    },
    ...cap === null ? [] : tanhNodes("s_ratio", "s", cap),
    { op: "Shape", in: ["s"], out: ["s_shape"] },
    // [slots, kv, sharing · queries, keys] as [slots, heads, queries, keys], for the mask.
    { op: "Shape", in: ["bias"], out: ["bias_tail"], attrs: { start: 2, end: 4 } },
    constantNode("head_count", "i64", [heads]),
    { op: "Concat", in: ["slots", "head_count", "bias_tail"], out: ["by_head"], attrs: { axis: 0 } },
    { op: "Reshape", in: ["s", "by_head"], out: ["s_head"] },
    { op: "Add", in: ["s_head", "bias"], out: ["s_masked"] },
    { op: "Softmax", in: ["s_masked"], out: ["p_head"], attrs: { axis: -1 } },
    { op: "Reshape", in: ["p_head", "s_shape"], out: ["p"] },
    constantNode("start", "i64", [0]),
    constantNode("end", "i64", [2 ** 40]),
    constantNode("last", "i64", [-1]),
    { op: "Slice", in: ["p", "start", "past_count", "last"], out: ["p_past"] },
    { op: "Slice", in: ["p", "past_count", "end", "last"], out: ["p_fresh"] },
    { op: "MatMul", in: ["p_past", "past_v"], out: ["o_past"] },
    { op: "MatMul", in: ["p_fresh", "vh"], out: ["o_fresh"] },
    { op: "Add", in: ["o_past", "o_fresh"], out: ["oh"] },
    { op: "Reshape", in: ["oh", "o_split"], out: ["o5"] },
    { op: "Transpose", in: ["o5"], out: ["o5t"], attrs: { perm: [0, 3, 1, 2, 4] } },
    constantNode("o_flat", "i64", [-1, qcols]),
    { op: "Reshape", in: ["o5t", "o_flat"], out: ["o"] },
  ];
}

/**
 * `o = softmax(scale · q kᵀ) v` per head over the keys that a query sees: those of its slot at a place ≤ its own, and less
 * than `window` before it. `q` and `places` hold as many rows of every slot, slot by slot (`[rows, heads · d]`), `k`, `v` and
 * `fresh_places` likewise (`[fresh, kv_heads · d]`). Attributes as of `attention`. Every query must see a key; keys and values
 * of hidden rows must be finite.
 */
export const cachedAttention = defineKernel({
  name: "cached_attention",
  inputs: {
    q: ["rows", "qcols"],
    past_k: ["slots", "heads", "past", "d"],
    past_v: ["slots", "heads", "past", "d"],
    k: ["fresh", "kvcols"],
    v: ["fresh", "kvcols"],
    places: ["rows"],
    past_places: ["slots", "past"],
    fresh_places: ["fresh"],
  },
  outputs: { o: ["rows", "qcols"] },
  integers: ["places", "past_places", "fresh_places"],
  reference: (
    { q, past_k, past_v, k, v, places, past_places, fresh_places },
    { rows, qcols, slots, past, fresh, kvcols },
    attrs,
  ) => {
    const { heads, kvHeads, scale, window, cap } = attentionAttributes(attrs), d = qcols / heads;
    const o = new Float64Array(rows * qcols), queries = rows / slots, more = fresh / slots;
    places.forEach((place, query) => {
      const slot = Math.floor(query / queries);
      const sees = (other: number) => other <= place && (window === null || place - other < window);
      for (let head = 0; head < heads; head++) {
        const kvHead = Math.floor(head / (heads / kvHeads));
        const seen: { key: Float64Array; value: Float64Array }[] = [];
        row(past_places, slot, past).forEach((other, j) => {
          const index = (slot * kvHeads + kvHead) * past + j;
          if (sees(other)) seen.push({ key: row(past_k, index, d), value: row(past_v, index, d) });
        });
        row(fresh_places, slot, more).forEach((other, j) => {
          const rowOf = (tensor: Float64Array) =>
            headOf(tensor, { row: slot * more + j, cols: kvcols, head: kvHead, d });
          if (sees(other)) seen.push({ key: rowOf(k), value: rowOf(v) });
        });
        const own = { row: query, cols: qcols, head, d };
        const scores = Float64Array.from(
          seen,
          ({ key }) => softCapped(scale * dot(headOf(q, own), key), cap),
        );
        const { weights } = softmax(scores);
        seen.forEach(({ value }, j) => addScaled(headOf(o, own), value, f64(weights, j)));
      }
    });
    return { o };
  },
  onnx,
  wgsl: (dims, attrs, limits) => cachedAttentionShaders({ ...dims, ...attentionAttributes(attrs) }, limits),
  grad: null,
  samples: cachedAttentionSamples,
  tolerance: { atol: 1e-5, rtol: 1e-5 },
});
