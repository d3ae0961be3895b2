/**
 * Attention with its cache in a decoder's ONNX model.
 * @module
 */
import { entryOf } from "../../../../formats/elements.ts";
import type { OnnxNode } from "../../../onnx_node.ts";
import {
  type Angles,
  attentionOf,
  type DecoderConfig,
  rotatesPart,
  scoreScale,
} from "../../decoder/decoder_config.ts";
import { qkNormsOf } from "../../decoder/norms.ts";
import { ANGLE_INPUTS } from "../../decoder/rope.ts";
import type { LoraNodes } from "./adapters.ts";
import { type GraphProducts, MS } from "./graph_products.ts";
import { QKV_PRODUCT, qkvModules } from "./prepare.ts";

/** Names of a layer's cache inputs and outputs. */
export function cacheNames(layer: number): Record<"k" | "v", { past: string; present: string }> {
  const of = (kind: string) => ({ past: `past.${layer}.${kind}`, present: `present.${layer}.${kind}` });
  return { k: of("k"), v: of("v") };
}

/**
 * Length of the pairs of `cos` and `sin`: its square is the scale of scores, so that queries and keys come scaled. The library
 * multiplies one row by the cache where it lies only without a factor; with one it copies the cache's rows first. 1 where the angles
 * don't reach all of a head, or a norm behind them would undo it: queries are scaled then.
 */
export function angleLength(config: DecoderConfig): number {
  return scalesQueries(config) ? 1 : Math.sqrt(scoreScale(config));
}

function scalesQueries(config: DecoderConfig): boolean {
  return rotatesPart(config) || isNormedBehind(config);
}

function isNormedBehind({ qkNorm, qkNormBehind = false }: DecoderConfig): boolean {
  return qkNorm && qkNormBehind;
}

/** Values that all layers' attention reads. */
export interface GraphInputs {
  readonly lengths: string;
  readonly total: string;
  readonly sink: string;
  /** Cosines and sines by their names (`ANGLE_INPUTS`). */
  readonly angles: Readonly<Record<string, string>>;
  /** Where another operator than GroupQueryAttention rotates queries and keys. */
  readonly places: string | null;
}

/** Adds attention to a model. */
export class GraphAttention {
  constructor(
    readonly products: GraphProducts,
    readonly config: DecoderConfig,
    readonly inputs: GraphInputs,
    readonly lora: LoraNodes | undefined,
  ) {}

  /** Heads' values `[B, T, heads · head]` of a layer's normed input. */
  of(x: string, layer: number): string {
    const { g } = this.products, { numHeads, numKeyValueHeads, headDim, scoreCap } = this.config;
    const { lengths, total, places, sink } = this.inputs;
    const parts = this.#parts(x, layer), cached = ["B", numKeyValueHeads, "M", headDim];
    const { k, v } = cacheNames(layer), { window, angles } = attentionOf(this.config, layer);
    const inside = angles !== null && places === null ? this.#anglesOf(angles) : ["", ""];
    const past = [g.input(k.past, "f32", cached), g.input(v.past, "f32", cached)];
    const attrs: OnnxNode["attrs"] = {
      num_heads: numHeads,
      kv_num_heads: numKeyValueHeads,
      do_rotary: angles !== null && places === null ? 1 : 0,
      ...(this.config.rotatesPairs && { rotary_interleaved: 1 }),
      scale: { float: 1 },
      ...(window !== null && { local_window_size: window }),
      ...(scoreCap !== undefined && { softcap: { float: scoreCap } }),
    };
    const [o = "", newK = "", newV = ""] = g.ops(
      "GroupQueryAttention",
      // Places and a bias of scores are left out.
      [...parts, ...past, lengths, total, ...inside, "", "", sink],
      { count: 3, attrs, domain: MS },
    );
    g.output(k.present, newK, "f32", cached);
    g.output(v.present, newV, "f32", cached);
    return o;
  }

  /** q, k and v as one value, or (where they aren't one product, are normed, scaled or rotated) as three. */
  #parts(x: string, layer: number): string[] {
    const { products: p, config, inputs: { places } } = this;
    const { numHeads, numKeyValueHeads, qkNorm } = config, isPart = rotatesPart(config);
    const isBehind = isNormedBehind(config), norms = qkNormsOf(config);
    const [joined, parts] = this.#projected(x, layer), { angles } = attentionOf(this.config, layer);
    if (joined !== null && !qkNorm && angles !== null && places === null && !isPart) return [joined, "", ""];
    let [q = "", k = "", v = ""] = parts();
    const normedHeads = () => {
      q = this.#normedHeads(q, numHeads, `layers.${layer}.${norms.q}.weight`);
      k = this.#normedHeads(k, numKeyValueHeads, `layers.${layer}.${norms.k}.weight`);
    };
    if (qkNorm && !isBehind) normedHeads();
    if (angles !== null && places !== null) {
      const rotated = (value: string, heads: number) => {
        const attrs = {
          ...(isPart && { num_heads: heads, rotary_embedding_dim: 2 * config.inverseFrequencies.length }),
          ...(config.rotatesPairs && { interleaved: 1 }),
        };
        return p.g.op("RotaryEmbedding", [value, places, ...this.#anglesOf(angles)], attrs, MS);
      };
      [q, k] = [rotated(q, numHeads), rotated(k, numKeyValueHeads)];
    }
    if (isBehind) normedHeads();
    // Queries that no angles scale.
    if (angles === null || scalesQueries(config)) q = p.g.scaled(q, scoreScale(config));
    return [q, k, v];
  }

  /** The values of one rotation's cosines and sines. */
  #anglesOf(angles: Angles): string[] {
    return Object.values(ANGLE_INPUTS[angles]).map((name) => entryOf(this.inputs.angles, name));
  }

  /** q, k and v behind each other where they are one product, and a way to have them apart. */
  #projected(x: string, layer: number): [string | null, () => string[]] {
    const { products: p, config: { numHeads, numKeyValueHeads, headDim }, lora } = this;
    const name = `layers.${layer}.`, modules = qkvModules(this.config);
    if (!(`${name}${QKV_PRODUCT}` in p.prepared.products)) {
      return [null, () => modules.map((module) => p.project(x, layer, module, lora))];
    }
    let y = p.product(x, name + QKV_PRODUCT);
    if (modules.some((module) => p.has(`${name}${module}.bias`))) {
      const biases = modules.map((module) => p.constant(`${name}${module}.bias`));
      y = p.g.op("Add", [y, p.g.op("Concat", biases, { axis: 0 })]);
    }
    const joined = lora?.add(y, x, layer, modules) ?? y;
    const sizes = [numHeads, numKeyValueHeads, numKeyValueHeads].map((count) => count * headDim);
    return [joined, () => p.g.ops("Split", [joined, p.g.integers(sizes)], { count: 3, attrs: { axis: -1 } })];
  }

  /** Normed head by head, or all heads together where the family does that. */
  #normedHeads(value: string, count: number, weight: string): string {
    const { g } = this.products, { headDim, qkNormWhole = false } = this.config;
    if (qkNormWhole) return this.products.normed(value, weight);
    const split = g.op("Reshape", [value, g.integers([0, 0, count, headDim])]);
    return g.op("Reshape", [this.products.normed(split, weight), g.integers([0, 0, count * headDim])]);
  }
}
