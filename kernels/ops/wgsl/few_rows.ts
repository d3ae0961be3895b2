/**
 * Products of a few rows with a weight `[n, k]`, as generating needs: y[m, n] = alpha · x[m, k] w[n, k]ᵀ (+ base), m ≤ 8.
 *
 * The weight is read once and nothing is reused, so there are no tiles: neighbouring invocations read neighbouring vec4 of a
 * row of w, keep one sum for each row of x, and add up by subgroup functions or through workgroup memory. A tile of 16 rows leaves 15 of 16
 * invocations without work at m = 1. Tried on a software adapter, 576 → 16384, m = 1: 256 invocations with 16 a column 52 ms,
 * 64 with 16 31 ms, 64 or 128 with 8 20 ms.
 * @module
 */
import type { WgslDispatch, WgslLimits } from "../../wgsl_program.ts";
import type { ProductSpec } from "./product_spec.ts";
import { shuffled, together } from "./reduce.ts";
import { elementOf, literal, rowParts, shader, widthOf } from "./shader.ts";

/** Rows up to which this is done: a vec4 of sums and one more. */
export const FEW_ROWS = 8;
const THREADS = 64;
/**
 * Columns from which 8 invocations for each (128 bytes at a time) are enough; below, 32. What an invocation asks for at a time is a vec4, and
 * a card of 3.35 TB/s answers after some 0.6 µs, so 2 MB have to be on the way: 576 columns of 8 invocations are 74 KB, 1,536 are 197.
 */
const MANY_COLUMNS = 8192;
/** Columns below which 8 invocations for each are too few workgroups, however short a row is. */
const FEW_COLUMNS = 512;
/** Numbers, or vec4, of a row of which 32 invocations have two or more each. */
const LONG_ROW = 64;

/** Lowers a product of layout "nt" with m ≤ {@linkcode FEW_ROWS}; null where x or y don't fit a binding. */
export function fewRows(spec: ProductSpec, limits: WgslLimits): WgslDispatch[] | null {
  const { label, m, n, k, a, b, y, base, parts } = spec;
  if (4 * m * Math.max(n, k) > limits.bindingBytes) return null;
  const half = limits.half?.has(b) ?? false, width = widthOf(k), wide = k / width;
  const alpha = spec.alpha ?? 1, rows = Array.from({ length: m }, (_, r) => r), sums = Math.ceil(m / 4);
  const term = width === 4
    ? (r: number) => `dot(a[${r}u * ${wide}u + i], w)`
    : (r: number) => `a[${r}u * ${wide}u + i] * w`;
  const sum = (r: number) => `sum${Math.floor(r / 4)}[${r % 4}]`;
  return rowParts(n, k, limits, half).map(({ first, count }) => {
    const wideEnough = wide >= LONG_ROW || count < FEW_COLUMNS;
    const lanes = count < MANY_COLUMNS && wideEnough ? 32 : 8, columns = THREADS / lanes;
    const within = together(lanes, limits.subgroups);
    return shader({
      label,
      threads: THREADS,
      read: {
        a: { of: a, element: elementOf(width), ...(parts?.a ? { part: parts.a } : {}) },
        b: {
          of: b,
          element: elementOf(width, half),
          part: { first: (parts?.b?.first ?? 0) + first * k, count: count * k },
        },
        ...(base ? { base: { of: base } } : {}),
      },
      write: { y: { of: y, ...(parts?.y ? { part: parts.y } : {}) } },
      sizes: { n: count, ldy: n, column: first },
      workgroups: Math.ceil(count / columns),
      subgroups: limits.subgroups,
      declarations: within === lanes ? "" : Array.from(
        { length: sums },
        (_, s) => `var<workgroup> shared${s}: array<vec4<f32>, ${THREADS}>;`,
      ).join("\n"),
      body: `  let column = workgroup * ${columns}u + lane / ${lanes}u; let first = lane % ${lanes}u;
${Array.from({ length: sums }, (_, s) => `  var sum${s} = vec4<f32>();`).join("\n")}
  if (column < sizes.n) {
    for (var i = first; i < ${wide}u; i += ${lanes}u) {
      let w = ${width === 4 ? "vec4<f32>" : "f32"}(b[column * ${wide}u + i]);
${rows.map((r) => `      ${sum(r)} += ${term(r)};`).join("\n")}
    }
  }
${Array.from({ length: sums }, (_, s) => reduce(s, lanes, within)).join("\n")}
  if (column >= sizes.n || first > 0u) { return; }
${
        rows.map((r) =>
          `  { let index = ${r}u * sizes.ldy + sizes.column + column; y[index] = ${
            alpha === 1 ? sum(r) : `${literal(alpha)} * ${sum(r)}`
          }${base ? " + base[index]" : ""}; }`
        ).join("\n")
      }`,
    });
  });
}

/** Adds `sumS` of the invocations of a result, `within` of them surely in one subgroup; the first one has it afterwards. */
function reduce(s: number, lanes: number, within: number): string {
  const together = shuffled(`sum${s}`, within);
  if (within === lanes) return together;
  const lines = [together, `  shared${s}[lane] = sum${s};`, "  workgroupBarrier();"];
  for (let half = lanes / 2; half >= within; half /= 2) {
    lines.push(
      `  if (first < ${half}u) { shared${s}[lane] += shared${s}[lane + ${half}u]; }`,
      "  workgroupBarrier();",
    );
  }
  return [...lines, `  sum${s} = shared${s}[lane];`].join("\n");
}
