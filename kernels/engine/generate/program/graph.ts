/**
 * A whole decoder with its head and cache as one ONNX model, with operators that ONNX Runtime has for it: GroupQueryAttention
 * rotates and writes the cache in place, MatMulNBits takes packed weights.
 *
 * Sizes: B sequences, T tokens of each, M rows that the cache has room for, R rows that go on behind the last layer's attention,
 * L of them whose logits are wanted, P places that have angles.
 * @module
 */
import { entryOf } from "../../../../formats/elements.ts";
import { groupsOf, PACKED_GROUP } from "../../../../formats/packed/mod.ts";
import { elements } from "../../../backend.ts";
import { OnnxModelBuilder } from "../../../backends/onnx/model_builder.ts";
import type { OnnxNode } from "../../../onnx_node.ts";
import { NATIVE_DOMAIN } from "../../../native/mod.ts";
import type { LinearModule } from "../../decoder.ts";
import type { DecoderConfig } from "../../decoder_config.ts";
import type { GivenConstant, ProgramAdapters } from "./adapters.ts";
import { type Prepared, QKV, QKV_PRODUCT } from "./prepare.ts";
import { sumSpread } from "./product.ts";

/** Best tokens that a run gives of every row, with their logits. */
export const BEST = 40;

const MS = "com.microsoft";

/** Names of a layer's cache inputs and outputs. */
export function cacheNames(layer: number): Record<"k" | "v", { past: string; present: string }> {
  const of = (kind: string) => ({ past: `past.${layer}.${kind}`, present: `present.${layer}.${kind}` });
  return { k: of("k"), v: of("v") };
}

/** True if GroupQueryAttention rotates queries and keys itself; else another operator does, which needs their places. */
export function rotatesInside(config: DecoderConfig): boolean {
  return config.headDim % 16 === 0;
}

/**
 * Length of the pairs of `cos` and `sin`: its square is the scale of scores, so that queries and keys come scaled. The library
 * multiplies one row by the cache where it lies only without a factor; with one it copies the cache's rows first.
 */
