import type { IndexRange } from "../../kernel.ts";
import { constantNode, nativeNode, type OnnxNode, type OnnxTarget } from "../../onnx_node.ts";
import { dot, row, rowsOf, softmax } from "../../vectors.ts";
import { gemmNodes } from "../half_onnx.ts";

/** Labels choose rows of the vocabulary. */
export const labelIndices = {
  ids: ({ vocab }: { readonly vocab: number }): IndexRange => ({ least: 0, below: vocab }),
};

/** Logits `z = h wᵀ` of label `l`, their softmax and log Σ_v exp z[v]. */
export function labelSoftmax(
  { h, w }: { h: Float64Array; w: Float64Array },
  l: number,
  cols: number,
): { logits: Float64Array; weights: Float64Array; logSum: number } {
  const own = row(h, l, cols);
  const logits = Float64Array.from(rowsOf(w, cols), (token) => dot(own, token));
  return { logits, ...softmax(logits) };
}

/** Nodes: logits `z`, shifted exponentials `e` and their sum `sum [labels, 1]`, and `logp`. */
export function logprobNodes(target: OnnxTarget): OnnxNode[] {
  return [
    ...gemmNodes(target, { a: "h", b: "w", out: "z", transB: 1 }),
    constantNode("axis", "i64", [-1]),
    { op: "ReduceMax", in: ["z", "axis"], out: ["max"] },
    { op: "Sub", in: ["z", "max"], out: ["shifted"] },
    { op: "Unsqueeze", in: ["ids", "axis"], out: ["ids2"] },
    { op: "GatherElements", in: ["shifted", "ids2"], out: ["picked_shifted"], attrs: { axis: 1 } },
    { op: "Exp", in: ["shifted"], out: ["e"] },
    { op: "ReduceSum", in: ["e", "axis"], out: ["sum"] },
    { op: "Log", in: ["sum"], out: ["log_sum"] },
    { op: "Sub", in: ["picked_shifted", "log_sum"], out: ["logp2"] },
    { op: "Squeeze", in: ["logp2", "axis"], out: ["logp"] },
  ];
}

/** The head by an operator of our own, which keeps no logits; null: not by one. */
export function nativeHead(
  op: string,
  outputs: readonly string[],
  { native, half }: OnnxTarget,
): OnnxNode[] | null {
  return native && !half ? [nativeNode(op, ["h", "w", "ids"], outputs)] : null;
}
