/**
 * The one decoder of all model families, as graphs: one block, the embedding; the output head is in `head_graph.ts`. What differs between
 * families (biases, q/k norms, windows, fused matrices) is data in {@linkcode DecoderConfig}.
 *
 * Shapes: T rows of a packed row, D hidden, L labelled rows of a chunk, V vocabulary.
 * @module
 */
import { valueOf } from "../../../formats/elements.ts";
import { type Graph, GraphBuilder, type Value } from "../../graph.ts";
import { addBias } from "../../ops/arithmetic/add_bias.ts";
import { add } from "../../ops/arithmetic/add.ts";
import { attention } from "../../ops/attention/attention.ts";
import { geglu } from "../../ops/activations/geglu.ts";
import { gatherRows } from "../../ops/layout/gather_rows.ts";
import { multiply } from "../../ops/arithmetic/multiply.ts";
import { linearPacked } from "../../ops/products/packed_products.ts";
import { linear } from "../../ops/products/products.ts";
import { loraUp } from "../../ops/products/product_sums.ts";
import { rmsNorm } from "../../ops/norms/rms_norm.ts";
import { rotary } from "../../ops/attention/rotary.ts";
import { scale } from "../../ops/arithmetic/scale.ts";
import { splitColumns } from "../../ops/layout/split_columns.ts";
import { swiglu } from "../../ops/activations/swiglu.ts";
import { groupsOf } from "../../../formats/packed/mod.ts";
import { loraNames } from "../../../formats/peft/names.ts";
import { capAttributes, type DecoderConfig, type LayerAttention, scoreScale } from "./decoder_config.ts";
import { doraOutput } from "./dora.ts";
import { blockNormNames, normAttributes, normsOf } from "./norms.ts";
import { ANGLE_INPUTS } from "./rope.ts";

/** Name of the embedding table. */
export const EMBEDDING = "model.embed_tokens.weight";
/** Name of the output head, where it is a tensor of its own. */
export const HEAD = "lm_head.weight";

/** Name of the tensor that final states are multiplied by: the embedding's where it is both. */
export function headWeight({ tieWordEmbeddings }: Pick<DecoderConfig, "tieWordEmbeddings">): string {
  return tieWordEmbeddings ? EMBEDDING : HEAD;
}

/** The MLP's gated unit by what its gate is put through. */
const GATED = { silu: swiglu, gelu_tanh: geglu } as const;

/** Modules of a block that read the same input, by their names in transformers, in the order in which they are computed. */
const BY_INPUT = [
  ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
  ["self_attn.o_proj"],
  ["mlp.gate_proj", "mlp.up_proj"],
  ["mlp.down_proj"],
] as const;

/** The same where those of an input are one. */
const FUSED_BY_INPUT = [["self_attn.qkv_proj"], ["self_attn.o_proj"], ["mlp.gate_up_proj"], [
  "mlp.down_proj",
]] as const;

/** Name of a linear module inside a block. */
export type LinearModule = (typeof BY_INPUT | typeof FUSED_BY_INPUT)[number][number];

/** The part of a decoder that its linear modules' names are read from. */
type OfModules = Pick<DecoderConfig, "fusedProjections">;

/** Modules of the family's blocks by what they read: the block's input, what attention gives, the MLP's input, what is gated. */
export function modulesByInput(
  { fusedProjections = false }: OfModules,
): readonly (readonly LinearModule[])[] {
  return fusedProjections ? FUSED_BY_INPUT : BY_INPUT;
}

/** Linear modules of the family's blocks, by their names in transformers. */
export function linearModules(config: OfModules): readonly LinearModule[] {
  return modulesByInput(config).flat();
}

/** LoRA on one module: `scale` is α/r, or α/√r for rsLoRA. */
export interface LoraModule {
  rank: number;
  scale: number;
  /** Weight-decomposed (DoRA): the rows of the merged weight have trained lengths. */
  dora?: boolean;
}

/** LoRA modules of one block. */
export type BlockLora = Readonly<Partial<Record<LinearModule, LoraModule>>>;

