/**
 * The kernel contract: a kernel is one value that says what it computes (`reference`), how each backend does it
 * (`onnx`, `wgsl`) and what its gradient is (`grad`, written with other kernels).
 *
 * Axis names used everywhere: `rows` tokens of a packed row (T), `in`/`out` features, `cols` any features, `vocab`
 * vocabulary, `labels` labelled tokens. The same name in one kernel means the same size; sizes are checked once, generically.
 * @module
 */
import type { GraphBuilder, Value } from "./graph.ts";

/** Static parameters of one application of a kernel (numbers, flags), such as an epsilon or a count of heads. */
export type Attributes = Readonly<Record<string, number | boolean | null>>;

/** Size of each axis by name. */
export type Dims = Readonly<Record<string, number>>;

/** Size of each axis by name where it is fixed, `null` where it is symbolic and known only when the program runs. */
export type SymbolicDims = Readonly<Record<string, number | null>>;

/** Values of tensors by name, row-major, in float64 (integers too). */
export type Arrays = Record<string, Float64Array>;

/** One node of an ONNX graph. Names are local to the kernel: its inputs, its outputs, or anything else for temporaries. */
export interface OnnxNode {
  op: string;
  in: readonly string[];
  out: readonly string[];
  /** Integers become INT, other numbers FLOAT: write `float(1)` for a float that happens to be whole. */
  attrs?: Readonly<Record<string, OnnxAttribute>>;
  /** "" is ONNX's own domain. */
  domain?: "com.microsoft";
}

/** Attribute of an ONNX node. */
export type OnnxAttribute =
  | number
  | string
  | readonly number[]
  | { float: number }
  | { graph: OnnxSubgraph }
  | {
    type: OnnxType;
  };

/** Element types used in lowerings. */
export type OnnxType = "f32" | "i32" | "i64" | "bool";

/** What suits the place where ONNX nodes run. */
export interface OnnxTarget {
  /** Whether a Loop pays. On a GPU each of its rounds waits for the host, and its small products leave the device idle. */
  loops: boolean;
}

/** Body of a Loop. Names of the outer kernel may be used inside. */
export interface OnnxSubgraph {
  inputs: readonly { name: string; type: OnnxType; rank: number }[];
  outputs: readonly { name: string; type: OnnxType; rank: number }[];
  nodes: readonly OnnxNode[];
}

/** A constant of a lowering, written as an operator without inputs. */
export function constant(name: string, type: "f32" | "i64", values: number | readonly number[]): OnnxNode {
  const list = typeof values === "number" ? [values] : values;
  return {
    op: "Constant",
    in: [],
    out: [name],
    attrs: type === "f32"
      ? (typeof values === "number"
        ? { value_float: { float: values } }
        : { value_floats: list.map((v) => v) })
      : (typeof values === "number" ? { value_int: values } : { value_ints: list }),
  };
}

/** A float attribute of an ONNX node, also when it is a whole number. */
export function float(value: number): { float: number } {
  return { float: value };
}

/** What a storage binding of a shader is declared as, `array<…>`. */
export type WgslElement = "f32" | "i32" | "vec4<f32>" | "f16" | "vec4<f16>";

/** A buffer, or a part of it, that a shader sees. */
export interface WgslBinding {
  /** A kernel input, output or temporary. */
  name: string;
  access: "read" | "read_write";
  /** First element and count of the part; all of it when absent. `first` is a multiple of 64, of 128 in float16. */
  part?: { first: number; count: number };
}

/** One compute shader dispatch of a WGSL lowering. */
export interface WgslDispatch {
  /** What it does, for error messages and profiles. */
  label: string;
  /** Complete WGSL with entry point `main`: `bindings` in group 0 in their order, then a uniform struct of `sizes`. */
  code: string;
  bindings: readonly WgslBinding[];
  /** Unsigned integers that change from pack to pack, in the order of the uniform struct; what never changes is in the code. */
  sizes: Readonly<Record<string, number>>;
  /** Workgroups, in one line; the backend folds them into three dimensions (see `_wgsl.ts`). */
  groups: number;
}

