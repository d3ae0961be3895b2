/**
 * One block of the decoder as a graph: attention and MLP, each with its norms and LoRA, around the residual stream.
 * @module
 */
import { valueOf } from "../../../formats/elements.ts";
import { loraNames } from "../../../formats/peft/names.ts";
import { type Graph, GraphBuilder, type Value } from "../../graph.ts";
import { geglu } from "../../ops/activations/geglu.ts";
import { swiglu } from "../../ops/activations/swiglu.ts";
import { add } from "../../ops/arithmetic/add.ts";
import { addBias } from "../../ops/arithmetic/add_bias.ts";
import { multiply } from "../../ops/arithmetic/multiply.ts";
import { attention } from "../../ops/attention/attention.ts";
import { rotary } from "../../ops/attention/rotary.ts";
import { gatherRows } from "../../ops/layout/gather_rows.ts";
import { splitColumns } from "../../ops/layout/split_columns.ts";
import { rmsNorm } from "../../ops/norms/rms_norm.ts";
import { linearPacked } from "../../ops/products/packed_products.ts";
import { loraUp } from "../../ops/products/product_sums.ts";
import { linear } from "../../ops/products/products.ts";
import {
  type BlockLora,
  type BlockPacking,
  blockShapes,
  type LinearModule,
  linearModules,
  loraShapes,
  moduleShape,
  packedInputs,
  timesFactor,
  weightNorm,
} from "./decoder.ts";
import { capAttributes, type DecoderConfig, type LayerAttention, scoreScale } from "./decoder_config.ts";
import { doraOutput } from "./dora.ts";
import { normAttributes, normsOf, qkNormsOf } from "./norms.ts";
import { ANGLE_INPUTS } from "./rope.ts";

/** The MLP's gated unit by what its gate is put through. */
const GATED = { silu: swiglu, gelu_tanh: geglu } as const;

/** A weight in few bits. */
interface PackedWeight {
  codes: Value;
  scales: Value;
  minima: Value;
}

/** Inputs of a block beside those that each has, see {@linkcode blockGraph}. */
export interface BlockInputs {
  /** True: a mask for each module that has LoRA. */
  dropout?: boolean;
  /** Modules whose weights are in few bits. */
  packing?: BlockPacking;
  /** True: rows that the output is wanted of. */
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
  layer: LayerAttention,
  lora: BlockLora = {},
  { dropout = false, packing = {}, some = false }: BlockInputs = {},
): Graph {
  const g = new GraphBuilder(), x = g.input("x", ["T", config.hiddenSize]);
  const positions = new Positions(g, config, layer);
  const modules = new BlockModules(g, config, { lora, dropout, packing });
  const norms = normsOf(config);

  let [q, k, v] = modules.attentionInputs(modules.norm(x, norms.attention.before));
  const qkNorms = qkNormsOf(config);
  const normedHeads = () => {
    q = modules.norm(q, qkNorms.q, config.qkNormWhole ? 1 : config.numHeads);
    k = modules.norm(k, qkNorms.k, config.qkNormWhole ? 1 : config.numKeyValueHeads);
  };
  if (config.qkNorm && !config.qkNormBehind) normedHeads();
  q = positions.rotated(q, config.numHeads);
  k = positions.rotated(k, config.numKeyValueHeads);
  if (config.qkNorm && config.qkNormBehind) normedHeads();
  const o = positions.attended(q, k, v);
  const wanted = some ? g.input("wanted", ["R"], "i32") : null;
  const taken = (value: Value) => wanted ? g.run(gatherRows, { x: value, ids: wanted }).y : value;
  const joined = (stream: Value, part: Value) =>
    g.run(add, { a: stream, b: timesFactor(g, part, config.residualScale) }).y;
  const attended = modules.norm(modules.project(taken(o), "self_attn.o_proj"), norms.attention.after);
  const middle = joined(taken(x), attended);
  const [gate, up] = modules.gateAndUp(modules.norm(middle, norms.mlp.before));
  const gated = g.run(GATED[config.gateActivation ?? "silu"], { gate, up }).y;
  const down = modules.project(gated, "mlp.down_proj");
  return g.finish({ y: joined(middle, modules.norm(down, norms.mlp.after)) });
}

/** What depends on places of tokens: who attends to whom, and rotation by position. */
class Positions {
  readonly #cos: Value;
  readonly #sin: Value;
  readonly #until: Value;
  readonly #positions: Value;

  /** Makes its inputs. */
  constructor(readonly g: GraphBuilder, readonly config: DecoderConfig, readonly layer: LayerAttention) {
    const names = ANGLE_INPUTS[layer.angles ?? "all"], half = ["T", config.inverseFrequencies.length];
    this.#cos = g.input(names.cos, half);
    this.#sin = g.input(names.sin, half);
    this.#until = g.input("until", ["T"], "i32");
    this.#positions = g.input("positions", ["T"], "i32");
  }