/** Modules of one block whose weight is in few bits. */
export type BlockPacking = Readonly<Partial<Record<LinearModule, 4 | 8>>>;

/** Inputs of a block in place of a weight in few bits: names, shapes and types. */
export function packedInputs(
  module: LinearModule,
  [out, inner]: readonly [number, number],
  bits: 4 | 8,
): Record<keyof PackedWeight, { name: string; shape: number[]; type: "f32" | "i32" }> {
  const groups = groupsOf(inner), ofGroups = { shape: [out, groups], type: "f32" as const };
  return {
    codes: { name: `${module}.codes`, shape: [out, groups * bits], type: "i32" },
    scales: { name: `${module}.scales`, ...ofGroups },
    minima: { name: `${module}.minima`, ...ofGroups },
  };
}

/** A weight in few bits. */
interface PackedWeight {
  codes: Value;
  scales: Value;
  minima: Value;
}

/** Full name of what a block calls `name`. */
export function ofLayer(layer: number, name: string): string {
  return `model.layers.${layer}.${name}`;
}

/** Shapes of a model's tensors by their names in transformers. `lm_head.weight` is left out when tied. */
export function tensorShapes(config: DecoderConfig): Map<string, number[]> {
  const shapes = new Map<string, number[]>([[EMBEDDING, [
    config.vocabSize,
    config.hiddenSize,
  ]]]);
  for (let i = 0; i < config.numLayers; i++) {
    for (const [name, shape] of blockShapes(config)) shapes.set(ofLayer(i, name), shape);
  }
  shapes.set("model.norm.weight", [config.hiddenSize]);
  if (!config.tieWordEmbeddings) shapes.set(HEAD, [config.vocabSize, config.hiddenSize]);
  return shapes;
}

/** `[out, in]` of a linear module. */
export function moduleShape(config: DecoderConfig, module: LinearModule): [number, number] {
  const { hiddenSize: d, intermediateSize: i } = config;
  const q = config.numHeads * config.headDim, kv = config.numKeyValueHeads * config.headDim;
  const shapes: Record<LinearModule, [number, number]> = {
    "self_attn.q_proj": [q, d],
    "self_attn.k_proj": [kv, d],
    "self_attn.v_proj": [kv, d],
    "self_attn.qkv_proj": [q + 2 * kv, d],
    "self_attn.o_proj": [d, q],
    "mlp.gate_proj": [i, d],
    "mlp.up_proj": [i, d],
    "mlp.gate_up_proj": [2 * i, d],
    "mlp.down_proj": [d, i],
  };
  return shapes[module];
}

function hasBias(config: DecoderConfig, module: LinearModule): boolean {
  if (module.startsWith("mlp.")) return config.mlpBias;
  return module === "self_attn.o_proj" ? config.outputBias : config.qkvBias;
}

/** `[out, in]` of all linear modules of a model by full name. */
export function moduleShapes(config: DecoderConfig): Map<string, [number, number]> {
  const shapes = new Map<string, [number, number]>();
  for (let layer = 0; layer < config.numLayers; layer++) {
    for (const module of linearModules(config)) {
      shapes.set(ofLayer(layer, module), moduleShape(config, module));
    }
  }
  return shapes;
}

/** Shapes of one block's tensors, by their names behind `model.layers.N.`. */
export function blockShapes(config: DecoderConfig): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  for (const name of blockNormNames(config)) shapes.set(`${name}.weight`, [config.hiddenSize]);
  for (const module of linearModules(config)) {
    shapes.set(`${module}.weight`, moduleShape(config, module));
    if (hasBias(config, module)) shapes.set(`${module}.bias`, [moduleShape(config, module)[0]]);
  }
  if (config.qkNorm) {
    const { headDim, numHeads, numKeyValueHeads, qkNormWhole = false } = config;
    shapes.set("self_attn.q_norm.weight", [qkNormWhole ? numHeads * headDim : headDim]);
    shapes.set("self_attn.k_norm.weight", [qkNormWhole ? numKeyValueHeads * headDim : headDim]);
  }
  return shapes;
}

