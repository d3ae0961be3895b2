/**
 * Kernels that no graph uses, for the bench alone: a device's peak, and a product without tiles.
 * @module
 */
import { defineKernel } from "./kernel.ts";
import { linear } from "./ops/products/products.ts";
import { shader } from "./ops/wgsl/shader.ts";

/** The product as one writes it first; only for comparing. */
export const naiveLinear = defineKernel({
  ...linear,
  name: "naive linear",
  wgsl: ({ rows, in: inner, out }) => ({
    dispatches: [shader({
      label: "naive linear",
      threads: 64,
      read: { x: {}, w: {} },
      write: { y: {} },
      sizes: { rows, depth: inner, out },
      workgroups: Math.ceil(rows * out / 64),
      body: `  let i = workgroup * 64u + lane;
  if (i >= sizes.rows * sizes.out) { return; }
  let r = i / sizes.out; let c = i % sizes.out;
  var sum = 0f;
  for (var k = 0u; k < sizes.depth; k++) { sum += x[r * sizes.depth + k] * w[c * sizes.depth + k]; }
  y[i] = sum;`,
    })],
  }),
});

const CHAINS = 16, LENGTH = 512;
/** Steps of a chain written out, so that the loop takes no share: an H100 was measured at 29 TFLOP/s of its 44.6. */
const WRITTEN = 16;

/** Multiply-adds of an invocation of {@linkcode registers}. */
export const MULTIPLY_ADDS: number = CHAINS * LENGTH;

/** Multiply-adds in registers: what the arithmetic units can do at most. `rows` is the number of invocations. */
export const registers = defineKernel({
  name: "multiply-adds in registers",
  inputs: { a: ["rows"] },
  outputs: { y: ["rows"] },
  // Only timed: no graph has it.
  reference: ({ a }) => ({ y: a }),
  onnx: () => [{ op: "Identity", in: ["a"], out: ["y"] }],
  grad: null,
  samples: [],
  tolerance: { atol: 0, rtol: 0 },
  wgsl: ({ rows }) => ({
    dispatches: [shader({
      label: "registers",
      threads: 64,
      read: { a: {} },
      write: { y: {} },
      sizes: { rows },
      workgroups: Math.ceil(rows / 64),
      body: `  let i = workgroup * 64u + lane;
  if (i >= sizes.rows) { return; }
  let f = vec4<f32>(a[i]);
${Array.from({ length: CHAINS / 4 }, (_, c) => `  var s${c} = vec4<f32>(${c}f);`).join("\n")}
  for (var k = 0u; k < ${LENGTH / WRITTEN}u; k++) {
${
        Array.from({ length: WRITTEN * CHAINS / 4 }, (_, i) =>
          `    s${i % (CHAINS / 4)} = fma(s${i % (CHAINS / 4)}, f, f);`)
          .join("\n")
      }
  }
  let s = ${Array.from({ length: CHAINS / 4 }, (_, c) => `s${c}`).join(" + ")};
  y[i] = s.x + s.y + s.z + s.w;`,
    })],
  }),
});