  /** Attention's output `[T, heads · head]`, of rotated queries and keys. */
  attended(q: Value, k: Value, v: Value): Value {
    const { numHeads, numKeyValueHeads } = this.config, { window } = this.layer;
    return this.g.run(attention, {
      q,
      k,
      v,
      until: this.#until,
      positions: this.#positions,
    }, {
      heads: numHeads,
      kv_heads: numKeyValueHeads,
      scale: scoreScale(this.config),
      window,
      ...capAttributes(this.config.scoreCap),
    }).o;
  }

  /** Queries or keys turned by their places, `[T, heads · head]`; as they are where the layer doesn't rotate. */
  rotated(x: Value, heads: number): Value {
    if (this.layer.angles === null) return x;
    const attrs = { heads, ...(this.config.rotatesPairs && { pairs: true }) };
    return this.g.run(rotary, { x, cos: this.#cos, sin: this.#sin }, attrs).y;
  }
}

/** A block's tensors as inputs of its graph, and the modules and norms that they are of. */
class BlockModules {
  readonly #tensors = new Map<string, Value>();
  readonly #packed = new Map<string, PackedWeight>();

  constructor(
    readonly g: GraphBuilder,
    readonly config: DecoderConfig,
    readonly given: { lora: BlockLora } & Required<Pick<BlockInputs, "dropout" | "packing">>,
  ) {
    for (const module of linearModules(config)) {
      const bits = given.packing[module];
      if (!bits) continue;
      const { codes, scales, minima } = packedInputs(module, moduleShape(config, module), bits);
      const input = ({ name, shape, type }: typeof codes) => g.input(name, shape, type);
      const weight = { codes: input(codes), scales: input(scales), minima: input(minima) };
      this.#packed.set(`${module}.weight`, weight);
    }
    for (const [name, shape] of [...blockShapes(config), ...loraShapes(config, given.lora)]) {
      if (!this.#packed.has(name)) this.#tensors.set(name, g.input(name, shape));
    }
  }

  /** RMSNorm by its name, over groups of columns; null: there is none. */
  norm(x: Value, name: string | null, groups = 1): Value {
    if (name === null) return x;
    return this.g.run(
      rmsNorm,
      { x, weight: this.#tensor(`${name}.weight`) },
      normAttributes(this.config, groups),
    ).y;
  }

  /** A module's output with bias and LoRA, `[rows, out]` of `[rows, in]`. */
  project(x: Value, module: LinearModule): Value {
    const { g } = this, { lora, dropout } = this.given, spec = lora[module];
    if (!spec) return this.#biased(this.#frozen(x, module), module);
    const names = loraNames(module), a = this.#tensor(names.a), b = this.#tensor(names.b);
    const mask = dropout ? g.input(`mask.${module}`, x.shape) : null;
    if (spec.dora) {
      const norm = g.input(weightNorm(module), [moduleShape(this.config, module)[0]]);
      const frozen = (x: Value) => this.#frozen(x, module);
      const parts = { frozen, a, b, magnitude: this.#tensor(names.magnitude), norm };
      return this.#biased(doraOutput(g, { x, mask, scale: spec.scale }, parts), module);
    }
    const y = this.#frozen(x, module), kept = mask ? g.run(multiply, { a: x, b: mask }).y : x;
    const h = g.run(linear, { x: kept, w: a }).y;
    return g.run(loraUp, { base: this.#biased(y, module), h, b }, { alpha: spec.scale }).y;
  }

  /** Queries, keys and values. */
  attentionInputs(x: Value): [q: Value, k: Value, v: Value] {
    const { fusedProjections, numHeads, numKeyValueHeads, headDim } = this.config;
    if (fusedProjections !== true) {
      return [
        this.project(x, "self_attn.q_proj"),
        this.project(x, "self_attn.k_proj"),
        this.project(x, "self_attn.v_proj"),
      ];
    }
    const [q, rest] = this.#parted(this.project(x, "self_attn.qkv_proj"), numHeads * headDim);
    return [q, ...this.#parted(rest, numKeyValueHeads * headDim)];
  }

  /** The MLP's two products of its input. */
  gateAndUp(x: Value): [gate: Value, up: Value] {
    return this.config.fusedProjections
      ? this.#parted(this.project(x, "mlp.gate_up_proj"), this.config.intermediateSize)
      : [this.project(x, "mlp.gate_proj"), this.project(x, "mlp.up_proj")];
  }

  #tensor(name: string): Value {
    return valueOf(this.#tensors, name);
  }

  #frozen(x: Value, module: LinearModule): Value {
    const weight = `${module}.weight`, packed = this.#packed.get(weight);
    return packed
      ? this.g.run(linearPacked, { x, ...packed }).y
      : this.g.run(linear, { x, w: this.#tensor(weight) }).y;
  }

  #biased(y: Value, module: LinearModule): Value {
    const name = `${module}.bias`;
    return this.#tensors.has(name) ? this.g.run(addBias, { x: y, bias: this.#tensor(name) }).y : y;
  }

  #parted(x: Value, left: number): [Value, Value] {
    const { a, b } = this.g.run(splitColumns, { x }, { left });
    return [a, b];
  }
}
