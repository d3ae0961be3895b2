/**
 * GELU by its tanh approximation, gate · σ(z) with z = gate (LINEAR + CUBIC gate²), as its kernels share it.
 * @module
 */
import type { Sample } from "../../kernel.ts";
import { constantNode, type OnnxNode } from "../../onnx_node.ts";
import { SIGMOID } from "../wgsl/elementwise.ts";
import { literal } from "../wgsl/shader.ts";

/** 2 √(2/π). */
export const LINEAR: number = 2 * Math.sqrt(2 / Math.PI);
/** Factor of the third power. */
export const CUBIC: number = 0.044715 * LINEAR;

/** σ(z), the share of `gate` that passes. */
export function geluPart(gate: number): number {
  return 1 / (1 + Math.exp(-gate * (LINEAR + CUBIC * gate * gate)));
}

/** `s`, σ(z), and `gelu` of `gate`; `squares` too. */
export const geluNodes: readonly OnnxNode[] = [
  constantNode("linear", "f32", LINEAR),
  constantNode("cubic", "f32", CUBIC),
  { op: "Mul", in: ["gate", "gate"], out: ["squares"] },
  { op: "Mul", in: ["squares", "cubic"], out: ["bent"] },
  { op: "Add", in: ["bent", "linear"], out: ["steepness"] },
  { op: "Mul", in: ["gate", "steepness"], out: ["z"] },
  { op: "Sigmoid", in: ["z"], out: ["s"] },
  { op: "Mul", in: ["gate", "s"], out: ["gelu"] },
];

/** `gelu_part` of an elementwise kernel's `V`. */
export const GELU_WGSL: string = `${SIGMOID}
fn gelu_part(x: V) -> V { return sigmoid(x * (${literal(LINEAR)} + ${literal(CUBIC)} * x * x)); }`;

/** Samples of GeGLU and of its gradient. */
export const GELU_SAMPLES: readonly Sample[] = [
  { dims: { rows: 1, cols: 1 }, note: "one element" },
  { dims: { rows: 7, cols: 65 }, range: { gate: [-6, 6] }, note: "odd sizes" },
  { dims: { rows: 130, cols: 5 }, range: { gate: [-100, 100] }, gradient: false, note: "saturated gate" },
];
