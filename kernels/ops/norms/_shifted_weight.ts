/**
 * A norm's weights with its attribute `offset` added, as its kernels share them.
 * @module
 */
import { type Attributes, number } from "../../kernel.ts";
import { constantNode, type OnnxNode } from "../../onnx_node.ts";
import { literal } from "../wgsl/shader.ts";

/** The value that holds `offset + weight`, and the nodes that make it. */
export function shiftedNodes(attrs: Attributes): { nodes: OnnxNode[]; name: string } {
  const offset = number(attrs, "offset", 0);
  if (offset === 0) return { nodes: [], name: "weight" };
  const nodes: OnnxNode[] = [
    constantNode("offset", "f32", offset),
    { op: "Add", in: ["offset", "weight"], out: ["shifted"] },
  ];
  return { nodes, name: "shifted" };
}

/** WGSL of `offset + weight`. @param weight An expression */
export function shiftedWgsl(weight: string, attrs: Attributes): string {
  const offset = number(attrs, "offset", 0);
  return offset === 0 ? weight : `(${literal(offset)} + ${weight})`;
}
