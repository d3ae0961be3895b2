/**
 * A module with weight-decomposed LoRA (DoRA, Liu et al. 2024), as PEFT computes it: with V = W + s B A, y = m / ‖V‖ ∘ V x, lengths
 * taken by rows of V and ‖V‖ a constant to gradients. The product with W stays the one that is fused with LoRA's.
 * @module
 */
import type { GraphBuilder, Value } from "../../graph.ts";
import { add } from "../../ops/arithmetic/add.ts";
import { multiply } from "../../ops/arithmetic/multiply.ts";
import { divideVector } from "../../ops/arithmetic/divide_vector.ts";
import { doraLength } from "../../ops/norms/dora_length.ts";
import { linear } from "../../ops/products/products.ts";
import { loraUp } from "../../ops/products/product_sums.ts";
import { scaleColumns } from "../../ops/arithmetic/scale_columns.ts";

/** A module's frozen weight and the tensors beside it, as values of a graph. */
export interface DoraParts {
  /** `W x` `[rows, out]` of any `[rows, in]`, of whatever form the weight has. */
  frozen(x: Value): Value;
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
 * @param inputs `x` `[T, in]`; `mask` of dropout, `[T, in]` (0 or 1/(1 − rate)), null without it; `scale` s, α/r or α/√r
 */
export function doraOutput(
  g: GraphBuilder,
  { x, mask, scale }: { x: Value; mask: Value | null; scale: number },
  { frozen, a, b, magnitude, norm }: DoraParts,
): Value {
  const y = frozen(x), aw = frozen(a), gram = g.run(linear, { x: a, w: a }).y;
  const bg = g.run(linear, { x: b, w: gram }).y;
  const { length } = g.run(doraLength, { norm, aw, b, bg }, { scale });
  const factor = g.run(divideVector, { a: magnitude, b: length }).y;
  const dropped = mask && g.run(multiply, { a: x, b: mask }, { alpha: -1 }).y;
  const h = g.run(linear, { x: dropped ?? x, w: a }).y;
  if (dropped === null) {
    return g.run(scaleColumns, { x: g.run(loraUp, { base: y, h, b }, { alpha: scale }).y, factor }).y;
  }
  const less = frozen(dropped), negative = g.run(loraUp, { base: less, h, b }, { alpha: scale }).y;
  return g.run(add, {
    a: g.run(add, { a: y, b: less }).y,
    b: g.run(scaleColumns, { x: negative, factor }, { alpha: -1 }).y,
  }).y;
}
