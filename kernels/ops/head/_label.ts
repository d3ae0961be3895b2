import type { Attributes, IndexRange } from "../../kernel.ts";
import { constantNode, floatAttribute, nativeNode, type OnnxNode, type OnnxTarget } from "../../onnx_node.ts";
import { dot, row, rowsOf, softmax } from "../../vectors.ts";
import { capOf, capSlopeNodes, softCapNodes, softCapped } from "../soft_capping.ts";
import { gemmNodes } from "../half_onnx.ts";

/** Labels choose rows of the vocabulary. */
export const labelIndices = {
  ids: ({ vocab }: { readonly vocab: number }): IndexRange => ({ least: 0, below: vocab }),
};

/** Logits `z = h wᵀ` of label `l`, capped where there is a cap, their softmax and log Σ_v exp z[v]. */
export function labelSoftmax(
  { h, w, cap }: { h: Float64Array; w: Float64Array; cap: number | null },
  l: number,
  cols: number,
): { logits: Float64Array; weights: Float64Array; logSum: number } {
  const own = row(h, l, cols);
  const logits = Float64Array.from(rowsOf(w, cols), (token) => softCapped(dot(own, token), cap));
  return { logits, ...softmax(logits) };
}

/** Nodes: logits `z`; of those that are capped their shares of the cap, `z_share`, too. */
export function logitNodes(target: OnnxTarget, attrs: Attributes): OnnxNode[] {
  const cap = capOf(attrs);
  return [
    ...gemmNodes(target, { a: "h", b: "w", out: cap === null ? "z" : "z_plain", transB: 1 }),
    ...cap === null ? [] : softCapNodes("z_plain", "z", cap),
  ];
}

/** Nodes: `to`, gradients of logits, of gradients `from` of those that are capped. @param share The logits' shares of the cap */
export function uncappedNodes(from: string, to: string, share = "z_share"): OnnxNode[] {
  return [...capSlopeNodes(share, `${to}_slope`), { op: "Mul", in: [from, `${to}_slope`], out: [to] }];
}

/** Nodes: {@linkcode logitNodes}, shifted exponentials `e` and their sum `sum [labels, 1]`, and `logp`. */
export function logprobNodes(target: OnnxTarget, attrs: Attributes): OnnxNode[] {
  return [
    ...logitNodes(target, attrs),
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
  { attrs, target: { native, half } }: { attrs: Attributes; target: OnnxTarget },
): OnnxNode[] | null {
  if (!native || half) return null;
  return [nativeNode(op, ["h", "w", "ids"], outputs, { cap: floatAttribute(capOf(attrs) ?? 0) })];
}