export function angleLength(config: DecoderConfig): number {
  return config.headDim ** -0.25;
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

const spreadName = (columns: number, bits: 4 | 8) => `sums.${columns}.${bits}`;

const SINK = "attention.sink";

/** Why a program can't be made of a decoder, or null. */
export function cannotRun(config: DecoderConfig): string | null {
  if (config.headDim % 8) return `heads of ${config.headDim} aren't multiples of 8`;
  return null;
}

/**
 * The model's bytes.
 *
 * Inputs: `x [B, T, D]` (embedded), `lengths [B]` int32 (tokens before and with this run, less one), `total []` int32 (the longest),
 * `rows [R]` int64 (of `B · T`), `heads [L]` int64 (of R), `cos`, `sin` `[P, head / 2]` of length {@linkcode angleLength}, every layer's
 * `past`, with adapters `choice [B, 1, ranks]` and `row_choice [1, R, ranks]`, and unless {@linkcode rotatesInside} `places [B, T]` int64.
 * Outputs: `logits [L, V]`, `best [L, K]` with `ids [L, K]` int64, every layer's `present`.
 */
export function decoderModel(
  config: DecoderConfig,
  prepared: Prepared,
  adapters: ProgramAdapters | null,
): Uint8Array<ArrayBuffer> {
  const g = new OnnxModelBuilder(), { numHeads: heads, numKeyValueHeads: kvHeads, headDim: head } = config;
  const extended = new Map<string, string>();
  const eps = { epsilon: { float: config.rmsNormEps } };
  const constant = (name: string) => {
    const { type, shape, place } = entryOf(prepared.constants, name);
    return g.constant(name, type, shape, place);
  };
  const has = (name: string) => name in prepared.constants;
  const nBits = (x: string, name: string, columns: number, rows: number, bits: number) => {
    const inputs = [x, declared(`${name}.codes`), declared(`${name}.scales`)];
    if (has(`${name}.zeros`)) inputs.push(declared(`${name}.zeros`));
    // Inputs in 8 bits: the kernels that are fast, and give a row the same bits beside any others.
    return g.op("MatMulNBits", inputs, { K: columns, N: rows, bits, block_size: 32, accuracy_level: 4 }, MS);
  };
  const declaredNames = new Set<string>();
  const once = (name: string, declare: () => string) => {
    if (declaredNames.has(name)) return name;
    declaredNames.add(name);
    return declare();
  };
  const declared = (name: string) => once(name, () => constant(name));
  const given = (name: string, shape: readonly number[]) =>
    once(
      name,
      () => g.constant(name, "f32", shape, { file: "given", offset: 0, length: 4 * elements(shape) }),
    );
  /** Sums of an input's groups behind it. In float32: as a product in few bits, which rounds its inputs first, many rows took longer. */
  const withSums = (x: string, columns: number, bits: 4 | 8, extra: number) => {
    const spread = spreadName(columns, bits), key = `${x} ${spread}`;
    let made = extended.get(key);
    if (made === undefined) {
      const groups = groupsOf(columns), grouped = g.integers([0, 0, groups, PACKED_GROUP]);
      const sums = g.op("ReduceSum", [g.op("Reshape", [x, grouped]), g.integers([-1])], { keepdims: 0 });
      made = g.op("Concat", [x, g.op("MatMul", [sums, given(spread, [groups, extra])])], { axis: -1 });
      extended.set(key, made);
    }
    return made;
  };
  /** @param name Of a product. */
  const product = (x: string, name: string) => {
    const { rows, columns, bits, extra, tiles } = entryOf(prepared.products, name);
    if (tiles) {
      const attrs = { outputs: rows, columns, bits, half: Number(tiles.half) };
      return g.op("PackedProduct", [x, declared(`${name}.tiles`)], attrs, NATIVE_DOMAIN);
    }
    if (bits === 32) return g.op("FusedMatMul", [x, declared(name)], { transB: 1 }, MS);
    const whole = extra ? withSums(x, columns, bits, extra) : x;
    return nBits(whole, name, columns + extra, rows, bits);
  };
  const biased = (y: string, name: string) => has(name) ? g.op("Add", [y, declared(name)]) : y;
  const normed = (x: string, name: string) =>
    g.op("SimplifiedLayerNormalization", [x, declared(name)], { ...eps, axis: -1 });

  const x = g.input("x", "f32", ["B", "T", config.hiddenSize]);
  const lengths = g.input("lengths", "i32", ["B"]), total = g.input("total", "i32", []);
  const rows = g.input("rows", "i64", ["R"]), wanted = g.input("heads", "i64", ["L"]);
  const angles = [g.input("cos", "f32", ["P", head / 2]), g.input("sin", "f32", ["P", head / 2])];
  const places = rotatesInside(config) ? null : g.input("places", "i64", ["B", "T"]);
  const lora = adapters?.begin(g, "choice", ["B", 1]), rowLora = adapters?.begin(g, "row_choice", [1, "R"]);
  const sink = given(SINK, [heads]);

  const project = (input: string, layer: number, module: LinearModule, beside = lora) => {
    const name = `layers.${layer}.${module}`;
    const y = biased(product(input, name), `${name}.bias`);
    return beside?.add(y, input, layer, [module]) ?? y;
  };
  /** q, k and v as one value, or (where they aren't one product, or are normed) as three. */
  const attended = (input: string, layer: number): string[] => {
    const name = `layers.${layer}.`, sizes = [heads * head, kvHeads * head, kvHeads * head];
    let parts: string[];
    if (`${name}${QKV_PRODUCT}` in prepared.products) {
      let y = product(input, name + QKV_PRODUCT);
      if (QKV.some((module) => has(`${name}${module}.bias`))) {
        y = g.op("Add", [
          y,
          g.op("Concat", QKV.map((module) => declared(`${name}${module}.bias`)), { axis: 0 }),
        ]);
      }
      y = lora?.add(y, input, layer, QKV) ?? y;
      if (!config.qkNorm && places === null) return [y, "", ""];
      parts = g.ops("Split", [y, g.integers(sizes)], 3, { axis: -1 });
    } else {
      parts = QKV.map((module) => project(input, layer, module));
    }
    const byHead = (value: string, count: number, weight: string) => {
      const split = g.op("Reshape", [value, g.integers([0, 0, count, head])]);
      return g.op("Reshape", [normed(split, weight), g.integers([0, 0, count * head])]);
    };
    let [q = "", k = "", v = ""] = parts;
    if (config.qkNorm) {
      q = byHead(q, heads, `${name}self_attn.q_norm.weight`);
      k = byHead(k, kvHeads, `${name}self_attn.k_norm.weight`);
    }
    if (places === null) return [q, k, v];
    const rotated = (value: string) => g.op("RotaryEmbedding", [value, places, ...angles], {}, MS);
    return [rotated(q), rotated(k), v];
  };
  const cached = ["B", kvHeads, "M", head];
  const attention = (parts: readonly string[], layer: number) => {
    const { k, v } = cacheNames(layer), window = config.slidingWindow[layer] ?? null;
    const past = [g.input(k.past, "f32", cached), g.input(v.past, "f32", cached)];
    const attrs: OnnxNode["attrs"] = {
      num_heads: heads,
      kv_num_heads: kvHeads,
      do_rotary: places === null ? 1 : 0,
      scale: { float: 1 },
      ...(window !== null && { local_window_size: window }),
    };
    const [o = "", newK = "", newV = ""] = g.ops(
      "GroupQueryAttention",
      // Places and a bias of scores are left out.
      [...parts, ...past, lengths, total, ...(places === null ? angles : ["", ""]), "", "", sink],
      3,
      attrs,
      MS,
    );
    g.output(k.present, newK, "f32", cached);
    g.output(v.present, newV, "f32", cached);
    return o;
  };
  /** The sum of two values and its norm. */
  const addNormed = (a: string, b: string, norm: string) => {
    const [n = "", , , sum = ""] = g.ops(
      "SkipSimplifiedLayerNormalization",
      [a, b, declared(norm)],
      4,
      eps,
      MS,
    );
    return { n, sum };
  };

  /** `[1, R, width]` of `[B, T, width]`: behind the last attention a row needs no other one. */
  const rowsOf = (value: string, width: number) => {
    const flat = g.op("Reshape", [value, g.integers([-1, width])]);
    return g.op("Reshape", [g.op("Gather", [flat, rows], { axis: 0 }), g.integers([1, -1, width])]);
  };
  let stream = x, n = normed(x, "layers.0.input_layernorm.weight");
  for (let layer = 0; layer < config.numLayers; layer++) {
    const name = `layers.${layer}.`, last = layer + 1 === config.numLayers, beside = last ? rowLora : lora;
    let o = attention(attended(n, layer), layer);
    if (last) [o, stream] = [rowsOf(o, heads * head), rowsOf(stream, config.hiddenSize)];
    const middle = addNormed(
      stream,
      project(o, layer, "self_attn.o_proj", beside),
      `${name}post_attention_layernorm.weight`,
    );
    const gate = project(middle.n, layer, "mlp.gate_proj", beside);
    const up = project(middle.n, layer, "mlp.up_proj", beside);
    // QuickGelu with alpha 1 is SiLU.
    const gated = g.op("Mul", [g.op("QuickGelu", [gate], { alpha: { float: 1 } }, MS), up]);
    const next = last ? "norm.weight" : `layers.${layer + 1}.input_layernorm.weight`;
    const end = addNormed(middle.sum, project(gated, layer, "mlp.down_proj", beside), next);
    [stream, n] = [end.sum, end.n];
  }
  const flat = g.op("Reshape", [n, g.integers([-1, config.hiddenSize])]);
  const logits = product(g.op("Gather", [flat, wanted], { axis: 0 }), "lm_head");
  const count = Math.min(BEST, config.vocabSize);
  const [best = "", ids = ""] = g.ops("TopK", [logits, g.integers([count])], 2, { axis: -1, sorted: 1 });
  g.output("logits", logits, "f32", ["L", config.vocabSize]);
  g.output("best", best, "f32", ["L", count]);
  g.output("ids", ids, "i64", ["L", count]);
  return g.encode("decoder");
}
