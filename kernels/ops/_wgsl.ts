/**
 * How a compute shader of a kernel is put together: declarations from data, workgroups in one line, operands in parts.
 * @module
 */
import type { WgslBinding, WgslDispatch, WgslElement, WgslLimits } from "../kernel.ts";

/** Number of 32-bit elements of a vec4 where a row of `cols` is a whole number of them, else of a scalar. */
export type Width = 1 | 4;

/** A binding by the name that the shader uses. */
export interface Bound {
  /** Kernel tensor or temporary; default: the name in the shader. Names like `do` are reserved in WGSL. */
  of?: string;
  element?: WgslElement;
  part?: WgslBinding["part"];
}

/** What {@linkcode shader} builds from. */
export interface ShaderSpec {
  label: string;
  /** Invocations of a workgroup, a power of two ≤ 256. */
  threads: number;
  read?: Readonly<Record<string, Bound>>;
  write: Readonly<Record<string, Bound>>;
  /** Sizes that change from pack to pack: `sizes.NAME` in the body. */
  sizes?: Readonly<Record<string, number>>;
  /** Workgroups. */
  groups: number;
  /** Module-scope declarations, such as workgroup memory and functions. */
  declarations?: string;
  /** Body of `main`: `group` is the workgroup's index, `lane` the invocation's. */
  body: string;
}

/** Builds a dispatch. */
export function shader(spec: ShaderSpec): WgslDispatch {
  const bindings: WgslBinding[] = [], lines: string[] = [];
  const declare = (access: "read" | "read_write", bound: Readonly<Record<string, Bound>> = {}) => {
    for (const [name, { of = name, element = "f32", part }] of Object.entries(bound)) {
      lines.push(
        `@group(0) @binding(${bindings.length}) var<storage, ${access}> ${name}: array<${element}>;`,
      );
      bindings.push({ name: of, access, ...(part ? { part } : {}) });
    }
  };
  declare("read", spec.read);
  declare("read_write", spec.write);
  const sizes = { ...spec.sizes, groups: spec.groups };
  const enable = lines.some((line) => line.includes("f16>")) ? "enable f16;\n" : "";
  const code = `${enable}struct Sizes { ${Object.keys(sizes).map((name) => `${name}: u32`).join(", ")} }
${lines.join("\n")}
@group(0) @binding(${bindings.length}) var<uniform> sizes: Sizes;
${spec.declarations ?? ""}
@compute @workgroup_size(${spec.threads})
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group_at: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let group = group_at.x + groups.x * (group_at.y + groups.y * group_at.z);
  if (group >= sizes.groups) { return; }
${spec.body}
}
`;
  return { label: spec.label, code, bindings, sizes, groups: spec.groups };
}

/** A number as a WGSL float32 literal. @throws {RangeError} If it isn't finite. */
export function literal(value: number): string {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded)) {
    throw new RangeError(`Cannot write a float32 literal: current value is ${value}`);
  }
  return `${rounded < 0 ? "(" : ""}${rounded}f${rounded < 0 ? ")" : ""}`;
}

/** 4 where rows of `cols` divide into vec4. */
export function widthOf(cols: number): Width {
  return cols % 4 === 0 ? 4 : 1;
}

/** Storage element of a width. `half`: of float16, which a shader turns into float32 as it reads. */
export function elementOf(width: Width, half = false): WgslElement {
  if (half) return width === 4 ? "vec4<f16>" : "f16";
  return width === 4 ? "vec4<f32>" : "f32";
}

/** Rows of a part: as many as fit a binding, a multiple of 64 (128 in float16) so that every part begins at an aligned offset. */
export function rowParts(
  rows: number,
  cols: number,
  limits: WgslLimits,
  half = false,
): { first: number; count: number }[] {
  const most = Math.floor(limits.bindingBytes / ((half ? 2 : 4) * Math.max(1, cols)));
  if (rows <= most) return [{ first: 0, count: rows }];
  const unit = half ? 128 : 64, step = Math.floor(most / unit) * unit;
  if (step === 0) {
    throw new RangeError(
      `Cannot bind ${unit} rows of ${cols} columns: a binding of this device holds ${limits.bindingBytes} bytes`,
    );
  }
  const parts: { first: number; count: number }[] = [];
  for (let first = 0; first < rows; first += step) parts.push({ first, count: Math.min(step, rows - first) });
  return parts;
}

/** A tensor of an elementwise kernel: one value a position, a column or a row, or ("all") a list that expressions index. */
export interface Operand {
  name: string;
  per: "element" | "column" | "row" | "all";
}

/**
 * A kernel that computes each position of `[rows, cols]` outputs from the same position of its inputs.
 * @param values Expression of every output by its name, in terms of the inputs' names (of type `V`, f32 or vec4 of f32).
 */
