/**
 * Attention with its cache in an exported ONNX model.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { modulesByInput } from "../../../kernels/engine/decoder/decoder.ts";
import {
  type Angles,
  attentionOf,
  type DecoderConfig,
  rotatesPart,
  scoreScale,
} from "../../../kernels/engine/decoder/decoder_config.ts";
import { qkNormsOf } from "../../../kernels/engine/decoder/norms.ts";
import { ANGLE_INPUTS } from "../../../kernels/engine/decoder/rope.ts";
import { CONTRIB, type OnnxProducts } from "./graph_products.ts";
import { angleTable } from "./weights.ts";

/** Symbolic sizes of inputs: sequences, tokens of this run, tokens with those of the cache. */
export const BATCH = "batch_size", TOKENS = "sequence_length", TOTAL = "total_sequence_length";

/** Added to a score whose key is padding. */
const MASKED = -1e30;

/** Names of a layer's cache inputs and outputs. */
export function onnxCacheNames(layer: number): Record<"key" | "value", { past: string; present: string }> {
  const of = (kind: string) => ({
    past: `past_key_values.${layer}.${kind}`,
    present: `present.${layer}.${kind}`,
  });
  return { key: of("key"), value: of("value") };
}

/** Values of a model's inputs that all layers read. */
export interface OnnxInputs {
  readonly positions: string;
  /** Tokens of every sequence with those of the cache, less one, and the most, int32. */
  readonly lengths: string;
  readonly longest: string;
  /** Added to scores, `[B, 1, T, P + T]`. */
  readonly bias: string;
  /** `[B, T, −1]`. */
  readonly threeD: string;
}

/** Values that all layers read, of a model's mask and ids. */
export function attentionInputs(
  { g }: OnnxProducts,
  { ids, mask, positions }: { ids: string; mask: string; positions: string },
): OnnxInputs & { batch: string } {
  const size = (x: string, axis: number) => g.op("Shape", [x], { start: axis, end: axis + 1 });
  const batch = size(ids, 0), tokens = size(ids, 1), total = size(mask, 1);
  const threeD = g.op("Concat", [batch, tokens, g.integers([-1])], { axis: 0 });
  const i32 = (x: string) => g.op("Cast", [x], { to: { type: "i32" } });
  const lengths = i32(g.op("Expand", [g.op("Sub", [total, g.integers([1])]), batch]));
  const longest = i32(g.op("Squeeze", [total]));
  // Every row is as long as the longest; padding is kept out by its score, wherever it stands.
  const absent = g.op("Sub", [g.number(1), g.op("Cast", [mask], { to: { type: "f32" } })]);
  const bias = g.op("Expand", [
    g.op("Unsqueeze", [g.op("Mul", [absent, g.number(MASKED)]), g.integers([1, 2])]),
    g.op("Concat", [batch, g.integers([1]), tokens, total], { axis: 0 }),
  ]);
  return { batch, positions, lengths, longest, bias, threeD };
}

/** The attention of a layer with its output projection, of normed rows `[R, D]`; declares its cache. */
export function onnxAttention(
  products: OnnxProducts,
  inputs: OnnxInputs,
  x: string,
  layer: number,
): string {
  const { g, config } = products, { numHeads, numKeyValueHeads, headDim } = config;
  const { window, angles } = attentionOf(config, layer);
  const norms = qkNormsOf(config), { key, value } = onnxCacheNames(layer);
  const [q = "", k = "", v = ""] = projections(products, x, layer);
  const queries = perHead(products, inputs, {
    x: q,
    heads: numHeads,
    norm: `model.layers.${layer}.${norms.q}.weight`,
    angles,
  });
  const keys = perHead(products, inputs, {
    x: k,
    heads: numKeyValueHeads,
    norm: `model.layers.${layer}.${norms.k}.weight`,
    angles,
  });
  const values = g.op("Reshape", [v, inputs.threeD]);
  const past = [key, value].map(({ past }) =>
    g.input(past, "f32", [BATCH, numKeyValueHeads, "past_sequence_length", headDim])
  );
  const attrs = {
    num_heads: numHeads,
    kv_num_heads: numKeyValueHeads,
    do_rotary: 0,
    scale: { float: scoreScale(config) },
    ...(window !== null && { local_window_size: window }),
    ...(config.scoreCap !== undefined && { softcap: { float: config.scoreCap } }),
  };
  const [o = "", ...present] = g.ops(
    "GroupQueryAttention",
    [queries, keys, values, ...past, inputs.lengths, inputs.longest, "", "", "", inputs.bias],
    { count: 3, attrs, domain: CONTRIB },
  );
  [key, value].forEach((names, i) =>
    g.output(names.present, present[i] ?? "", "f32", [BATCH, numKeyValueHeads, TOTAL, headDim])
  );
  const rows = g.op("Reshape", [o, g.integers([-1, numHeads * headDim])]);
  return products.project(rows, layer, "self_attn.o_proj");
}

/** q, k and v of rows. */
function projections(products: OnnxProducts, x: string, layer: number): string[] {
  const { g, config } = products, { numHeads, numKeyValueHeads, headDim } = config;
  const modules = item(modulesByInput(config), 0).map((module) => products.project(x, layer, module));
  if (config.fusedProjections !== true) return modules;
  const sizes = [numHeads, numKeyValueHeads, numKeyValueHeads].map((heads) => heads * headDim);
  return g.ops("Split", [item(modules, 0), g.integers(sizes)], { count: 3, attrs: { axis: -1 } });
}

/** Heads of one projection `[R, heads · head]`, normed where the family does it, rotated by position where the layer does it, `[B, T, heads · head]`. */
function perHead(
  products: OnnxProducts,
  { threeD, positions }: OnnxInputs,
  { x, heads, norm, angles }: { x: string; heads: number; norm: string; angles: Angles | null },
): string {
  const { g, config } = products, { qkNorm, qkNormWhole = false, headDim } = config;
  const normedHeads = (value: string) => {
    const byHead = g.op("Reshape", [value, g.integers([0, 0, heads, headDim])]);
    return g.op("Reshape", [products.normed(byHead, norm), threeD]);
  };
  let y = g.op("Reshape", [qkNorm && qkNormWhole ? products.normed(x, norm) : x, threeD]);
  if (qkNorm && !qkNormWhole && !config.qkNormBehind) y = normedHeads(y);
  if (angles !== null) {
    const tables = Object.values(ANGLE_INPUTS[angles]).map((name) => products.constant(angleTable(name)));
    y = g.op("RotaryEmbedding", [y, positions, ...tables], rotationAttributes(config, heads), CONTRIB);
  }
  return qkNorm && config.qkNormBehind ? normedHeads(y) : y;
}

function rotationAttributes(config: DecoderConfig, heads: number): Record<string, number> {
  return {
    ...(rotatesPart(config) &&
      { num_heads: heads, rotary_embedding_dim: 2 * config.inverseFrequencies.length }),
    ...(config.rotatesPairs && { interleaved: 1 }),
  };
}
