/**
 * The kernel contract: a kernel is one value that says what it computes (`reference`), how each backend does it
 * (`onnx`, `wgsl`) and what its gradient is (`grad`, written with other kernels).
 *
 * Axis names used everywhere: `rows` tokens of a packed row (T), `in`/`out` features, `cols` any features, `vocab`
 * vocabulary, `labels` labelled tokens. The same name in one kernel means the same size; sizes are checked once, generically.
 * @module
 */
import type { OnnxNode, OnnxTarget } from "./onnx_node.ts";
import type { Value } from "./value.ts";
import type { WgslLimits, WgslProgram } from "./wgsl_program.ts";

/** Static parameters of one application of a kernel (numbers, flags), such as an epsilon or a count of heads. */
export type Attributes = Readonly<Record<string, number | boolean | null>>;

/** Axis names of tensors, in order, by the tensors' names. */
export type Axes = Readonly<Record<string, readonly string[]>>;

/** Names of the axes in {@linkcode Axes}. */
export type AxisOf<A extends Axes> = A[keyof A][number];

/** One thing for each tensor of {@linkcode Axes}, by name. */
export type PerTensor<A extends Axes, T> = { readonly [Name in keyof A]: T };

/** Size of each axis by name. */
export type Dims<Axis extends string = string> = Readonly<Record<Axis, number>>;

/** Size of each axis by name where it is fixed, `null` where it is symbolic and known only when the program runs. */
export type SymbolicDims<Axis extends string = string> = Readonly<Record<Axis, number | null>>;

/** Values of tensors by name, row-major, in float64 (integers too). */
export type Arrays = Record<string, Float64Array>;

/** The graph under construction: applies kernels to values of a graph. */
export interface GraphWriter {
  /**
   * Applies a kernel; gives its outputs as values of the graph.
   * @throws {TypeError} If an input is missing, or its rank, size or type doesn't fit.
   */
  run<In extends Axes, Out extends Axes>(
    kernel: Kernel<In, Out>,
    inputs: PerTensor<NoInfer<In>, Value>,
    attrs?: Attributes,
  ): PerTensor<Out, Value>;
}

/** Where in a graph a gradient is asked for. */
export interface GradientSite<In extends Axes = Axes, Out extends Axes = Axes> {
  /** Values that the kernel was applied to. */
  inputs: PerTensor<In, Value>;
  /** Values that came out. */
  outputs: PerTensor<Out, Value>;
  /** d loss / d outputs. */
  gradients: OutputGradients<Out>;
  /** Attributes of the application. */
  attrs: Attributes;
  /** Inputs whose gradient is wanted. Others may be left out. */
  needs: ReadonlySet<string>;
}

/** d loss / d output; null where one of several outputs isn't used. At least one isn't null. */
export type OutputGradients<Out extends Axes> = {
  readonly [Name in keyof Out]: IsOnly<Name, keyof Out> extends true ? Value : Value | null;
};

/** True if a name is the only one; false where names aren't known. */
export type IsOnly<Name, Names> = string extends Names ? false
  : [Exclude<Names, Name>] extends [never] ? true
  : false;

/** Gradients of the needed inputs, as graph values; null for an input that deliberately has none. */
export type Gradients<In extends Axes> = { readonly [Name in keyof In]?: Value | null };

/**
 * Writes the gradient of one application. The type is a method's, so that a kernel with names of its own is a plain
 * {@linkcode Kernel} too.
 */
export type Gradient<In extends Axes, Out extends Axes> = {
  write(g: GraphWriter, site: GradientSite<In, Out>): Gradients<In>;
}["write"];

/** Values of an index tensor that a kernel takes: `least` ≤ value < `below`. */
export interface IndexRange {
  /** Smallest index that is taken. */
  least: number;
  /** One more than the largest index that is taken. */
  below: number;
}

/** One case of the contract test. Inputs are ramps that any language can make, in `range` (default −1 to 1). */
export interface Sample {
  /** Size of every axis. */
  dims: Dims;
  /** Attributes; default: none. */
  attrs?: Attributes;
  /** Range of an input's ramp. */
  range?: Readonly<Record<string, readonly [low: number, high: number]>>;
  /** Inputs given outright (integers always are). */
  data?: Readonly<Record<string, readonly number[]>>;
  /** Default true; false where the function isn't differentiable at the sample or values overflow differences. */
  gradient?: boolean;
  /** Why this sample is here, such as "one row". */
  note: string;
}

/** Allowed distance of float32 backends from the float64 reference: |a − b| ≤ atol + rtol·|b|. */
export interface Tolerance {
  /** Absolute part, >= 0. */
  atol: number;
  /** Part relative to the expected value, >= 0. */
  rtol: number;
}

