/**
 * The value head as a graph: final norm, dropout, a product with one row and a bias (trl's ValueHead).
 *
 * Shapes: T rows of a packed row, D hidden, L rows whose value is wanted.
 * @module
 */
import { differentiate } from "../../autodiff.ts";
import { type Graph, GraphBuilder } from "../../graph.ts";
import { addBias } from "../../ops/arithmetic/add_bias.ts";
import { multiply } from "../../ops/arithmetic/multiply.ts";
import { gatherRows } from "../../ops/layout/gather_rows.ts";
import { rmsNorm } from "../../ops/norms/rms_norm.ts";
import { linear } from "../../ops/products/products.ts";
import type { DecoderConfig } from "./decoder_config.ts";
import { normAttributes } from "./norms.ts";

/** Inputs of the graph, but the bias, that may be trained, or that the way back goes on from. */
export type ValueHeadInput = "x" | "norm" | "weight";

/**
 * `value [L, 1]` = `mask ∘ norm(x[rows]) · weightᵀ + bias`, of `x [T, D]`, `norm [D]`, `weight [1, D]`, `bias [1]` and `rows [L]`.
 * @param dropped With `mask [L, D]`, 0 or 1 / (1 − rate); false: without
 */
export function valueHeadGraph(config: DecoderConfig, dropped: boolean): Graph {
  const g = new GraphBuilder(), { hiddenSize } = config;
  const x = g.input("x", ["T", hiddenSize]), norm = g.input("norm", [hiddenSize]);
  const weight = g.input("weight", [1, hiddenSize]), bias = g.input("bias", [1]);
  const picked = g.run(gatherRows, { x, ids: g.input("rows", ["L"], "i32") }).y;
  const normed = g.run(rmsNorm, { x: picked, weight: norm }, normAttributes(config)).y;
  const read = dropped ? g.run(multiply, { a: normed, b: g.input("mask", ["L", hiddenSize]) }).y : normed;
  return g.finish({ value: g.run(addBias, { x: g.run(linear, { x: read, w: weight }).y, bias }).y });
}

/**
 * Gradients `d.X` of inputs from `d.value [L, 1]`, and `d.bias [1]` that is given as `slopes [1]`, the sum of `d.value`. Where values are compared that sum is
 * zero, and what float32 makes of it is rounding, which AdamW, dividing by its size, would turn into steps; so it is taken in float64 by who has the slopes.
 */
export function valueHeadBackwardGraph(
  config: DecoderConfig,
  wanted: readonly ValueHeadInput[],
  dropped: boolean,
): Graph {
  const { backward } = differentiate(valueHeadGraph(config, dropped), ["value"], [...wanted], "inputs");
  const g = new GraphBuilder(backward);
  return g.finish({ ...backward.outputs, "d.bias": g.input("slopes", [1]) });
}
