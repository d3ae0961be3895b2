/**
 * Graphs for generating with a key/value cache. The block is the trainer's own with its attention exchanged, so a model
 * family is written once.
 *
 * Sizes: S slots (sequences of a batch), T rows of x (as many of every slot), F fresh rows of the cache (as many of every
 * slot), P rows of the past of every slot, L rows whose logits are wanted.
 * @module
 */
import { type Graph, GraphBuilder, type Node, type Value } from "../../../graph.ts";
import { attention } from "../../../ops/attention/attention.ts";
import { cachedAttention } from "../../../ops/attention/cached_attention.ts";
import { cacheRows } from "../../../ops/attention/cache_rows.ts";
import { chooseToken } from "../../../ops/head/choose_token.ts";
import { gatherRows } from "../../../ops/layout/gather_rows.ts";
import { linear } from "../../../ops/products/products.ts";
import { putCacheRows } from "../../../ops/attention/put_cache_rows.ts";
import { putRows } from "../../../ops/layout/put_rows.ts";
import { rmsNorm } from "../../../ops/norms/rms_norm.ts";
import { softCap } from "../../../ops/arithmetic/soft_cap.ts";
import { blockGraph } from "../../decoder/block_graph.ts";
import { type BlockLora } from "../../decoder/decoder.ts";
import type { DecoderConfig, LayerAttention } from "../../decoder/decoder_config.ts";
import { normAttributes } from "../../decoder/norms.ts";

/** A block's attention, and the values that it takes. */
interface BlockAttention {
  g: GraphBuilder;
  node: Node;
  q: Value;
  k: Value;
  v: Value;
  /** Applications behind it, which aren't in the graph yet. */
  after: Node[];
}

/** The trainer's block up to its attention. */
function upToAttention(base: Graph): BlockAttention {
  const g = new GraphBuilder(base);
  delete g.inputs.until;
  delete g.inputs.positions;
  const where = g.nodes.findIndex((node) => node.kernel === attention);
  const [node, ...after] = g.nodes.splice(where);
  const { q, k, v } = node?.inputs ?? {};
  if (!node || !q || !k || !v) throw new TypeError("Cannot put a cache into a block: it has no attention");
  return { g, node, q, k, v, after };
}

/**
 * One block: `y [T, D]` from `x [T, D]`, and `k`, `v` `[F, kv]`: the fresh rows with those of `x` put in at `put [T]`.
 * Further inputs: cosines and sines `[T, head/2]`, `fresh_k`, `fresh_v` `[F, kv]`, `past_k`, `past_v` `[S, kv heads, P, head]`
 * (keys are rotated), `places [T]`, `past_places [S, P]`, `fresh_places [F]` as of `cached_attention`, the block's tensors.
 */
export function generationBlock(config: DecoderConfig, attends: LayerAttention, lora: BlockLora): Graph {
  const base = blockGraph(config, attends, lora), { g, node, q, k, v, after } = upToAttention(base);
  const cols = config.numKeyValueHeads * config.headDim, put = g.input("put", ["T"], "i32");
  const fresh = (name: string, rows: Value) =>
    g.run(putRows, { x: g.input(`fresh_${name}`, ["F", cols]), ids: put, y: rows }).z;
  const keys = fresh("k", k), values = fresh("v", v);
  const inputs = { q, ...pastInputs(g, config), k: keys, v: values, ...placeInputs(g) };
  g.nodes.push({ kernel: cachedAttention, inputs, outputs: node.outputs, attrs: node.attrs }, ...after);
  return g.finish({ ...base.outputs, k: keys, v: values });
}

/**
 * As {@linkcode generationBlock} where rows are put into the past in place: `put [T]` is a row of it, slot by slot, and `k`, `v`
 * `[S, kv heads, P, head]` are the past with the rows of `x`. `fresh_k`, `fresh_v` `[F, kv]` are of no rows.
 */
export function generationBlockInPlace(
  config: DecoderConfig,
  attends: LayerAttention,
  lora: BlockLora,
): Graph {
  const base = blockGraph(config, attends, lora), { g, node, q, k, v, after } = upToAttention(base);
  const cols = config.numKeyValueHeads * config.headDim, past = pastInputs(g, config);
  const { k_next, v_next } = g.run(putCacheRows, {
    k: past.past_k,
    v: past.past_v,
    ids: g.input("put", ["T"], "i32"),
    x_k: k,
    x_v: v,
  });
  const inputs = {
    q,
    past_k: k_next,
    past_v: v_next,
    k: g.input("fresh_k", ["F", cols]),
    v: g.input("fresh_v", ["F", cols]),
    ...placeInputs(g),
  };
  g.nodes.push({ kernel: cachedAttention, inputs, outputs: node.outputs, attrs: node.attrs }, ...after);
  return g.finish({ ...base.outputs, k: k_next, v: v_next });
}

function pastInputs(g: GraphBuilder, { numKeyValueHeads, headDim }: DecoderConfig) {
  const past = ["S", numKeyValueHeads, "P", headDim];
  return { past_k: g.input("past_k", past), past_v: g.input("past_v", past) };
}

function placeInputs(g: GraphBuilder) {
  return {
    places: g.input("places", ["T"], "i32"),
    past_places: g.input("past_places", ["S", "P"], "i32"),
    fresh_places: g.input("fresh_places", ["F"], "i32"),
  };
}

/** `logits [L, V]` of rows `rows [L]` of `x [T, D]`; `norm [D]`, `w [V, D]`. */
export function logitsGraph(config: DecoderConfig): Graph {
  const g = new GraphBuilder();
  const x = g.input("x", ["T", config.hiddenSize]), norm = g.input("norm", [config.hiddenSize]);
  const w = g.input("w", [config.vocabSize, config.hiddenSize]), rows = g.input("rows", ["L"], "i32");
  const picked = g.run(gatherRows, { x, ids: rows }).y;
  const h = g.run(rmsNorm, { x: picked, weight: norm }, normAttributes(config)).y;
  const logits = g.run(linear, { x: h, w }, { alpha: config.logitScale ?? 1 }).y, { logitCap: cap } = config;
  return g.finish({ logits: cap === undefined ? logits : g.run(softCap, { x: logits }, { cap }).y });
}

/** `ids [L]` int32, the tokens that follow, from `logits [L, V]`; `scale [L]` and `share [L]` as of `choose_token`. */
export function chooseGraph(config: DecoderConfig): Graph {
  const g = new GraphBuilder();
  const logits = g.input("logits", ["L", config.vocabSize]);
  const scale = g.input("scale", ["L"]), share = g.input("share", ["L"]);
  return g.finish({ ids: g.run(chooseToken, { logits, scale, share }).ids });
}

/** A layer's past in a new layout, `k` and `v` `[A, kv heads, R, head]`, from `cache_k`, `cache_v`, rows `x_k`, `x_v` and `from [A, R]`. */
export function arrangeGraph(config: DecoderConfig): Graph {
  const g = new GraphBuilder(), heads = config.numKeyValueHeads, cols = heads * config.headDim;
  const from = g.input("from", ["A", "R"], "i32");
  const part = (name: string) =>
    g.run(cacheRows, {
      cache: g.input(`cache_${name}`, ["S", heads, "P", config.headDim]),
      x: g.input(`x_${name}`, ["N", cols]),
      from,
    }).y;
  return g.finish({ k: part("k"), v: part("v") });
}
