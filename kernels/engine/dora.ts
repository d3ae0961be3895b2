/**
 * A module with weight-decomposed LoRA (DoRA, Liu et al. 2024), as PEFT computes it: with V = W + s B A, y = m / ‖V‖ ∘ V x, lengths
 * taken by rows of V and ‖V‖ a constant to gradients. The product with W stays the one that is fused with LoRA's.
 * @module
 */
import type { GraphBuilder, Value } from "../graph.ts";
import { add } from "../ops/add.ts";
import { doraFactor } from "../ops/dora_factor.ts";
import { linear } from "../ops/products.ts";
import { loraUp } from "../ops/product_sums.ts";
import { scaleColumns } from "../ops/scale_columns.ts";

/** Tensors of a module as values of a graph. */
export interface DoraParts {
  /** Frozen, `[out, in]`. */
  w: Value;
  /** `[r, in]`. */
  a: Value;
  /** `[out, r]`. */
  b: Value;
  /** Lengths m of the rows of V, `[out]`. */
  magnitude: Value;
  /** Lengths of the rows of W, `[out]`. */
  norm: Value;
}

/**
 * The module's output `[T, out]` without its bias.
 *
 * With dropout D PEFT drops the inputs of all that isn't the frozen module's own output: y = W x + (m / ‖V‖ − 1) ∘ W D x + m / ‖V‖ ∘ s B A D x.
 * @param y `W x`
 * @param kept `D x`; null without dropout
 * @param x `[T, in]`
 * @param scale s, α/r or α/√r
 */
export function doraOutput(
  g: GraphBuilder,
  y: Value,
  kept: Value | null,
  x: Value,
  { w, a, b, magnitude, norm }: DoraParts,
  scale: number,
): Value {
  const aw = g.run(linear, { x: a, w }).y, gram = g.run(linear, { x: a, w: a }).y;
  const bg = g.run(linear, { x: b, w: gram }).y;
  const { factor } = g.run(doraFactor, { magnitude, norm, aw, b, bg }, { scale });
  const h = g.run(linear, { x: kept ?? x, w: a }).y;
  if (kept === null) {
    return g.run(scaleColumns, { x: g.run(loraUp, { base: y, h, b }, { alpha: scale }).y, factor }).y;
  }
  const less = g.run(linear, { x: kept, w }, { alpha: -1 }).y;
  const negative = g.run(loraUp, { base: less, h, b }, { alpha: -scale }).y;
  return g.run(add, {
    a: g.run(add, { a: y, b: less }).y,
    b: g.run(scaleColumns, { x: negative, factor }, { alpha: -1 }).y,
  }).y;
}
