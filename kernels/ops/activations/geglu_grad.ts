/**
 * Gradient of GeGLU: with s = σ(z), z = gate (LINEAR + CUBIC gate²) and slope z' = LINEAR + 3 CUBIC gate²: dup = dy · gate · s;
 * dgate = dy · up · (s + gate s (1 − s) z').
 * @module
 */
import { defineKernel } from "../../kernel.ts";
import { constantNode, nativeNode } from "../../onnx_node.ts";
import { zip } from "../../vectors.ts";
import { CUBIC, GELU_SAMPLES, GELU_WGSL, geluNodes, geluPart, LINEAR } from "./_gelu.ts";
import { elementwise } from "../wgsl/elementwise.ts";
import { literal } from "../wgsl/shader.ts";

/** `dgate` and `dup` of `geglu`. */
export const gegluGrad = defineKernel({
  name: "geglu_grad",
  inputs: { gate: ["rows", "cols"], up: ["rows", "cols"], dy: ["rows", "cols"] },
  outputs: { dgate: ["rows", "cols"], dup: ["rows", "cols"] },
  reference: ({ gate, up, dy }) => {
    const part = gate.map(geluPart);
    const slope = zip((v, s) => s + v * s * (1 - s) * (LINEAR + 3 * CUBIC * v * v), gate, part);
    return {
      dgate: zip((u, slope, d) => d * u * slope, up, slope, dy),
      dup: zip((v, s, d) => d * v * s, gate, part, dy),
    };
  },
  onnx: (_dims, _attrs, { native }) =>
    native ? [nativeNode("GegluGrad", ["gate", "up", "dy"], ["dgate", "dup"])] : [
      ...geluNodes,
      { op: "Mul", in: ["dy", "gelu"], out: ["dup"] },
      constantNode("triple", "f32", 3 * CUBIC),
      constantNode("one", "f32", 1),
      { op: "Mul", in: ["squares", "triple"], out: ["bends"] },
      { op: "Add", in: ["bends", "linear"], out: ["zslope"] },
      { op: "Sub", in: ["one", "s"], out: ["rest"] },
      { op: "Mul", in: ["gelu", "rest"], out: ["curved"] },
      { op: "Mul", in: ["curved", "zslope"], out: ["curve"] },
      { op: "Add", in: ["s", "curve"], out: ["slope"] },
      { op: "Mul", in: ["dy", "up"], out: ["dyup"] },
      { op: "Mul", in: ["dyup", "slope"], out: ["dgate"] },
    ],
  wgsl: ({ rows, cols }, _attrs, limits) => ({
    dispatches: elementwise({
      label: "geglu_grad",
      rows,
      cols,
      inputs: { gate: "element", up: "element", dy: "element" },
      declarations: GELU_WGSL,
      outputs: ({ gate, up, dy }, keep) => {
        const s = keep("s", `gelu_part(${gate})`);
        const steepness = keep("steepness", `${literal(LINEAR)} + ${literal(3 * CUBIC)} * ${gate} * ${gate}`);
        return {
          dgate: `${dy} * ${up} * (${s} + ${gate} * ${s} * (1f - ${s}) * ${steepness})`,
          dup: `${dy} * ${gate} * ${s}`,
        };
      },
    }, limits),
  }),
  grad: null,
  samples: GELU_SAMPLES,
  tolerance: { atol: 1e-5, rtol: 1e-5 },
});