/** A WGSL lowering for concrete sizes. Pipelines are cached by code, so sizes of a pack belong into `sizes`. */
export interface WgslProgram {
  /** Temporaries: name → number of 32-bit elements. */
  temporaries?: Readonly<Record<string, number>>;
  dispatches: readonly WgslDispatch[];
}

/** What a device allows a shader. */
export interface WgslLimits {
  /** Bytes of a storage binding, ≥ 256; larger operands are bound in parts. */
  bindingBytes: number;
  /** Inputs, among the kernel's {@linkcode Kernel.halves}, that lie in memory as float16 in this application. */
  half?: ReadonlySet<string>;
}

/** What {@linkcode Kernel.grad} is given. */
export interface GradientSite {
  inputs: Readonly<Record<string, Value>>;
  outputs: Readonly<Record<string, Value>>;
  /** d loss / d output; null where an output isn't used. At least one isn't null. */
  gradients: Readonly<Record<string, Value | null>>;
  attrs: Attributes;
  /** Inputs whose gradient is wanted. Others may be left out. */
  needs: ReadonlySet<string>;
}

/** One case of the contract test. Inputs are ramps that any language can make, in `range` (default −1 to 1). */
export interface Sample {
  dims: Dims;
  attrs?: Attributes;
  range?: Readonly<Record<string, readonly [low: number, high: number]>>;
  /** Inputs given outright (integers always are). */
  data?: Readonly<Record<string, readonly number[]>>;
  /** Default true; false where the function isn't differentiable at the sample or values overflow differences. */
  gradient?: boolean;
  /** Why this sample is here, such as "one row". */
  note: string;
}

/** How far float32 backends may be from the float64 reference: |a − b| ≤ atol + rtol·|b|. */
export interface Tolerance {
  atol: number;
  rtol: number;
}

/** A kernel: contract, definition, lowerings, gradient and samples. */
export interface Kernel {
  readonly name: string;
  /** Axis names of every input, in order. */
  readonly inputs: Readonly<Record<string, readonly string[]>>;
  readonly outputs: Readonly<Record<string, readonly string[]>>;
  /** Names of inputs that hold int32; all others are float32. */
  readonly integers?: readonly string[];
  /** Float inputs that deliberately have no gradient, such as tables of angles. */
  readonly constants?: readonly string[];
  /**
   * Float inputs that `wgsl` also reads from float16: those that a frozen weight may stand for. It says so itself by
   * {@linkcode WgslLimits.half}; what it computes stays float32.
   */
  readonly halves?: readonly string[];
  /** Axes of outputs that no input has, from attributes and input sizes. */
  axes?(dims: SymbolicDims, attrs: Attributes): Readonly<Record<string, number | null>>;
  /** Plain loops with float64 sums: the definition. */
  reference(inputs: Readonly<Arrays>, dims: Dims, attrs: Attributes): Arrays;
  /** ONNX nodes from the input names to the output names. */
  onnx(dims: SymbolicDims, attrs: Attributes, target: OnnxTarget): OnnxNode[];
  /** Compute shaders from the input names to the output names. */
  wgsl(dims: Dims, attrs: Attributes, limits: WgslLimits): WgslProgram;
  /** Gradients of the needed inputs, as graph values; null for an input that deliberately has none. */
  grad: ((g: GraphBuilder, at: GradientSite) => Readonly<Record<string, Value | null>>) | null;
  /** Whether recomputing an output costs little beside reading it from memory; such outputs aren't kept for the backward pass. */
  readonly cheap?: boolean;
  readonly samples: readonly Sample[];
  readonly tolerance: Tolerance;
}

/** Reads a number among attributes. @throws {TypeError} If it is missing. */
export function number(attrs: Attributes, name: string, fallback?: number): number {
  const value = attrs[name] ?? fallback;
  if (typeof value !== "number") {
    throw new TypeError(`Cannot read attribute "${name}" as a number: current value is ${value}`);
  }
  return value;
}