/** Name of the lengths of a module's frozen rows, `[out]`, beside its weight. */
export function weightNorm(module: string): string {
  return `${module}.weight_norm`;
}

/** Names and shapes of one block's LoRA tensors: A `[r, in]`, B `[out, r]` and with DoRA lengths `[out]` of each module. */
export function loraShapes(config: DecoderConfig, lora: BlockLora): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const module of linearModules(config)) {
    const spec = lora[module];
    if (!spec) continue;
    const [out, inner] = moduleShape(config, module);
    const names = loraNames(module);
    shapes.set(names.a, [spec.rank, inner]);
    shapes.set(names.b, [out, spec.rank]);
    if (spec.dora) shapes.set(names.magnitude, [out]);
  }
  return shapes;
}

/** Inputs of a block beside those that each has, see {@linkcode blockGraph}. */
export interface BlockInputs {
  dropout?: boolean;
  packing?: BlockPacking;
  some?: boolean;
}

/**
 * One decoder block, `y [T, D]` from `x [T, D]`.
 * Inputs: `x`, cosines and sines `[T, frequencies]` of {@linkcode ANGLE_INPUTS} (unused where the layer doesn't rotate), `until`/`positions` `[T]` int32, the block's tensors by name, LoRA tensors by
 * name, and with `dropout` a mask `mask.MODULE` `[T, in]` (0 or 1/(1 − rate)) for each LoRA module. A module of `packing` has
 * {@linkcode packedInputs} in place of its weight, one with DoRA the lengths of its frozen rows ({@linkcode weightNorm}) as well. With `some` there is an input `wanted [R]` int32 as well, rows that `y [R, D]` is
 * wanted of: what stands behind attention is computed for them alone, and its masks are `[R, in]`.
 */
