/**
 * A decoder with its cache as an ONNX model for transformers.js, with inputs and outputs as its `decoder_forward` names them.
 * Source: transformers.js 4.3.2, src/models/modeling_utils.js and src/models/session.js; operators of the domain com.microsoft
 * are those that ONNX Runtime's CPU, WebAssembly and WebGPU providers share.
 *
 * The empty cache of a first step is made from the model's own shapes there, in which only `batch_size` is understood and every other
 * name is 0: heads and their width must be numbers.
 * @module
 */
import { PACKED_GROUP } from "../../../formats/packed/mod.ts";
import { entryOf } from "../../../formats/elements.ts";
import { OnnxModelBuilder } from "../../../kernels/backends/onnx/model_builder.ts";
import { EMBEDDING } from "../../../kernels/engine/body.ts";
import { type LinearModule, moduleShape } from "../../../kernels/engine/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder_config.ts";
import type { OnnxNode } from "../../../kernels/onnx_node.ts";
import { type AngleTable, headName, type OnnxWeights } from "./weights.ts";

const MS = "com.microsoft";
const BATCH = "batch_size", TOKENS = "sequence_length", TOTAL = "total_sequence_length";

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

/**
 * The model's bytes; weights stand in the files that `weights` names.
 *
 * Inputs: `input_ids`, `position_ids` `[B, T]`, `attention_mask` `[B, P + T]` (0: padding, on either side), `num_logits_to_keep` `[]` (the last so
 * many rows have logits; 0: all), all int64, and each layer's `past_key_values` `[B, heads, P, head]`.
 * Outputs: `logits [B, kept, V]`, each layer's `present [B, heads, P + T, head]`.
 */
