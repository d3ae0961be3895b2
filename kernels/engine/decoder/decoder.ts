/**
 * The one decoder of all model families: its modules, their names and shapes, and the embedding as a graph; a block is in
 * `block_graph.ts`, the output head in `head_graph.ts`. What differs between
 * families (biases, q/k norms, windows, fused matrices) is data in {@linkcode DecoderConfig}.
 *
 * Shapes: T rows of a packed row, D hidden, L labelled rows of a chunk, V vocabulary.
 * @module
 */
import { type Graph, GraphBuilder, type Value } from "../../graph.ts";
import { add } from "../../ops/arithmetic/add.ts";
import { gatherRows } from "../../ops/layout/gather_rows.ts";
import { scale } from "../../ops/arithmetic/scale.ts";
import { groupsOf } from "../../../formats/packed/mod.ts";
import { loraNames } from "../../../formats/peft/names.ts";
import type { DecoderConfig } from "./decoder_config.ts";
import { blockNormNames, qkNormsOf } from "./norms.ts";

/** Name of the embedding table. */
export const EMBEDDING = "model.embed_tokens.weight";
/** Name of the output head, where it is a tensor of its own. */
export const HEAD = "lm_head.weight";

/** Name of the tensor that final states are multiplied by: the embedding's where it is both. */
export function headWeight({ tieWordEmbeddings }: Pick<DecoderConfig, "tieWordEmbeddings">): string {
  return tieWordEmbeddings ? EMBEDDING : HEAD;
}

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

/** The same where gate and up are one. */
const GATE_UP_BY_INPUT = [
  ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
  ["self_attn.o_proj"],
  ["mlp.gate_up_proj"],
  ["mlp.down_proj"],
] as const;

/** Name of a linear module inside a block. */
export type LinearModule = (typeof BY_INPUT | typeof FUSED_BY_INPUT)[number][number];

/** The part of a decoder that its linear modules' names are read from. */
type OfModules = Pick<DecoderConfig, "fusedProjections">;

/** Modules of the family's blocks by what they read: the block's input, what attention gives, the MLP's input, what is gated. */
export function modulesByInput(
  { fusedProjections = false }: OfModules,
): readonly (readonly LinearModule[])[] {
  if (fusedProjections === "mlp") return GATE_UP_BY_INPUT;
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
): Record<"codes" | "scales" | "minima", { name: string; shape: number[]; type: "f32" | "i32" }> {
  const groups = groupsOf(inner), ofGroups = { shape: [out, groups], type: "f32" as const };
  return {
    codes: { name: `${module}.codes`, shape: [out, groups * bits], type: "i32" },
    scales: { name: `${module}.scales`, ...ofGroups },
    minima: { name: `${module}.minima`, ...ofGroups },
  };
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
    const { headDim, numHeads, numKeyValueHeads, qkNormWhole = false } = config, norms = qkNormsOf(config);
    shapes.set(`${norms.q}.weight`, [qkNormWhole ? numHeads * headDim : headDim]);
    shapes.set(`${norms.k}.weight`, [qkNormWhole ? numKeyValueHeads * headDim : headDim]);
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