/** A kernel: contract, definition, lowerings, gradient and samples. {@linkcode defineKernel} infers the names. */
export interface Kernel<In extends Axes = Axes, Out extends Axes = Axes> {
  /** Unique among kernels, such as `rms_norm`. */
  readonly name: string;
  /** Axis names of every input, in order. */
  readonly inputs: In;
  /** Axis names of every output, in order. */
  readonly outputs: Out;
  /**
   * Sizes of axes that only outputs have; absent: there are none.
   * @throws {RangeError} If the attributes don't fit the inputs' sizes
   */
  outputSizes?(dims: SymbolicDims<AxisOf<In>>, attrs: Attributes): Dims;
  /** Names of inputs that hold int32; all others are float32. */
  readonly integers?: readonly (keyof In & string)[];
  /** Names of outputs that hold int32. A backend doesn't know the values, so kernels that take them must bear any. */
  readonly integerOutputs?: readonly string[];
  /** Integer inputs that `onnx` takes as uint8, four to a word of the last axis, the first in the lowest bits. */
  readonly bytes?: readonly (keyof In & string)[];
  /**
   * Integer inputs that choose rows, and their range by the sizes. A program refuses other values before it runs, on every
   * backend: a shader can't refuse them, and would read or leave memory of something else.
   */
  readonly indices?: IndicesOf<In, Out>;
  /** Float inputs that deliberately have no gradient, such as tables of angles. */
  readonly constants?: readonly (keyof In & string)[];
  /**
   * Float inputs that `wgsl` also reads from float16: those that a frozen weight may stand for. It says so itself by
   * {@linkcode WgslLimits.half}; what it computes stays float32.
   */
  readonly halves?: readonly (keyof In & string)[];
  /**
   * Outputs that `wgsl` can also put where an input of the same shape stands, each element behind its own reading, by that input's name;
   * it is told so by {@linkcode WgslLimits.inPlace}.
   */
  readonly inPlace?: { readonly [Name in keyof Out]?: keyof In & string };
  /** Plain loops with float64 sums: the definition. */
  reference(
    inputs: PerTensor<In, Float64Array>,
    dims: Dims<AxisOf<In> | AxisOf<Out>>,
    attrs: Attributes,
  ): PerTensor<Out, Float64Array>;
  /** ONNX nodes from the input names to the output names. */
  onnx(dims: SymbolicDims<AxisOf<In> | AxisOf<Out>>, attrs: Attributes, target: OnnxTarget): OnnxNode[];
  /** Compute shaders from the input names to the output names. */
  wgsl(dims: Dims<AxisOf<In> | AxisOf<Out>>, attrs: Attributes, limits: WgslLimits): WgslProgram;
  /** Null: deliberately none. */
  readonly grad: Gradient<In, Out> | null;
  /** True if recomputing an output costs little beside reading it from memory; such outputs aren't kept for the backward pass. */
  readonly cheap?: boolean;
  /** True if recomputing an output costs much beside the memory that it takes; such outputs may be kept where others are recomputed. */
  readonly dear?: boolean;
  /** True if outputs are made of weights alone, by products with them, and are vectors of theirs; they are kept wherever anything is computed again. */
  readonly ofWeights?: boolean;
  /** Cases of the contract test. */
  readonly samples: readonly Sample[];
  /** Largest difference of a backend's results from the reference. */
  readonly tolerance: Tolerance;
}

/** {@linkcode Kernel.indices}: the range of an index input, by the sizes of the kernel's axes. */
export type IndicesOf<In extends Axes, Out extends Axes> = {
  readonly [Name in keyof In]?: {
    range(dims: Dims<AxisOf<In> | AxisOf<Out>>): IndexRange;
  }["range"];
};

/**
 * A kernel whose inputs, outputs and axes are known by name wherever they are used.
 * @example
 * ```ts ignore
 * const halve = defineKernel({
 *   name: "halve",
 *   inputs: { x: ["rows"] },
 *   outputs: { y: ["rows"] },
 *   reference: ({ x }) => ({ y: x.map((value) => value / 2) }),
 *   // onnx, wgsl, grad, samples, tolerance
 * });
 * ```
 */
export function defineKernel<const In extends Axes, const Out extends Axes>(
  kernel: Kernel<In, Out>,
): Kernel<In, Out> {
  return kernel;
}

/** Reads a number among attributes. @throws {TypeError} If it is missing. */
export function number(attrs: Attributes, name: string, fallback?: number): number {
  const value = attrs[name] ?? fallback;
  if (typeof value !== "number") {
    throw new TypeError(`Cannot read attribute "${name}" as a number: current value is ${value}`);
  }
  return value;
}

/** Sizes that a lowering writes into constants. @throws {TypeError} If one of them is symbolic. */
export function fixedSizes<Axis extends string, Wanted extends Axis>(
  dims: SymbolicDims<Axis>,
  ...axes: Wanted[]
): Dims<Wanted> {
  const sizes: Partial<Record<Wanted, number>> = {};
  for (const axis of axes) {
    const size = dims[axis];
    if (size === null) {
      throw new TypeError(
        `Cannot lower a kernel: axis "${axis}" needs a fixed size: current value is symbolic`,
      );
    }
    sizes[axis] = size;
  }
  return sizes as Dims<Wanted>;
}
