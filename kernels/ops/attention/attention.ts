/**
 * Attention over a prefix tree: token i sees token j iff j ≤ i and i < until[j].
 *
 * The lowering for a CPU loops over chunks of queries and, for each, takes the keys that any of them sees, so keys behind a chunk
 * (the causal triangle), of earlier packed examples and of other branches are skipped and no `[T, T]` matrix exists: of the
 * benchmark's IOPO quadruples 202 thousand pairs are computed where a slice from the first visible key on had 324 and 132 are
 * visible. A GPU takes all queries as one chunk and all keys.
 * Tried on 2 cores, forward and backward of SmolLM2 over four IOPO quadruples (352 to 824 rows): one chunk for all queries (dense
 * `[heads, T, T]`) makes the whole pass 16 % slower.
 * @module
 */
import { defineKernel, fixedSizes } from "../../kernel.ts";
import type { OnnxNode } from "../../onnx_node.ts";
import { addScaled } from "../../vectors.ts";
import { attentionAttributes, attentionWeights, headOf } from "./_attention.ts";
import {
  attentionChunk,
  attentionSetup,
  byChunks,
  byRows,
  chunkLoop,
  chunkSizes,
  nativeAttention,
  QUERY_CHUNK,
  wholeBounds,
} from "./_attention_onnx.ts";
import { attentionSamples } from "./attention_samples.ts";
import { attentionGrad } from "./attention_grad.ts";
import { attentionShaders } from "../wgsl/attention.ts";

export { QUERY_CHUNK };

/**
 * `o = softmax(scale · q kᵀ) v` per head over visible tokens, scores capped where there is a `cap`; `q` `[queries, heads · d]` are the last rows of `rows`,
 * `k`, `v` `[rows, kv_heads · d]`; `until` (exclusive end of a token's subtree) and `positions` (depth) are `[rows]`.
 * Attributes `heads`, `kv_heads` (divides heads), `scale`, `window` (tokens seen back, itself included; null: all),
 * `cap` (scores become cap · tanh(score / cap), > 0; missing or null: they stay).
 */
export const attention = defineKernel({
  name: "attention",
  inputs: {
    q: ["queries", "qcols"],
    k: ["rows", "kvcols"],
    v: ["rows", "kvcols"],
    until: ["rows"],
    positions: ["rows"],
  },
  outputs: { o: ["queries", "qcols"] },
  integers: ["until", "positions"],
  reference: ({ q, k, v, until, positions }, { queries, rows, qcols, kvcols }, attrs) => {
    const shape = { queries, rows, qcols, kvcols, ...attentionAttributes(attrs) }, { heads, kvHeads } = shape;
    const d = qcols / heads, o = new Float64Array(q.length);
    for (let query = 0; query < queries; query++) {
      const index = query + rows - queries;
      for (let head = 0; head < heads; head++) {
        const { weights } = attentionWeights({ q, k, until, positions }, shape, { query, index, head });
        const result = headOf(o, { row: query, cols: qcols, head, d });
        const kvHead = Math.floor(head / (heads / kvHeads));
        weights.forEach((p, row) => {
          if (p > 0) addScaled(result, headOf(v, { row, cols: kvcols, head: kvHead, d }), p);
        });
      }
    }
    return { o };
  },
  onnx: (dims, attrs, { loops, native }) => {
    if (native) return [nativeAttention("Attention", ["q", "k", "v", "until", "positions"], ["o"], attrs)];
    const chunk: OnnxNode[] = [
      ...attentionChunk(attrs),
      { op: "MatMul", in: ["p", "vc"], out: ["oc"] },
    ];
    const gathered = { kc: "kh", vc: "vh" }, setup = attentionSetup(dims, attrs);
    if (!loops) return [...setup, ...wholeBounds(gathered), ...chunk, ...byRows("oc", "o")];
    const loop = chunkLoop({
      carried: [],
      rows: { from: "oc", to: "o" },
      gathered,
      chunked: { qc: "q_chunks" },
      nodes: chunk,
    });
    const { qcols } = fixedSizes(dims, "qcols");
    return [...setup, ...chunkSizes(), ...byChunks("q", "q_chunks", { cols: qcols, attrs }), ...loop];
  },
  wgsl: (dims, attrs, limits) => attentionShaders({ ...dims, ...attentionAttributes(attrs) }, limits),
  grad: (g, { inputs: { q, k, v, until, positions }, outputs: { o }, gradients, attrs }) => {
    const { dq, dk, dv } = g.run(attentionGrad, { q, k, v, o, do: gradients.o, until, positions }, attrs);
    return { q: dq, k: dk, v: dv };
  },
  dear: true,
  samples: attentionSamples,
  tolerance: { atol: 1e-5, rtol: 1e-5 },
});
