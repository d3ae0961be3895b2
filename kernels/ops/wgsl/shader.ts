/**
 * Assembles a kernel's compute shader: declarations from data, workgroups in one line, operands in parts.
 * @module
 */
import type {
  WgslBinding,
  WgslDispatch,
  WgslElement,
  WgslLimits,
  WgslPart,
  WgslProgram,
  WgslSubgroups,
} from "../../wgsl_program.ts";

/** Number of 32-bit elements of a vec4 where a row of `cols` is a whole number of them, else of a scalar. */
export type Width = 1 | 4;

/** A binding by the name that the shader uses. */
export interface ShaderBinding {
  /** Kernel tensor or temporary; default: the name in the shader. Names like `do` are reserved in WGSL. */
  of?: string;
  element?: WgslElement;
  part?: WgslPart;
}

/** A shader: declarations as data, and the body of its entry point. */
export interface ShaderSpec {
  label: string;
  /** Invocations of a workgroup, a power of two ≤ 256. */
  threads: number;
  read?: Readonly<Record<string, ShaderBinding>>;
  write: Readonly<Record<string, ShaderBinding>>;
  /** Sizes that change from pack to pack: `sizes.NAME` in the body. */
  sizes?: Readonly<Record<string, number>>;
  workgroups: number;
  /** Module-scope declarations, such as workgroup memory and functions. */
  declarations?: string;
  /** Of the device, where declarations or body call subgroup functions. */
  subgroups?: WgslSubgroups | undefined;
  /** Body of `main`: `workgroup` is the workgroup's index, `lane` the invocation's. */
  body: string;
}

/** Builds a dispatch. */
export function shader(spec: ShaderSpec): WgslDispatch {
  const bindings: WgslBinding[] = [], lines: string[] = [];
  const declare = (access: "read" | "read_write", bound: Readonly<Record<string, ShaderBinding>> = {}) => {
    for (const [name, { of = name, element = "f32", part }] of Object.entries(bound)) {
      lines.push(
        `@group(0) @binding(${bindings.length}) var<storage, ${access}> ${name}: array<${element}>;`,
      );
      bindings.push({ name: of, access, ...(part ? { part } : {}) });
    }
  };
  declare("read", spec.read);
  declare("read_write", spec.write);
  const sizes = { ...spec.sizes, workgroups: spec.workgroups };
  const enable = `${lines.some((line) => line.includes("f16>")) ? "enable f16;\n" : ""}${
    spec.subgroups?.enable ? "enable subgroups;\n" : ""
  }`;
  const code = `${enable}struct Sizes { ${Object.keys(sizes).map((name) => `${name}: u32`).join(", ")} }
${lines.join("\n")}
@group(0) @binding(${bindings.length}) var<uniform> sizes: Sizes;
${spec.declarations ?? ""}
@compute @workgroup_size(${spec.threads})
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) workgroup_place: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>) {
  let workgroup = workgroup_place.x + grid.x * (workgroup_place.y + grid.y * workgroup_place.z);
  if (workgroup >= sizes.workgroups) { return; }
${spec.body}
}
`;
  return { label: spec.label, code, bindings, sizes, workgroups: spec.workgroups };
}

/** Programs that run one behind the other; temporaries of the same name share memory. */
export function inTurn(programs: readonly WgslProgram[]): Required<WgslProgram> {
  const temporaries: Record<string, number> = {};
  for (const program of programs) {
    for (const [name, size] of Object.entries(program.temporaries ?? {})) {
      temporaries[name] = Math.max(size, temporaries[name] ?? 0);
    }
  }
  return { temporaries, dispatches: programs.flatMap(({ dispatches }) => dispatches) };
}

/** A number as a WGSL float32 literal. @throws {RangeError} If it isn't finite. */
export function literal(value: number): string {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded)) {
    throw new RangeError(`Cannot write a float32 literal: current value is ${value}`);
  }
  return `${rounded < 0 ? "(" : ""}${rounded}f${rounded < 0 ? ")" : ""}`;
}

/** 4 where rows of all these columns divide into vec4. */
export function widthOf(...cols: readonly number[]): Width {
  return cols.every((count) => count % 4 === 0) ? 4 : 1;
}

/** Storage element of a width. `half`: of float16, which a shader turns into float32 as it reads. */
export function elementOf(width: Width, half = false): WgslElement {
  if (half) return width === 4 ? "vec4<f16>" : "f16";
  return width === 4 ? "vec4<f32>" : "f32";
}

/** The elements of rows of `cols` columns. */
export function elementsOf({ first, count }: WgslPart, cols: number): WgslPart {
  return { first: first * cols, count: count * cols };
}

/**
 * Rows in parts: as many in each as fit a binding, a multiple of 64 (128 in float16) so that every part begins at an aligned offset.
 * @throws {RangeError} If a binding holds fewer than these rows
 */
export function rowParts(
  rows: number,
  cols: number,
  limits: WgslLimits,
  half = false,
): WgslPart[] {
  const most = Math.floor(limits.bindingBytes / ((half ? 2 : 4) * Math.max(1, cols)));
  if (rows <= most) return [{ first: 0, count: rows }];
  const unit = half ? 128 : 64, step = Math.floor(most / unit) * unit;
  if (step === 0) {
    throw new RangeError(
      `Cannot bind ${unit} rows of ${cols} columns: a binding of this device holds ${limits.bindingBytes} bytes`,
    );
  }
  const parts: WgslPart[] = [];
  for (let first = 0; first < rows; first += step) parts.push({ first, count: Math.min(step, rows - first) });
  return parts;
}

/** Invocations for a reduction over `count` values: a power of two from 32 to 256. */
export function threadsFor(count: number): number {
  let threads = 32;
  while (threads < 256 && threads * 4 < count) threads *= 2;
  return threads;
}
