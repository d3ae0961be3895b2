/**
 * One step of AdamW (Loshchilov & Hutter 2019, as torch.optim.AdamW computes it), where tensors live.
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import { type Attributes, type Axes, defineKernel, type Kernel, number, type Sample } from "../../kernel.ts";
import { constantNode, type OnnxNode } from "../../onnx_node.ts";
import { zip } from "../../vectors.ts";
import { matrixSizes, ofRank } from "../matrix.ts";
import { elementwise } from "../wgsl/elementwise.ts";
import { literal } from "../wgsl/shader.ts";

/** Attributes as numbers. */
function settings(attrs: Attributes) {
  return {
    beta1: number(attrs, "beta1"),
    beta2: number(attrs, "beta2"),
    epsilon: number(attrs, "epsilon"),
    decays: attrs.decay === true,
  };
}

/** Places of the constants in `hyper`. */
export const HYPER = { decay: 0, stepSize: 1, rootScale: 2, clip: 3 };

const IN_PLACE = { p_next: "p", m_next: "m", v_next: "v" } as const;

function stepOf<const Shape extends Axes[string]>(name: string, axes: Shape, samples: readonly Sample[]) {
  return defineKernel({
    name,
    inputs: { p: axes, m: axes, v: axes, g: axes, hyper: ["hyper"] },
    outputs: { p_next: axes, m_next: axes, v_next: axes },
    inPlace: IN_PLACE,
    reference: ({ p, m, v, g, hyper }, _dims, attrs) => {
      const { beta1, beta2, epsilon, decays } = settings(attrs);
      const decay = decays ? f64(hyper, HYPER.decay) : 0, stepSize = f64(hyper, HYPER.stepSize);
      const rootScale = f64(hyper, HYPER.rootScale), clip = f64(hyper, HYPER.clip);
      if (clip < 0) return { p_next: p.slice(), m_next: m.slice(), v_next: v.slice() };
      const m_next = zip((old, g) => beta1 * old + (1 - beta1) * g * clip, m, g);
      const v_next = zip((old, g) => beta2 * old + (1 - beta2) * (g * clip) ** 2, v, g);
      const p_next = zip(
        (old, m, v) => old - decay * old - stepSize * m / (Math.sqrt(v) * rootScale + epsilon),
        p,
        m_next,
        v_next,
      );
      return { p_next, m_next, v_next };
    },
    onnx: (_dims, attrs) => stepNodes(attrs),
    wgsl: (dims, attrs, limits) => {
      const { beta1, beta2, epsilon, decays } = settings(attrs);
      return {
        dispatches: elementwise({
          label: "adamw",
          ...matrixSizes(axes, dims),
          inputs: { p: "element", m: "element", v: "element", g: "element", hyper: "list" },
          inPlace: IN_PLACE,
          outputs: ({ p, m, v, g, hyper }, keep) => {
            const clipped = keep("clipped", `${g} * ${hyper(HYPER.clip)}`);
            const m_next = keep("m_next", `${literal(beta1)} * ${m} + ${literal(1 - beta1)} * ${clipped}`);
            const v_next = keep(
              "v_next",
              `${literal(beta2)} * ${v} + ${literal(1 - beta2)} * ${clipped} * ${clipped}`,
            );
            const kept = keep("kept", decays ? `${p} - ${hyper(HYPER.decay)} * ${p}` : p);
            const divisor = `(sqrt(${v_next}) * ${hyper(HYPER.rootScale)} + V(${literal(epsilon)}))`;
            const p_next = `${kept} - ${hyper(HYPER.stepSize)} * ${m_next} / ${divisor}`;
            const refused = keep("refused", `${hyper(HYPER.clip)} < 0f`);
            const unless = (value: string, old: string) => `select(${value}, ${old}, ${refused})`;
            return { p_next: unless(p_next, p), m_next: unless(m_next, m), v_next: unless(v_next, v) };
          },
        }, limits),
      };
    },
    grad: null,
    samples,
    tolerance: { atol: 1e-7, rtol: 1e-5 },
  });
}

