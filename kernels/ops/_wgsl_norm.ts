/**
 * RMSNorm and its gradient as compute shaders: a workgroup owns a row (or one group of it) and reads it twice.
 * @module
 */
import type { WgslDispatch, WgslLimits } from "../kernel.ts";
import { literal, rowParts, shader, threadsFor, workgroupReduce } from "./_wgsl.ts";

/**
 * For every group of every row: `squares` = Σ x², `inverse` = 1/rms, and with `sum` a second sum; then `value` at each
 * position `at`, column `c` of the group. `scale` is 1 / group.
 */
export function rmsRows(
  label: string,
  rows: number,
  cols: number,
  group: number,
  eps: number,
  limits: WgslLimits,
  inputs: readonly string[],
  output: string,
  expressions: { sum?: string; value: string },
): WgslDispatch[] {
  const threads = threadsFor(group), per = cols / group;
  return rowParts(rows, cols, limits).map(({ first, count }) => {
    const part = { first: first * cols, count: count * cols };
    return shader({
      label,
      threads,
      read: {
        ...Object.fromEntries(inputs.map((name) => [`${name}_in`, { of: name, part }])),
        weight_in: { of: "weight" },
      },
      write: { result: { of: output, part } },
      groups: count * per,
      declarations: shared(["squares", ...(expressions.sum ? ["sum"] : [])], threads),
      body: `  let start = group * ${group}u; let scale = ${literal(1 / group)};
  var squares = 0f;
  ${expressions.sum ? "var sum = 0f;" : ""}
  for (var c = lane; c < ${group}u; c += ${threads}u) {
    let at = start + c;
    squares += x_in[at] * x_in[at];
    ${expressions.sum ? `sum += ${expressions.sum};` : ""}
  }
${workgroupReduce("squares", threads)}
${expressions.sum ? workgroupReduce("sum", threads) : ""}
  let inverse = 1f / sqrt(squares * scale + ${literal(eps)});
  for (var c = lane; c < ${group}u; c += ${threads}u) {
    let at = start + c;
    result[at] = ${expressions.value};
  }`,
    });
  });
}

/** `inverse[row]` = 1/rms of every row of `group` elements of `x`. */
export function inverseRmsRows(rows: number, group: number, eps: number, limits: WgslLimits): WgslDispatch[] {
  const threads = threadsFor(group);
  return rowParts(rows, group, limits).map(({ first, count }) =>
    shader({
      label: "rms_norm_weight_grad, 1/rms",
      threads,
      read: { x: { part: { first: first * group, count: count * group } } },
      write: { inverse: {} },
      sizes: { first },
      groups: count,
      declarations: shared(["squares"], threads),
      body: `  var squares = 0f;
  for (var c = lane; c < ${group}u; c += ${threads}u) {
    let v = x[group * ${group}u + c];
    squares += v * v;
  }
${workgroupReduce("squares", threads)}
  if (lane == 0u) { inverse[sizes.first + group] = 1f / sqrt(squares * ${literal(1 / group)} + ${
        literal(eps)
      }); }`,
    })
  );
}

function shared(names: readonly string[], threads: number): string {
  return names.map((name) => `var<workgroup> shared_${name}: array<f32, ${threads}>;`).join("\n");
}