export function onnxDecoder(config: DecoderConfig, weights: OnnxWeights): Uint8Array<ArrayBuffer> {
  const g = new OnnxModelBuilder(), { hiddenSize, numHeads, numKeyValueHeads, headDim } = config;
  const constants = new Map<string, string>();
  /** A constant; under another name and shape where one place is read in two ways. */
  const constant = (name: string, shape?: readonly number[]) => {
    const as = shape ? `${name}.as.${shape.join(".")}` : name;
    if (!constants.has(as)) {
      const { type, shape: own, place } = entryOf(weights.constants, name);
      constants.set(as, g.constant(as, type, shape ?? own, place));
    }
    return as;
  };
  const number = (value: number) => g.op("Constant", [], { value_float: { float: value } });
  const reshape = (x: string, shape: string) => g.op("Reshape", [x, shape]);
  const normed = (x: string, name: string) =>
    g.op("SimplifiedLayerNormalization", [x, constant(name)], {
      epsilon: { float: config.rmsNormEps },
      axis: -1,
    });

  const ids = g.input("input_ids", "i64", [BATCH, TOKENS]);
  const mask = g.input("attention_mask", "i64", [BATCH, TOTAL]);
  const positions = g.input("position_ids", "i64", [BATCH, TOKENS]);
  const kept = g.input("num_logits_to_keep", "i64", []);

  const size = (x: string, axis: number) => g.op("Shape", [x], { start: axis, end: axis + 1 });
  const batch = size(ids, 0), tokens = size(ids, 1), total = size(mask, 1);
  const threeD = g.op("Concat", [batch, tokens, g.integers([-1])], { axis: 0 });
  const i32 = (x: string) => g.op("Cast", [x], { to: { type: "i32" } });
  const lengths = i32(g.op("Expand", [g.op("Sub", [total, g.integers([1])]), batch]));
  const longest = i32(g.op("Squeeze", [total]));
  // Every row is as long as the longest; padding is kept out by its score, wherever it stands.
  const absent = g.op("Sub", [number(1), g.op("Cast", [mask], { to: { type: "f32" } })]);
  const bias = g.op("Expand", [
    g.op("Unsqueeze", [g.op("Mul", [absent, number(MASKED)]), g.integers([1, 2])]),
    g.op("Concat", [batch, g.integers([1]), tokens, total], { axis: 0 }),
  ]);

  /** `x wᵀ + b` of rows `[R, in]`. */
  const product = (x: string, name: string, [out, inner]: readonly [number, number], biasName?: string) => {
    const bits = weights.packed[name], hasBias = biasName !== undefined && biasName in weights.constants;
    if (bits === undefined) {
      return g.op("Gemm", [x, constant(name), ...(hasBias ? [constant(biasName)] : [])], { transB: 1 });
    }
    const attrs: OnnxNode["attrs"] = { K: inner, N: out, bits, block_size: PACKED_GROUP, accuracy_level: 4 };
    const y = g.op("MatMulNBits", [x, constant(`${name}.codes`), constant(`${name}.scales`)], attrs, MS);
    return hasBias ? g.op("Add", [y, constant(biasName)]) : y;
  };
  const project = (x: string, layer: number, module: LinearModule) => {
    const name = `model.layers.${layer}.${module}`;
    return product(x, `${name}.weight`, moduleShape(config, module), `${name}.bias`);
  };
  /** Heads of one projection `[R, heads · head]`, normed where the family does it, rotated by position, `[B, T, heads · head]`. */
  const rotated = (x: string, heads: number, norm: string) => {
    let y = reshape(x, threeD);
    if (config.qkNorm) {
      y = reshape(normed(reshape(y, g.integers([0, 0, heads, headDim])), norm), threeD);
    }
    const angles = (["rotary.cos", "rotary.sin"] satisfies AngleTable[]).map((table) => constant(table));
    return g.op("RotaryEmbedding", [y, positions, ...angles], {}, MS);
  };
  const attention = (x: string, layer: number) => {
    const name = `model.layers.${layer}.self_attn.`, { key, value } = onnxCacheNames(layer);
    const q = rotated(project(x, layer, "self_attn.q_proj"), numHeads, `${name}q_norm.weight`);
    const k = rotated(project(x, layer, "self_attn.k_proj"), numKeyValueHeads, `${name}k_norm.weight`);
    const v = reshape(project(x, layer, "self_attn.v_proj"), threeD);
    const past = [key, value].map(({ past }) =>
      g.input(past, "f32", [BATCH, numKeyValueHeads, "past_sequence_length", headDim])
    );
    const window = config.slidingWindow[layer] ?? null;
    const [o = "", ...present] = g.ops(
      "GroupQueryAttention",
      [q, k, v, ...past, lengths, longest, "", "", "", bias],
      3,
      {
        num_heads: numHeads,
        kv_num_heads: numKeyValueHeads,
        do_rotary: 0,
        ...(window !== null && { local_window_size: window }),
      },
      MS,
    );
    [key, value].forEach((names, i) =>
      g.output(names.present, present[i] ?? "", "f32", [BATCH, numKeyValueHeads, TOTAL, headDim])
    );
    return project(reshape(o, g.integers([-1, numHeads * headDim])), layer, "self_attn.o_proj");
  };
  const mlp = (x: string, layer: number) => {
    const gate = project(x, layer, "mlp.gate_proj");
    const gated = g.op("Mul", [gate, g.op("Sigmoid", [gate])]);
    return project(g.op("Mul", [gated, project(x, layer, "mlp.up_proj")]), layer, "mlp.down_proj");
  };

  let x = reshape(embedded(), g.integers([-1, hiddenSize]));
  for (let layer = 0; layer < config.numLayers; layer++) {
    const name = `model.layers.${layer}.`;
    x = g.op("Add", [x, attention(normed(x, `${name}input_layernorm.weight`), layer)]);
    x = g.op("Add", [x, mlp(normed(x, `${name}post_attention_layernorm.weight`), layer)]);
  }
  // From row −0 on are all of them.
  const last = g.op("Slice", [
    reshape(normed(x, "model.norm.weight"), threeD),
    g.op("Neg", [g.op("Reshape", [kept, g.integers([1])])]),
    g.integers([Number.MAX_SAFE_INTEGER]),
    g.integers([1]),
  ]);
  const rows = reshape(last, g.integers([-1, hiddenSize]));
  const logits = reshape(
    product(rows, headName(config), [config.vocabSize, hiddenSize]),
    g.op("Concat", [batch, g.integers([-1, config.vocabSize])], { axis: 0 }),
  );
  g.output("logits", logits, "f32", [BATCH, "kept_length", config.vocabSize]);
  return g.encode("decoder");

  function embedded(): string {
    if (EMBEDDING in weights.constants) return g.op("Gather", [constant(EMBEDDING), ids], { axis: 0 });
    const codes = constant(`${EMBEDDING}.codes`, [config.vocabSize, hiddenSize]);
    const scales = constant(`${EMBEDDING}.scales`, [config.vocabSize, hiddenSize / PACKED_GROUP]);
    const attrs = { bits: 8, block_size: PACKED_GROUP, gather_axis: 0, quantize_axis: 1 };
    return g.op("GatherBlockQuantized", [codes, ids, scales], attrs, MS);
  }
}
