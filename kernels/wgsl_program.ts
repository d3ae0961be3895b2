/**
 * Compute shaders as lowerings of kernels give them; `backends/webgpu` runs them, `ops/wgsl` helps to write them.
 * @module
 */

/** Declared element type of a shader's storage binding, `array<…>`. */
export type WgslElement = "f32" | "i32" | "vec4<f32>" | "f16" | "vec4<f16>";

/** Elements of a tensor that lie side by side. */
export interface WgslPart {
  /** First element, a multiple of 64, of 128 in float16. */
  first: number;
  /** Number of elements, ≥ 1. */
  count: number;
}

/** A buffer, or a part of it, that a shader sees. */
export interface WgslBinding {
  /** A kernel input, output or temporary. */
  name: string;
  /** Access of the shader. */
  access: "read" | "read_write";
  /** All of it when absent. */
  part?: WgslPart;
}

/** One compute shader dispatch of a WGSL lowering. */
export interface WgslDispatch {
  /** Description for error messages and profiles. */
  label: string;
  /** Complete WGSL with entry point `main`: `bindings` in group 0 in their order, then a uniform struct of `sizes`. */
  code: string;
  /** Buffers, in the order of their bindings. */
  bindings: readonly WgslBinding[];
  /** Unsigned integers that change from pack to pack, in the order of the uniform struct; what never changes is in the code. */
  sizes: Readonly<Record<string, number>>;
  /** Workgroups, in one line; the backend folds them into three dimensions (see `ops/wgsl/shader.ts`). */
  workgroups: number;
}

/** A WGSL lowering for concrete sizes. Pipelines are cached by code, so sizes of a pack belong into `sizes`. */
export interface WgslProgram {
  /** Temporaries: name → number of 32-bit elements. */
  temporaries?: Readonly<Record<string, number>>;
  /** In the order in which they run. */
  dispatches: readonly WgslDispatch[];
}

/** Subgroup functions of a device, as its self-test found them. */
export interface WgslSubgroups {
  /** Invocations that are surely in one subgroup, a power of two from 4 to 128: neighbours, from a multiple of it on. */
  least: number;
  /** True if a shader has to say `enable subgroups;`, as standard WGSL demands; naga, up to version 29 at least, refuses it. */
  enable: boolean;
}

/** Limits that a device sets to a shader. */
export interface WgslLimits {
  /** Bytes of a storage binding, ≥ 256; larger operands are bound in parts. */
  bindingBytes: number;
  /** Bytes of memory of a workgroup; absent: the 16 KiB that every device has. */
  workgroupBytes?: number;
  /** Subgroup functions; absent: none. */
  subgroups?: WgslSubgroups | undefined;
  /** Inputs, among the kernel's `Kernel.halves`, that lie in memory as float16 in this application. */
  half?: ReadonlySet<string>;
  /** Outputs, among the kernel's `Kernel.inPlace`, that stand where their input does in this application: it isn't bound a second time. */
  inPlace?: ReadonlySet<string>;
}
