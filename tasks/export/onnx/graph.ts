/**
 * A decoder with its cache as an ONNX model for transformers.js, with inputs and outputs as its `decoder_forward` names them.
 * Source: transformers.js 4.3.2, src/models/modeling_utils.js and src/models/session.js; operators of the domain com.microsoft
 * are those that ONNX Runtime's CPU, WebAssembly and WebGPU providers share.
 *
 * The empty cache of a first step is made from the model's own shapes there, in which only `batch_size` is understood and every other
 * name is 0: heads and their width must be numbers.
 * @module
 */
import { OnnxModelBuilder } from "../../../kernels/backends/onnx/model_builder.ts";
import { headWeight } from "../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { normsOf } from "../../../kernels/engine/decoder/norms.ts";
import { attentionInputs, BATCH, onnxAttention, TOKENS, TOTAL } from "./graph_attention.ts";
import { OnnxProducts } from "./graph_products.ts";
import type { OnnxWeights } from "./weights.ts";

/**
 * The model's bytes; weights stand in the files that `weights` names.
 *
 * Inputs: `input_ids`, `position_ids` `[B, T]`, `attention_mask` `[B, P + T]` (0: padding, on either side), `num_logits_to_keep` `[]` (the last so
 * many rows have logits; 0: all), all int64, and each layer's `past_key_values` `[B, heads, P, head]`.
 * Outputs: `logits [B, kept, V]`, each layer's `present [B, heads, P + T, head]`.
 */
export function onnxDecoder(config: DecoderConfig, weights: OnnxWeights): Uint8Array<ArrayBuffer> {
  const g = new OnnxModelBuilder(), products = new OnnxProducts(g, config, weights);
  const { hiddenSize, vocabSize } = config, rowShape = () => g.integers([-1, hiddenSize]);
  const ids = g.input("input_ids", "i64", [BATCH, TOKENS]);
  const mask = g.input("attention_mask", "i64", [BATCH, TOTAL]);
  const positions = g.input("position_ids", "i64", [BATCH, TOKENS]);
  const kept = g.input("num_logits_to_keep", "i64", []);
  const inputs = attentionInputs(products, { ids, mask, positions });
  let x = g.op("Reshape", [g.scaled(products.embedded(ids), config.embeddingScale), rowShape()]);
  const norms = normsOf(config);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const normed = (value: string, norm: string | null) =>
      norm === null ? value : products.normed(value, `model.layers.${layer}.${norm}.weight`);
    const attended = onnxAttention(products, inputs, normed(x, norms.attention.before), layer);
    x = g.op("Add", [x, g.scaled(normed(attended, norms.attention.after), config.residualScale)]);
    const fed = normed(mlp(products, normed(x, norms.mlp.before), layer), norms.mlp.after);
    x = g.op("Add", [x, g.scaled(fed, config.residualScale)]);
  }
  // From row −0 on are all of them.
  const last = g.op("Slice", [
    g.op("Reshape", [products.normed(x, "model.norm.weight"), inputs.threeD]),
    g.op("Neg", [g.op("Reshape", [kept, g.integers([1])])]),
    g.integers([Number.MAX_SAFE_INTEGER]),
    g.integers([1]),
  ]);
  const rows = g.scaled(g.op("Reshape", [last, rowShape()]), config.logitScale);
  const logits = g.op("Reshape", [
    g.capped(products.product(rows, headWeight(config), [vocabSize, hiddenSize]), config.logitCap),
    g.op("Concat", [inputs.batch, g.integers([-1, vocabSize])], { axis: 0 }),
  ]);
  g.output("logits", logits, "f32", [BATCH, "kept_length", vocabSize]);
  return g.encode("decoder");
}

function mlp(products: OnnxProducts, x: string, layer: number): string {
  const { g, config: { fusedProjections, intermediateSize } } = products;
  const [gate = "", up = ""] = fusedProjections
    ? g.ops(
      "Split",
      [products.project(x, layer, "mlp.gate_up_proj"), g.integers([intermediateSize, intermediateSize])],
      { count: 2, attrs: { axis: -1 } },
    )
    : [products.project(x, layer, "mlp.gate_proj"), products.project(x, layer, "mlp.up_proj")];
  const gated = products.config.gateActivation === "gelu_tanh"
    ? g.op("Gelu", [gate], { approximate: "tanh" })
    : g.op("Mul", [gate, g.op("Sigmoid", [gate])]);
  return products.project(g.op("Mul", [gated, up]), layer, "mlp.down_proj");
}