function stepNodes(attrs: Attributes): OnnxNode[] {
  const { beta1, beta2, epsilon, decays } = settings(attrs);
  const average = (
    { old, fresh, out, beta }: Readonly<Record<"old" | "fresh" | "out" | "beta", string>>,
  ): OnnxNode[] => [
    { op: "Mul", in: [old, beta], out: [`${out}_kept`] },
    { op: "Mul", in: [fresh, `${beta}_rest`], out: [`${out}_new`] },
    { op: "Add", in: [`${out}_kept`, `${out}_new`], out: [out] },
  ];
  return [
    constantNode("ones", "i64", [1, 1, 1, 1]),
    { op: "Split", in: ["hyper", "ones"], out: ["decay", "step_size", "root_scale", "scale"] },
    constantNode("beta1", "f32", [beta1]),
    constantNode("beta1_rest", "f32", [1 - beta1]),
    constantNode("beta2", "f32", [beta2]),
    constantNode("beta2_rest", "f32", [1 - beta2]),
    constantNode("epsilon", "f32", [epsilon]),
    constantNode("zero", "f32", [0]),
    { op: "Less", in: ["scale", "zero"], out: ["refused"] },
    { op: "Mul", in: ["g", "scale"], out: ["clipped"] },
    { op: "Mul", in: ["clipped", "clipped"], out: ["square"] },
    ...average({ old: "m", fresh: "clipped", out: "m_new", beta: "beta1" }),
    ...average({ old: "v", fresh: "square", out: "v_new", beta: "beta2" }),
    { op: "Sqrt", in: ["v_new"], out: ["root"] },
    { op: "Mul", in: ["root", "root_scale"], out: ["scaled_root"] },
    { op: "Add", in: ["scaled_root", "epsilon"], out: ["divisor"] },
    { op: "Mul", in: ["m_new", "step_size"], out: ["step"] },
    { op: "Div", in: ["step", "divisor"], out: ["change"] },
    ...(decays
      ? [
        { op: "Mul", in: ["p", "decay"], out: ["decayed"] },
        { op: "Sub", in: ["p", "decayed"], out: ["p_kept"] },
      ]
      : []),
    { op: "Sub", in: [decays ? "p_kept" : "p", "change"], out: ["p_new"] },
    ...["p", "m", "v"].map((old) => ({
      op: "Where",
      in: ["refused", old, `${old}_new`],
      out: [`${old}_next`],
    })),
  ];
}

const attrs = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: true };
const range = { v: [0, 1], p: [-2, 2] } as const;
const hyper = { hyper: [2e-5, 1e-3, 1.5, 0.7] };

/**
 * `m ← β1 m + (1 − β1) c g`, `v ← β2 v + (1 − β2) (c g)²`, `p ← p − λ p − s m / (√v · r + ε)`, each `[rows, cols]`;
 * `hyper` is `[λ, s, r, c]`: λ = learning rate × weight decay (with attribute `decay`), s = learning rate / (1 − β1^t),
 * r = 1 / √(1 − β2^t), c = the factor of gradient clipping; where it is negative nothing changes (`clip_hyper`). Attributes `beta1`, `beta2` in [0, 1), `epsilon` > 0, `decay`.
 */
export const adamw = stepOf("adamw", ["rows", "cols"], [
  { dims: { rows: 1, cols: 1, hyper: 4 }, attrs, range, data: hyper, note: "one element" },
  { dims: { rows: 7, cols: 65, hyper: 4 }, attrs, range, data: hyper, note: "odd sizes" },
  {
    dims: { rows: 33, cols: 12, hyper: 4 },
    attrs: { ...attrs, decay: false },
    range: { ...range, m: [0, 0], v: [0, 0] },
    data: { hyper: [0.5, 1e-3, 31.6, 1] },
    note: "first step, no decay",
  },
  {
    dims: { rows: 5, cols: 8, hyper: 4 },
    attrs,
    range: { ...range, g: [-1e-6, 1e-6], m: [-1e-6, 1e-6], v: [0, 1e-12] },
    data: hyper,
    note: "small gradients",
  },
  {
    dims: { rows: 2, cols: 4, hyper: 4 },
    attrs,
    range,
    data: { hyper: [2e-5, 1e-3, 1.5, -1], g: [NaN, Infinity, 1, 2, 3, 4, 5, 6] },
    note: "refused",
  },
]);

/** As {@linkcode adamw}, `[rows]`: norm weights and biases. */
export const adamwVector = stepOf("adamw_vector", ["rows"], [
  { dims: { rows: 1, hyper: 4 }, attrs, range, data: hyper, note: "one element" },
  { dims: { rows: 65, hyper: 4 }, attrs, range, data: hyper, note: "odd size" },
  {
    dims: { rows: 576, hyper: 4 },
    attrs: { ...attrs, decay: false },
    range,
    data: hyper,
    note: "no decay",
  },
]);

type Tensors<Name extends string> = Readonly<Record<Name, readonly string[]>>;
type Step = Kernel<Tensors<"p" | "m" | "v" | "g" | "hyper">, Tensors<"p_next" | "m_next" | "v_next">>;

/** The kernel that steps tensors of a rank. @throws {TypeError} If the rank is neither 1 nor 2. */
export function adamwOfRank(rank: number): Step {
  return ofRank<Step>(rank, { vector: adamwVector, matrix: adamw });
}