export function elementwise(
  label: string,
  rows: number,
  cols: number,
  limits: WgslLimits,
  inputs: readonly Operand[],
  values: Readonly<Record<string, string>>,
  { before = "", declarations = "" }: { before?: string; declarations?: string } = {},
): WgslDispatch[] {
  const width = widthOf(cols), wide = cols / width, element = elementOf(width);
  return rowParts(rows, cols, limits).map(({ first, count }) => {
    const whole = { first: first * cols, count: count * cols };
    const read = Object.fromEntries(inputs.map(({ name, per }) => [
      `${name}_in`,
      per === "element"
        ? { of: name, element, part: whole }
        : { of: name, element: per === "column" ? element : "f32" as const },
    ]));
    const load = ({ name, per }: Operand) => {
      if (per === "all") return "";
      if (per === "element") return `  let ${name} = ${name}_in[i];`;
      if (per === "column") return `  let ${name} = ${name}_in[i % ${wide}u];`;
      return `  let ${name} = V(${name}_in[sizes.first + i / ${wide}u]);`;
    };
    return shader({
      label,
      threads: 256,
      read,
      write: Object.fromEntries(
        Object.keys(values).map((name) => [`${name}_out`, { of: name, element, part: whole }]),
      ),
      sizes: { count: count * wide, first },
      groups: Math.ceil(count * wide / 256),
      declarations: `alias V = ${width === 4 ? "vec4<f32>" : "f32"};\n${declarations}`,
      body: `  let i = group * 256u + lane;
  if (i >= sizes.count) { return; }
${inputs.map(load).join("\n")}
${before}
${Object.entries(values).map(([name, value]) => `  ${name}_out[i] = ${value};`).join("\n")}`,
    });
  });
}

/** `sigmoid` of an elementwise kernel's `V`; `exp` only of what is ≤ 0, so that nothing overflows. */
export const SIGMOID = `fn sigmoid(x: V) -> V {
  let e = exp(-abs(x));
  return select(V(1f), e, x < V(0f)) / (V(1f) + e);
}`;

/**
 * Sums over rows: `out[c] = Σ_row value`, where `value` may use `NAME_in[at]` of `[rows, cols]` inputs and `row`. Rows are
 * summed in bands by workgroups, then the bands in order.
 * @param perRow Names of `[rows]` tensors that the value uses by `row`.
 */
export function columnSums(
  label: string,
  rows: number,
  cols: number,
  limits: WgslLimits,
  inputs: readonly string[],
  value: string,
  out: string,
  perRow: readonly string[] = [],
): { dispatches: WgslDispatch[]; temporaries: Record<string, number> } {
  const band = 64, dispatches: WgslDispatch[] = [];
  for (const { first, count } of rowParts(rows, cols, limits)) {
    const part = { first: first * cols, count: count * cols };
    dispatches.push(shader({
      label: `${label}, bands`,
      threads: 64,
      read: {
        ...Object.fromEntries(inputs.map((name) => [`${name}_in`, { of: name, part }])),
        ...Object.fromEntries(perRow.map((name) => [name, {}])),
      },
      write: { bands: {} },
      sizes: { first, rows: count },
      groups: Math.ceil(count / band) * Math.ceil(cols / 64),
      body: `  let c = group % ${Math.ceil(cols / 64)}u * 64u + lane; let start = group / ${
        Math.ceil(cols / 64)
      }u * ${band}u;
  if (c >= ${cols}u) { return; }
  var sum = 0f;
  for (var r = start; r < min(start + ${band}u, sizes.rows); r++) {
    let at = r * ${cols}u + c; let row = sizes.first + r;
    sum += ${value};
  }
  bands[(sizes.first + start) / ${band}u * ${cols}u + c] = sum;`,
    }));
  }
  const bands = Math.ceil(rows / band);
  dispatches.push(shader({
    label: `${label}, sum of bands`,
    threads: 64,
    read: { bands: {} },
    write: { result: { of: out } },
    sizes: { bands },
    groups: Math.ceil(cols / 64),
    body: `  let c = group * 64u + lane;
  if (c >= ${cols}u) { return; }
  var sum = 0f;
  for (var b = 0u; b < sizes.bands; b++) { sum += bands[b * ${cols}u + c]; }
  result[c] = sum;`,
  }));
  return { dispatches, temporaries: { bands: bands * cols } };
}

/**
 * Sums a value over a workgroup: statements that leave the sum of every invocation's `name` in `name`.
 * Needs `var<workgroup> shared_NAME: array<f32, threads>`.
 */
export function workgroupReduce(
  name: string,
  threads: number,
  combine = (a: string, b: string) => `${a} + ${b}`,
): string {
  const steps: string[] = [`  shared_${name}[lane] = ${name};`, "  workgroupBarrier();"];
  for (let half = threads / 2; half >= 1; half /= 2) {
    steps.push(
      `  if (lane < ${half}u) { shared_${name}[lane] = ${
        combine(`shared_${name}[lane]`, `shared_${name}[lane + ${half}u]`)
      }; }`,
      "  workgroupBarrier();",
    );
  }
  return `${steps.join("\n")}\n  ${name} = shared_${name}[0];`;
}

/** Invocations for a reduction over `count` values: a power of two from 32 to 256. */
export function threadsFor(count: number): number {
  let threads = 32;
  while (threads < 256 && threads * 4 < count) threads *= 2;
  return threads;
}
