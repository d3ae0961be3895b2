/**
 * Soft-capping, cap · tanh(x / cap): values between −cap and cap (Gemma 2's scores and logits), as the kernels that cap share it. Its slope is
 * 1 − (y / cap)² where y is the capped value. A cap of null leaves values as they are, and lowerings as they were.
 * @module
 */
import { type Attributes, number } from "../kernel.ts";
import { constantNode, type OnnxNode } from "../onnx_node.ts";

/** Attribute `cap`: > 0; null where it is null or missing. @throws {RangeError} If it isn't above 0 */
export function capOf(attrs: Attributes): number | null {
  if ((attrs.cap ?? null) === null) return null;
  const cap = number(attrs, "cap");
  if (cap > 0) return cap;
  throw new RangeError(`Cannot cap values as attribute "cap" is to be above 0: current value is ${cap}`);
}

/** A value as it is capped. */
export function softCapped(value: number, cap: number | null): number {
  return cap === null ? value : cap * Math.tanh(value / cap);
}

/** What a change of a value is multiplied by, where `capped` is what it became. */
export function capSlope(capped: number, cap: number | null): number {
  return cap === null ? 1 : 1 - (capped / cap) ** 2;
}

/** `to`, `from` capped, and `TO_share`, its quotient by the cap. */
export function softCapNodes(from: string, to: string, cap: number): OnnxNode[] {
  return [
    constantNode(`${to}_inverse`, "f32", 1 / cap),
    { op: "Mul", in: [from, `${to}_inverse`], out: [`${to}_ratio`] },
    ...tanhNodes(`${to}_ratio`, to, cap),
  ];
}

/** The same of a value that is divided by the cap already. */
export function tanhNodes(from: string, to: string, cap: number): OnnxNode[] {
  return [
    constantNode(`${to}_cap`, "f32", cap),
    { op: "Tanh", in: [from], out: [`${to}_share`] },
    { op: "Mul", in: [`${to}_share`, `${to}_cap`], out: [to] },
  ];
}

/** `to`, the slopes of values that {@linkcode softCapNodes} made, by their shares of the cap. */
export function capSlopeNodes(share: string, to: string): OnnxNode[] {
  return [
    constantNode(`${to}_one`, "f32", 1),
    { op: "Mul", in: [share, share], out: [`${to}_square`] },
    { op: "Sub", in: [`${to}_one`, `${to}_square`], out: [to] },
  ];
}
