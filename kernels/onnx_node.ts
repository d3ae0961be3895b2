/**
 * ONNX as lowerings of kernels write it; `backends/onnx/lower.ts` turns it into a model.
 * @module
 */
import type { BlockForm } from "./native/mod.ts";

/** One node of an ONNX graph. Names are local to the kernel: its inputs, its outputs, or anything else for temporaries. */
export interface OnnxNode {
  /** Operator, such as `MatMul`. */
  op: string;
  /** Names of what it reads, "" for an input that is left out. */
  in: readonly string[];
  /** Names of what it makes. */
  out: readonly string[];
  /** Integers become INT, other numbers FLOAT: write `float(1)` for a float that happens to be whole. */
  attrs?: Readonly<Record<string, OnnxAttribute>>;
  /** Absent: ONNX's own. `dinotune`: operators of kernels/native. */
  domain?: "com.microsoft" | "dinotune";
}

/** Attribute of an ONNX node. */
export type OnnxAttribute =
  | number
  | string
  | readonly number[]
  | { float: number }
  | { graph: OnnxSubgraph }
  | { type: OnnxType };

/** Element types used in lowerings. */
export type OnnxType = "f32" | "i32" | "i64" | "bool" | HalfType;

/** Floats of 16 bits: IEEE's with 11 bits of mantissa up to 65,504, and bfloat16 with 8 and float32's range. */
export type HalfType = "f16" | "bf16";

/** Forms of frozen matrices that operators of kernels/native widen as they read them. */
export type WidenedType = HalfType | BlockForm;

/** Weights of 16 bits in one application of a kernel. */
export interface HalfInputs {
  /** Inputs, among the kernel's `Kernel.halves`, that lie in memory so. */
  names: ReadonlySet<string>;
  /** Type of their elements. */
  type: HalfType;
  /** True if products take such operands; else they are float32 with the same roundings, for a place that has no such product. */
  native: boolean;
}

/** Properties of the place where ONNX nodes run. */
export interface OnnxTarget {
  /** True if a Loop pays. On a GPU each of its rounds waits for the host, and its small products leave the device idle. */
  loops: boolean;
  /** Absent: all floats are float32, but for those that are widened (below). */
  half?: HalfInputs;
  /** Inputs, among the kernel's `Kernel.halves`, that operators of kernels/native widen as they read them, so that nothing is rounded; not with `half`. */
  widened?: ReadonlyMap<string, WidenedType>;
  /** Whether it has the operators of kernels/native. */
  native?: boolean;
  /** Inputs of the node that nothing else reads, so that a place which can may put its output there. */
  spent?: ReadonlySet<string>;
}

/** Body of a Loop. Names of the outer kernel may be used inside. */
export interface OnnxSubgraph {
  /** Inputs of a round, in the order of the Loop. */
  inputs: readonly { name: string; type: OnnxType; rank: number }[];
  /** Outputs of a round, in the order of the Loop. */
  outputs: readonly { name: string; type: OnnxType; rank: number }[];
  /** Nodes, each behind those that it reads. */
  nodes: readonly OnnxNode[];
}

/** A constant of a lowering, written as an operator without inputs. */
export function constantNode(
  name: string,
  type: "f32" | "i64",
  values: number | readonly number[],
): OnnxNode {
  const scalar = typeof values === "number";
  const attrs: OnnxNode["attrs"] = type === "f32"
    ? (scalar ? { value_float: { float: values } } : { value_floats: [...values] })
    : (scalar ? { value_int: values } : { value_ints: values });
  return { op: "Constant", in: [], out: [name], attrs };
}

/** A node of kernels/native's, see its src/float_operators.c. */
export function nativeNode(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attrs: NonNullable<OnnxNode["attrs"]> = {},
): OnnxNode {
  return { op, in: inputs, out: outputs, attrs, domain: "dinotune" };
}

/** A float attribute of an ONNX node, also when it is a whole number. */
export function floatAttribute(value: number): { float: number } {
  return { float: value };
}