export function blockGraph(
  config: DecoderConfig,
  { window, angles }: LayerAttention,
  lora: BlockLora = {},
  { dropout = false, packing = {}, some = false }: BlockInputs = {},
): Graph {
  const g = new GraphBuilder();
  const x = g.input("x", ["T", config.hiddenSize]);
  const names = ANGLE_INPUTS[angles ?? "all"], half = ["T", config.inverseFrequencies.length];
  const cos = g.input(names.cos, half), sin = g.input(names.sin, half);
  const until = g.input("until", ["T"], "i32"), positions = g.input("positions", ["T"], "i32");
  const tensors = new Map<string, Value>();
  const packed = new Map<string, PackedWeight>();
  for (const module of linearModules(config)) {
    const bits = packing[module];
    if (!bits) continue;
    const { codes, scales, minima } = packedInputs(module, moduleShape(config, module), bits);
    const input = ({ name, shape, type }: typeof codes) => g.input(name, shape, type);
    packed.set(`${module}.weight`, { codes: input(codes), scales: input(scales), minima: input(minima) });
  }
  for (const [name, shape] of [...blockShapes(config), ...loraShapes(config, lora)]) {
    if (!packed.has(name)) tensors.set(name, g.input(name, shape));
  }
  const t = (name: string) => valueOf(tensors, name);
  const norm = (value: Value, name: string | null, groups = 1) =>
    name === null
      ? value
      : g.run(rmsNorm, { x: value, weight: t(`${name}.weight`) }, normAttributes(config, groups)).y;
  const biased = (y: Value, module: LinearModule) =>
    tensors.has(`${module}.bias`) ? g.run(addBias, { x: y, bias: t(`${module}.bias`) }).y : y;
  const project = (value: Value, module: LinearModule): Value => {
    const weight = `${module}.weight`, few = packed.get(weight), spec = lora[module];
    const frozen = (x: Value) =>
      few ? g.run(linearPacked, { x, ...few }).y : g.run(linear, { x, w: t(weight) }).y;
    if (!spec) return biased(frozen(value), module);
    const { a, b, magnitude } = loraNames(module);
    const mask = dropout ? g.input(`mask.${module}`, value.shape) : null;
    if (spec.dora) {
      const norm = g.input(weightNorm(module), [moduleShape(config, module)[0]]);
      const parts = { frozen, a: t(a), b: t(b), magnitude: t(magnitude), norm };
      return biased(doraOutput(g, { x: value, mask, scale: spec.scale }, parts), module);
    }
    const y = frozen(value), kept = mask ? g.run(multiply, { a: value, b: mask }).y : value;
    const h = g.run(linear, { x: kept, w: t(a) }).y;
    return g.run(loraUp, { base: biased(y, module), h, b: t(b) }, { alpha: spec.scale }).y;
  };
  const rotate = (value: Value, heads: number) =>
    angles === null ? value : g.run(rotary, { x: value, cos, sin }, { heads }).y;

  const parted = (value: Value, left: number): [Value, Value] => {
    const { a, b } = g.run(splitColumns, { x: value }, { left });
    return [a, b];
  };
  const projections = (value: Value): [q: Value, k: Value, v: Value] => {
    if (!config.fusedProjections) {
      return [
        project(value, "self_attn.q_proj"),
        project(value, "self_attn.k_proj"),
        project(value, "self_attn.v_proj"),
      ];
    }
    const kv = config.numKeyValueHeads * config.headDim;
    const [q, rest] = parted(project(value, "self_attn.qkv_proj"), config.numHeads * config.headDim);
    return [q, ...parted(rest, kv)];
  };
  const gateAndUp = (value: Value): [gate: Value, up: Value] =>
    config.fusedProjections
      ? parted(project(value, "mlp.gate_up_proj"), config.intermediateSize)
      : [project(value, "mlp.gate_proj"), project(value, "mlp.up_proj")];

  const norms = normsOf(config);
  let [q, k, v] = projections(norm(x, norms.attention.before));
  if (config.qkNorm) {
    q = norm(q, "self_attn.q_norm", config.qkNormWhole ? 1 : config.numHeads);
    k = norm(k, "self_attn.k_norm", config.qkNormWhole ? 1 : config.numKeyValueHeads);
  }
  const { o } = g.run(attention, {
    q: rotate(q, config.numHeads),
    k: rotate(k, config.numKeyValueHeads),
    v,
    until,
    positions,
  }, {
    heads: config.numHeads,
    kv_heads: config.numKeyValueHeads,
    scale: scoreScale(config),
    window,
    ...capAttributes(config.scoreCap),
  });
  const wanted = some ? g.input("wanted", ["R"], "i32") : null;
  const taken = (value: Value) => wanted ? g.run(gatherRows, { x: value, ids: wanted }).y : value;
  const joined = (stream: Value, part: Value) =>
    g.run(add, { a: stream, b: timesFactor(g, part, config.residualScale) }).y;
  const attended = norm(project(taken(o), "self_attn.o_proj"), norms.attention.after);
  const middle = joined(taken(x), attended), [gate, up] = gateAndUp(norm(middle, norms.mlp.before));
  const gated = g.run(GATED[config.gateActivation ?? "silu"], { gate, up }).y;
  return g.finish({ y: joined(middle, norm(project(gated, "mlp.down_proj"), norms.mlp.after)) });
}

/** `x [rows, cols]` times a factor; itself for 1, its default. */
export function timesFactor(g: GraphBuilder, x: Value, factor = 1): Value {
  return factor === 1 ? x : g.run(scale, { x }, { alpha: factor }).y;
}

/** `x [T, D]` from `ids [T]` and the embedding table `w [V, D]`; times the model's factor, and with `noisy` plus `noise [T, D]`. */
export function embedGraph(config: DecoderConfig, noisy = false): Graph {
  const g = new GraphBuilder();
  const w = g.input("w", [config.vocabSize, config.hiddenSize]), ids = g.input("ids", ["T"], "i32");
  const rows = g.run(gatherRows, { x: w, ids }).y, { embeddingScale, noiseBehindScale = false } = config;
  const noised = (x: Value) =>
    noisy ? g.run(add, { a: x, b: g.input("noise", ["T", config.hiddenSize]) }).y : x;
  const x = noiseBehindScale
    ? noised(timesFactor(g, rows, embeddingScale))
    : timesFactor(g, noised(rows), embeddingScale);
  return g.finish({ x });
}
