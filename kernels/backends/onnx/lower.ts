/**
 * Turns a graph into an ONNX model (protobuf bytes). Weights aren't part of it: they are inputs.
 * @module
 */
import onnxProto from "onnx-proto";
import { type Graph, type Node, nodeSizes, type Size, symbolic, type Value } from "../../graph.ts";
import type { OnnxAttribute, OnnxNode, OnnxSubgraph, OnnxType } from "../../kernel.ts";

const { onnx } = onnxProto;

/** ONNX operator set and IR version that the lowerings are written for. */
export const OPSET = 21;
const IR_VERSION = 10;
const ELEMENT: Record<OnnxType, number> = { f32: 1, i32: 6, i64: 7, bool: 9 };
const ATTRIBUTE = { FLOAT: 1, INT: 2, STRING: 3, GRAPH: 5, FLOATS: 6, INTS: 7 };

type Rename = (name: string) => string;

/** Name of a graph value in the ONNX model; inputs and outputs have their own names. */
function valueNames(graph: Graph): Map<number, string> {
  const names = new Map<number, string>();
  for (const [name, value] of Object.entries(graph.inputs)) names.set(value.id, name);
  for (const node of graph.nodes) {
    for (const value of Object.values(node.outputs)) names.set(value.id, `v${value.id}`);
  }
  return names;
}

/** The model's bytes. */
export function lowerToOnnx(graph: Graph, name: string): Uint8Array {
  const names = valueNames(graph);
  const nodes = graph.nodes.flatMap((node, index) => lowerNode(node, index, names));
  // An output may be an input, or two outputs one value, so each gets its own name by an Identity node.
  const results = Object.entries(graph.outputs).map(([key, value]) =>
    plainNode(
      { op: "Identity", in: ["from"], out: ["to"] },
      (n) => n === "from" ? names.get(value.id)! : `out.${key}`,
    )
  );
  return onnx.ModelProto.encode(onnx.ModelProto.create({
    irVersion: IR_VERSION,
    producerName: "dinotune",
    opsetImport: [{ domain: "", version: OPSET }, { domain: "com.microsoft", version: 1 }],
    graph: {
      name,
      node: [...nodes, ...results],
      input: Object.entries(graph.inputs).map(([key, value]) => valueInfo(key, value)),
      output: Object.entries(graph.outputs).map(([key, value]) => valueInfo(`out.${key}`, value)),
    },
  })).finish();
}

function lowerNode(node: Node, index: number, names: ReadonlyMap<number, string>) {
  const own = new Map<string, string>();
  for (const [name, value] of [...Object.entries(node.inputs), ...Object.entries(node.outputs)]) {
    own.set(name, names.get(value.id)!);
  }
  const rename: Rename = (name) => name === "" ? "" : own.get(name) ?? `n${index}.${name}`;
  return node.kernel.onnx(symbolic(nodeSizes(node)), node.attrs).map((n) => plainNode(n, rename));
}

function plainNode(node: OnnxNode, rename: Rename): onnxProto.onnx.INodeProto {
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
  const info = (list: OnnxSubgraph["inputs"]) =>
    list.map(({ name, type, rank }) => ({
      name: rename(name),
      type: {
        tensorType: { elemType: ELEMENT[type], shape: { dim: Array.from({ length: rank }, () => ({})) } },
      },
    }));
  return {
    name: rename("body"),
    node: body.nodes.map((n) => plainNode(n, rename)),
    input: info(body.inputs),
    output: info(body.outputs),
  };
}

function valueInfo(name: string, value: Value) {
  const dim = value.shape.map((size: Size) =>
    typeof size === "number" ? { dimValue: size } : { dimParam: size }
  );
  return { name, type: { tensorType: { elemType: ELEMENT[value.type], shape: { dim } } } };
}
