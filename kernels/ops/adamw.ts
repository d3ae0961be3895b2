/**
 * One step of AdamW (Loshchilov & Hutter 2019, as torch.optim.AdamW computes it), where tensors live.
 * @module
 */
import { constant, type Kernel, number, type OnnxNode } from "../kernel.ts";
import { elementwise, literal } from "./_wgsl.ts";

const four = { hyper: ["hyper"] };
const tensors = ["p", "m", "v", "g"] as const;

const step: Omit<Kernel, "name" | "inputs" | "outputs" | "samples"> = {
  reference: ({ p, m, v, g, hyper }, _dims, attrs) => {
    const [decay, stepSize, rootScale, scale] = hyper as unknown as [number, number, number, number];
    const beta1 = number(attrs, "beta1"), beta2 = number(attrs, "beta2"), epsilon = number(attrs, "epsilon");
    const first = m!.map((old, i) => beta1 * old + (1 - beta1) * g![i]! * scale);
    const second = v!.map((old, i) => beta2 * old + (1 - beta2) * (g![i]! * scale) ** 2);
    const next = p!.map((old, i) =>
      old - (attrs.decay ? decay * old : 0) -
      stepSize * first[i]! / (Math.sqrt(second[i]!) * rootScale + epsilon)
    );
    return { p_next: next, m_next: first, v_next: second };
  },
  onnx: (_dims, attrs) => {
    const beta1 = number(attrs, "beta1"), beta2 = number(attrs, "beta2");
    const average = (old: string, fresh: string, out: string, beta: string): OnnxNode[] => [
      { op: "Mul", in: [old, beta], out: [`${out}_kept`] },
      { op: "Mul", in: [fresh, `${beta}_rest`], out: [`${out}_new`] },
      { op: "Add", in: [`${out}_kept`, `${out}_new`], out: [out] },
    ];
    return [
      constant("ones", "i64", [1, 1, 1, 1]),
      { op: "Split", in: ["hyper", "ones"], out: ["decay", "step_size", "root_scale", "scale"] },
      constant("beta1", "f32", [beta1]),
      constant("beta1_rest", "f32", [1 - beta1]),
      constant("beta2", "f32", [beta2]),
      constant("beta2_rest", "f32", [1 - beta2]),
      constant("epsilon", "f32", [number(attrs, "epsilon")]),
      { op: "Mul", in: ["g", "scale"], out: ["clipped"] },
      { op: "Mul", in: ["clipped", "clipped"], out: ["square"] },
      ...average("m", "clipped", "m_next", "beta1"),
      ...average("v", "square", "v_next", "beta2"),
      { op: "Sqrt", in: ["v_next"], out: ["root"] },
      { op: "Mul", in: ["root", "root_scale"], out: ["scaled_root"] },
      { op: "Add", in: ["scaled_root", "epsilon"], out: ["divisor"] },
      { op: "Mul", in: ["m_next", "step_size"], out: ["step"] },
      { op: "Div", in: ["step", "divisor"], out: ["change"] },
      ...(attrs.decay
        ? [
          { op: "Mul", in: ["p", "decay"], out: ["decayed"] },
          { op: "Sub", in: ["p", "decayed"], out: ["p_kept"] },
        ]
        : []),
      { op: "Sub", in: [attrs.decay ? "p_kept" : "p", "change"], out: ["p_next"] },
    ];
  },
  // A vector is one row.
  wgsl: ({ rows, cols }, attrs, limits) => {
    const beta1 = number(attrs, "beta1"), beta2 = number(attrs, "beta2");
    return {
      dispatches: elementwise(
        "adamw",
        cols === undefined ? 1 : rows!,
        cols ?? rows!,
        limits,
        [...tensors.map((name) => ({ name, per: "element" as const })), { name: "hyper", per: "all" }],
        {
          p_next: "kept - hyper_in[1] * m_new / (sqrt(v_new) * hyper_in[2] + V(epsilon))",
          m_next: "m_new",
          v_next: "v_new",
        },
        {
          declarations: `const epsilon = ${literal(number(attrs, "epsilon"))};`,
          before: `  let clipped = g * hyper_in[3];
  let m_new = ${literal(beta1)} * m + ${literal(1 - beta1)} * clipped;
  let v_new = ${literal(beta2)} * v + ${literal(1 - beta2)} * clipped * clipped;
  let kept = ${attrs.decay ? "p - hyper_in[0] * p" : "p"};`,
        },
      ),
    };
  },
  grad: null,
  tolerance: { atol: 1e-7, rtol: 1e-5 },
};

const attrs = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: true };
const range = { v: [0, 1], p: [-2, 2] } as const;
const hyper = { hyper: [2e-5, 1e-3, 1.5, 0.7] };

/**
 * `m ← β1 m + (1 − β1) c g`, `v ← β2 v + (1 − β2) (c g)²`, `p ← p − λ p − s m / (√v · r + ε)`, each `[rows, cols]`;
 * `hyper` is `[λ, s, r, c]`: λ = learning rate × weight decay (with attribute `decay`), s = learning rate / (1 − β1^t),
 * r = 1 / √(1 − β2^t), c = the factor of gradient clipping. Attributes `beta1`, `beta2` in [0, 1), `epsilon` > 0, `decay`.
 */
export const adamw: Kernel = {
  name: "adamw",
  inputs: { ...Object.fromEntries(tensors.map((name) => [name, ["rows", "cols"]])), ...four },
  outputs: { p_next: ["rows", "cols"], m_next: ["rows", "cols"], v_next: ["rows", "cols"] },
  ...step,
  samples: [
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
  ],
};

/** As {@linkcode adamw}, `[rows]`: norm weights and biases. */
export const adamwVector: Kernel = {
  name: "adamw_vector",
  inputs: { ...Object.fromEntries(tensors.map((name) => [name, ["rows"]])), ...four },
  outputs: { p_next: ["rows"], m_next: ["rows"], v_next: ["rows"] },
  ...step,
  samples: [
    { dims: { rows: 1, hyper: 4 }, attrs, range, data: hyper, note: "one element" },
    { dims: { rows: 65, hyper: 4 }, attrs, range, data: hyper, note: "odd size" },
    {
      dims: { rows: 576, hyper: 4 },
      attrs: { ...attrs, decay: false },
      range,
      data: hyper,
      note: "no decay",
    },
  ],
};
