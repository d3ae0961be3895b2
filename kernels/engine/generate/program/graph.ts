/**
 * A whole decoder with its head and cache as one ONNX model, with operators that ONNX Runtime has for it: GroupQueryAttention
 * rotates and writes the cache in place, MatMulNBits takes packed weights.
 *
 * Sizes: B sequences, T tokens of each, M rows that the cache has room for, R rows that go on behind the last layer's attention,
 * L of them whose logits are wanted, P places that have angles.
 * @module
 */
import { groupsOf } from "../../../../formats/packed/mod.ts";
import { OnnxModelBuilder } from "../../../backends/onnx/model_builder.ts";
import type { LinearModule } from "../../decoder/decoder.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";
import { normsOf } from "../../decoder/norms.ts";
import { angleNames } from "../../decoder/rope.ts";
import type { GivenConstant, ProgramAdapters } from "./adapters.ts";
import { GraphAttention } from "./graph_attention.ts";
import { GraphProducts, MS, spreadName } from "./graph_products.ts";
import type { Prepared } from "./prepare.ts";
import { sumSpread } from "./product.ts";

/** Best tokens that a run gives of every row, with their logits. */
export const BEST = 40;

/** True if GroupQueryAttention rotates queries and keys itself; else another operator does, which needs their places. */
export function rotatesInside(config: DecoderConfig): boolean {
  if (config.qkNorm && config.qkNormBehind) return false;
  return config.headDim % 16 === 0 && config.inverseFrequencies.length % 8 === 0;
}

/** A sink that no query sees: for a head with one the library has another way, which takes all sequences of a step at once. */
const NO_SINK = -1e30;

/** Values that a session is given beside the constants of files. */
export function givenConstants(config: DecoderConfig, prepared: Prepared): Map<string, GivenConstant> {
  const { numHeads } = config;
  const given = new Map<string, GivenConstant>([
    [SINK, { shape: [numHeads], data: new Float32Array(numHeads).fill(NO_SINK) }],
  ]);
  for (const { columns, bits, extra } of Object.values(prepared.products)) {
    if (bits === 32 || extra === 0) continue;
    given.set(spreadName(columns, bits), {
      shape: [groupsOf(columns), extra],
      data: sumSpread(columns, bits),
    });
  }
  return given;
}

const SINK = "attention.sink";

/** Why a program can't be made of a decoder, or null. */
export function cannotRun(config: DecoderConfig): string | null {
  if (config.headDim % 8) return `heads of ${config.headDim} aren't multiples of 8`;
  return null;
}

/** What the MLP's gate becomes. */
function activated(g: OnnxModelBuilder, gate: string, { gateActivation = "silu" }: DecoderConfig): string {
  // QuickGelu with alpha 1 is SiLU, FastGelu is GELU by its tanh approximation.
  return gateActivation === "silu"
    ? g.op("QuickGelu", [gate], { alpha: { float: 1 } }, MS)
    : g.op("FastGelu", [gate], {}, MS);
}

/**
 * The model's bytes.
 *
 * Inputs: `x [B, T, D]` (embedded), `lengths [B]` int32 (tokens before and with this run, less one), `total []` int32 (the longest),
 * `rows [R]` int64 (of `B · T`), `heads [L]` int64 (of R), cosines and sines `[P, frequencies]` (`angleNames`) of length `angleLength` (graph_attention.ts), every layer's
 * `past`, with adapters `choice [B, 1, ranks]` and `row_choice [1, R, ranks]`, and unless {@linkcode rotatesInside} `places [B, T]` int64.
 * Outputs: `logits [L, V]`, `best [L, K]` with `ids [L, K]` int64, every layer's `present`.
 */
export function decoderModel(
  config: DecoderConfig,
  prepared: Prepared,
  adapters: ProgramAdapters | null,
): Uint8Array<ArrayBuffer> {
  const g = new OnnxModelBuilder(), products = new GraphProducts(g, prepared, config);
  const { numHeads: heads, headDim: head, hiddenSize } = config;
  const x = g.input("x", "f32", ["B", "T", hiddenSize]);
  const lengths = g.input("lengths", "i32", ["B"]), total = g.input("total", "i32", []);
  const rows = g.input("rows", "i64", ["R"]), wanted = g.input("heads", "i64", ["L"]);
  const angles = Object.fromEntries(
    angleNames(config).map((name) => [name, g.input(name, "f32", ["P", config.inverseFrequencies.length])]),
  );
  const places = rotatesInside(config) ? null : g.input("places", "i64", ["B", "T"]);
  const lora = adapters?.begin(g, "choice", ["B", 1]), rowLora = adapters?.begin(g, "row_choice", [1, "R"]);
  const sink = products.given(SINK, [heads]);
  const attention = new GraphAttention(products, config, { lengths, total, sink, angles, places }, lora);

  /** `[1, R, width]` of `[B, T, width]`: behind the last attention a row needs no other one. */
  const rowsOf = (value: string, width: number) => {
    const flat = g.op("Reshape", [value, g.integers([-1, width])]);
    return g.op("Reshape", [g.op("Gather", [flat, rows], { axis: 0 }), g.integers([1, -1, width])]);
  };
  const halves = () => g.integers([config.intermediateSize, config.intermediateSize]);
  const norms = normsOf(config);
  const weightOf = (layer: number, norm: string | null) => norm && `layers.${layer}.${norm}.weight`;
  let stream = x, n = products.normed(x, weightOf(0, norms.attention.before));
  for (let layer = 0; layer < config.numLayers; layer++) {
    const last = layer + 1 === config.numLayers, beside = last ? rowLora : lora;
    const project = (input: string, module: LinearModule) => products.project(input, layer, module, beside);
    let o = attention.of(n, layer);
    if (last) [o, stream] = [rowsOf(o, heads * head), rowsOf(stream, hiddenSize)];
    const attended = products.normed(project(o, "self_attn.o_proj"), weightOf(layer, norms.attention.after));
    const joining = g.scaled(attended, config.residualScale);
    const middle = products.addNormed(stream, joining, weightOf(layer, norms.mlp.before));
    const [gate = "", up = ""] = config.fusedProjections
      ? g.ops("Split", [project(middle.n, "mlp.gate_up_proj"), halves()], { count: 2, attrs: { axis: -1 } })
      : [project(middle.n, "mlp.gate_proj"), project(middle.n, "mlp.up_proj")];
    const gated = g.op("Mul", [activated(g, gate, config), up]);
    const fed = products.normed(project(gated, "mlp.down_proj"), weightOf(layer, norms.mlp.after));
    const next = last ? "norm.weight" : weightOf(layer + 1, norms.attention.before);
    const end = products.addNormed(middle.sum, g.scaled(fed, config.residualScale), next);
    [stream, n] = [end.sum, end.n];
  }
  const flat = g.op("Reshape", [n, g.integers([-1, hiddenSize])]);
  const headRows = g.scaled(g.op("Gather", [flat, wanted], { axis: 0 }), config.logitScale);
  const logits = g.capped(products.product(headRows, "lm_head"), config.logitCap);
  const count = Math.min(BEST, config.vocabSize);
  const [best = "", ids = ""] = g.ops("TopK", [logits, g.integers([count])], {
    count: 2,
    attrs: { axis: -1, sorted: 1 },
  });
  g.output("logits", logits, "f32", ["L", config.vocabSize]);
  g.output("best", best, "f32", ["L", count]);
  g.output("ids", ids, "i64", ["L", count]);
  return g.encode("decoder");
}
