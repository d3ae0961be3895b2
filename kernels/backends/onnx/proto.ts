/**
 * Parts of an ONNX model as its protobuf messages have them: nodes with their attributes, tensors in a file, inputs and outputs.
 * @module
 */
import type onnxProto from "onnx-proto";

import type { Size, Value } from "../../graph.ts";
import type { OnnxAttribute, OnnxNode, OnnxSubgraph, OnnxType, WidenedType } from "../../onnx_node.ts";
import { isBlockForm, isGroupForm, tileShape } from "../../native/mod.ts";

/** Element types by their numbers in ONNX. */
export const ELEMENT: Readonly<Record<OnnxType, number>> = {
  f32: 1,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  bf16: 16,
};
const UINT8 = 2, INT8 = 3;
/** Types of attributes by their numbers in ONNX. */
export const ATTRIBUTE = { FLOAT: 1, INT: 2, STRING: 3, TENSOR: 4, GRAPH: 5, FLOATS: 6, INTS: 7 };

/** Name of the file that holds constants, in a folder that is passed to the session. */
export const CONSTANTS_FILE = "constants.bin";

/** New names of values. */
export type Rename = (name: string) => string;

/** A node under the names that `rename` gives. */
export function plainNode(node: OnnxNode, rename: Rename): onnxProto.onnx.INodeProto {
  return {
    opType: node.op,
    domain: node.domain ?? "",
    input: node.in.map(rename),
    output: node.out.map(rename),
    attribute: Object.entries(node.attrs ?? {}).map(([name, value]) => attribute(name, value, rename)),
  };
}

function attribute(name: string, value: OnnxAttribute, rename: Rename): onnxProto.onnx.IAttributeProto {
  if (name === "value_floats") return { name, type: ATTRIBUTE.FLOATS, floats: value as number[] };
  if (name === "value_ints" || Array.isArray(value)) {
    return { name, type: ATTRIBUTE.INTS, ints: value as number[] };
  }
  if (typeof value === "string") return { name, type: ATTRIBUTE.STRING, s: new TextEncoder().encode(value) };
  if (typeof value === "number") return { name, type: ATTRIBUTE.INT, i: value };
  if ("float" in value) return { name, type: ATTRIBUTE.FLOAT, f: value.float };
  if ("type" in value) return { name, type: ATTRIBUTE.INT, i: ELEMENT[value.type] };
  return { name, type: ATTRIBUTE.GRAPH, g: subgraph((value as { graph: OnnxSubgraph }).graph, rename) };
}

function subgraph(body: OnnxSubgraph, rename: Rename): onnxProto.onnx.IGraphProto {
  const valueInfos = (list: OnnxSubgraph["inputs"]) =>
    list.map(({ name, type, rank }) => ({
      name: rename(name),
      type: {
        tensorType: { elemType: ELEMENT[type], shape: { dim: Array.from({ length: rank }, () => ({})) } },
      },
    }));
  return {
    name: rename("body"),
    node: body.nodes.map((n) => plainNode(n, rename)),
    input: valueInfos(body.inputs),
    output: valueInfos(body.outputs),
  };
}

/** A constant whose bytes stand in {@linkcode CONSTANTS_FILE}. @throws {TypeError} If its type is one of blocks, which are inputs only */
export function externalTensor(
  name: string,
  { shape }: Value,
  type: OnnxType | WidenedType,
  { offset, length }: { offset: number; length: number },
): onnxProto.onnx.ITensorProto {
  if (isBlockForm(type)) {
    throw new TypeError(`Cannot make "${name}" a constant of ${type}: it must be an input`);
  }
  const place = { location: CONSTANTS_FILE, offset, length };
  return {
    name,
    dims: shape.map(Number),
    dataType: ELEMENT[type],
    dataLocation: 1,
    externalData: Object.entries(place).map(([key, value]) => ({ key, value: String(value) })),
  };
}

/**
 * An input or output.
 * @param open Sizes are left open: a run may give or take a tensor without elements in its place.
 * @param type As the model has it; u8: words as bytes; blocks lie in tiles.
 */
export function valueInfo(
  name: string,
  value: Value,
  { open = false, type = value.type }: { open?: boolean; type?: OnnxType | WidenedType | "u8" } = {},
): onnxProto.onnx.IValueInfoProto {
  if (isBlockForm(type)) {
    const dim = tileShape(value.shape.map((size) => typeof size === "string" || open ? null : size), type)
      .map((size) => size === null ? {} : { dimValue: size });
    return { name, type: { tensorType: { elemType: isGroupForm(type) ? INT8 : UINT8, shape: { dim } } } };
  }
  const bytes = type === "u8";
  const last = value.shape.length - 1;
  const dim = value.shape.map((size: Size, axis) => {
    if (open) return {};
    if (typeof size === "string") return { dimParam: size };
    return { dimValue: bytes && axis === last ? 4 * size : size };
  });
  return { name, type: { tensorType: { elemType: bytes ? UINT8 : ELEMENT[type], shape: { dim } } } };
}
