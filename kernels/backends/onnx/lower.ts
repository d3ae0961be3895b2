/**
 * Turns a graph into an ONNX model (protobuf bytes). Weights aren't part of it: they are inputs, or constants whose values
 * stand in a file beside it. Optional outputs become an If, so that one model serves runs with and without them.
 * @module
 */
import onnxProto from "onnx-proto";

import { valueOf } from "../../../formats/elements.ts";
import { type Graph, type Node, nodeSizes, type Size, symbolic, type Value, ValueMap } from "../../graph.ts";
import type {
  HalfInputs,
  OnnxAttribute,
  OnnxNode,
  OnnxSubgraph,
  OnnxTarget,
  OnnxType,
} from "../../onnx_node.ts";
import { requiredGraph } from "../options.ts";
import { profileName } from "./profile.ts";

const { onnx } = onnxProto;

/** ONNX operator set and IR version that the lowerings are written for. */
export const OPSET = 21;
/** ONNX IR version. */
export const IR_VERSION = 10;
/** Element types by their numbers in ONNX. */
export const ELEMENT: Readonly<Record<OnnxType, number>> = {
  f32: 1,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  bf16: 16,
};
const UINT8 = 2;
const ATTRIBUTE = { FLOAT: 1, INT: 2, STRING: 3, TENSOR: 4, GRAPH: 5, FLOATS: 6, INTS: 7 };

/** Input (a bool) that says whether optional outputs are wanted. */
export const WANTED = "wanted";
/** Name of the file that holds constants, in a folder that is passed to the session. */
export const CONSTANTS_FILE = "constants.bin";

/** Parts of a model beside its graph. */
export interface OnnxModelOptions {
  /** Its `half` names inputs of the graph. */
  target: OnnxTarget;
  /** Inputs that are constants, and where in {@linkcode CONSTANTS_FILE} they stand, bytes. */
  constants?: Readonly<Record<string, { offset: number; length: number }>>;
  /** Outputs that are computed only if {@linkcode WANTED}. */
  optional?: readonly string[];
  /** Whether nodes are told what is {@linkcode OnnxTarget.spent}. */
  inPlace?: boolean;
}

type Rename = (name: string) => string;

/**
 * Names of a graph's values in the ONNX model: inputs have their own, and so have outputs that only one node makes and no other
 * output shares, so that runs write them where they are wanted.
 * @param late Outputs that a branch gives.
 * @returns The names, and keys of the outputs that have theirs.
 */
function valueNames(
  graph: Graph,
  outputs: readonly [key: string, value: Value][],
  late: readonly [key: string, value: Value][],
): { names: ValueMap<string>; made: ReadonlySet<string> } {
  const names = new ValueMap<string>(), made = new Set<string>();
  for (const node of graph.nodes) {
    for (const value of Object.values(node.outputs)) names.set(value, `v${value.id}`);
  }
  const wanted = [...outputs, ...late].map(([, { id }]) => id);
  for (const [key, value] of outputs) {
    if (names.find(value) === undefined || wanted.filter((id) => id === value.id).length > 1) continue;
    names.set(value, `out.${key}`);
    made.add(key);
  }
  for (const [name, value] of Object.entries(graph.inputs)) names.set(value, name);
  return { names, made };
}

/**
 * Inputs that kernels take as bytes.
 * @throws {TypeError} If another kernel takes one as integers.
 */
export function byteInputs(graph: Graph): Set<string> {
  const taken = (as: "bytes" | "integers") =>
    new Set(
      graph.nodes.flatMap(({ kernel, inputs }) =>
        Object.entries(inputs).flatMap(([name, { id }]) =>
          (kernel.bytes?.includes(name) ?? false) === (as === "bytes") ? [id] : []
        )
      ),
    );
  const bytes = taken("bytes"), others = taken("integers");
  return new Set(
    Object.entries(graph.inputs).flatMap(([key, { id }]) => {
      if (bytes.has(id) && others.has(id)) {
        throw new TypeError(`Cannot lower a graph: its input "${key}" is taken as bytes and as numbers`);
      }
      return bytes.has(id) ? [key] : [];
    }),
  );
}

/** The model's bytes. */
export function lowerToOnnx(
  graph: Graph,
  name: string,
  { target, constants = {}, optional = [], inPlace = false }: OnnxModelOptions,
): Uint8Array<ArrayBuffer> {
  const bytes = byteInputs(graph);
  const needed = requiredGraph(graph, optional), early = new Set(needed.nodes);
  const late = Object.entries(graph.outputs).filter(([key]) => optional.includes(key));
  const { names, made } = valueNames(graph, Object.entries(needed.outputs), late);
  const halves = new Map(
    Object.entries(graph.inputs).flatMap(([key, { id }]) =>
      target.half?.names.has(key) ? [[id, target.half]] : []
    ),
  );
  const spent = inPlace ? spentInputs(graph) : null;
  const lowered = graph.nodes.map((node, index) => ({
    first: early.has(node),
    nodes: lowerNode({ node, index, names, target: { ...target, ...spent?.(node) }, halves }),
  }));
  const typeOf = (value: Value) => halves.get(value.id)?.type ?? value.type;
  const where = (first: boolean) => lowered.filter((l) => l.first === first).flatMap(({ nodes }) => nodes);
  // An output may be an input, or two outputs one value: such ones get their own name by an Identity node, which is a copy.
  const result = (key: string, value: Value, prefix = "out.") =>
    plainNode(
      { op: "Identity", in: ["from"], out: ["to"] },
      (n) => n === "from" ? names.of(value) : prefix + key,
    );
  const branch = late.length ? [branchNode(late, where(false), result)] : [];
  const given = Object.entries(graph.inputs).filter(([key]) => !constants[key]);
  return new Uint8Array(
    onnx.ModelProto.encode(onnx.ModelProto.create({
      irVersion: IR_VERSION,
      producerName: "dinotune",
      opsetImport: [{ domain: "", version: OPSET }, { domain: "com.microsoft", version: 1 }],
      graph: {
        name,
        node: [
          ...where(true),
          ...Object.entries(needed.outputs).flatMap(([key, value]) =>
            made.has(key) ? [] : [result(key, value)]
          ),
          ...branch,
        ],
        initializer: Object.entries(graph.inputs).flatMap(([key, value]) => {
          const place = constants[key];
          return place ? [externalTensor(key, value, typeOf(value), place)] : [];
        }),
        input: [
          ...given.map(([key, value]) =>
            valueInfo(key, value, {
              open: !(key in needed.inputs),
              type: bytes.has(key) ? "u8" : typeOf(value),
            })
          ),
          ...branch.map(() => ({
            name: WANTED,
            type: { tensorType: { elemType: ELEMENT.bool, shape: {} } },
          })),
        ],
        output: [
          ...Object.entries(needed.outputs).map(([key, value]) => valueInfo(`out.${key}`, value)),
          ...late.map(([key, value]) => valueInfo(`out.${key}`, value, { open: true })),
        ],
      },
    })).finish(),
  );
}

/** For each node its inputs that another node makes for it alone; none where its own output is the graph's, which has its place. */
function spentInputs(graph: Graph): (node: Node) => Pick<OnnxTarget, "spent"> {
  const reads = new ValueMap<number>(),
    count = (value: Value, by = 1) => reads.set(value, (reads.find(value) ?? 0) + by);
  Object.values(graph.inputs).forEach((value) => count(value, Infinity));
  Object.values(graph.outputs).forEach((value) => count(value, Infinity));
  for (const { inputs } of graph.nodes) Object.values(inputs).forEach((value) => count(value));
  return ({ inputs, outputs }) => {
    if (Object.values(outputs).some((value) => reads.find(value) === Infinity)) return {};
    const own = Object.entries(inputs).filter(([, value]) => reads.find(value) === 1);
    return { spent: new Set(own.map(([name]) => name)) };
  };
}

/** The If of optional outputs: its other branch gives tensors without elements. */
function branchNode(
  late: readonly [key: string, value: Value][],
  nodes: onnxProto.onnx.INodeProto[],
  result: (key: string, value: Value, prefix: string) => onnxProto.onnx.INodeProto,
): onnxProto.onnx.INodeProto {
  const output = (prefix: string) =>
    late.map(([key, value]) => valueInfo(prefix + key, value, { open: true }));
  const nothing = ([key, { type, shape }]: [string, Value]) => ({
    opType: "Constant",
    output: [`none.${key}`],
    attribute: [{
      name: "value",
      type: ATTRIBUTE.TENSOR,
      t: { dataType: ELEMENT[type], dims: shape.map(() => 0), rawData: new Uint8Array(0) },
    }],
  });
  const branches = {
    then_branch: {
      name: "wanted.then",
      node: [...nodes, ...late.map(([key, value]) => result(key, value, "then."))],
      output: output("then."),
    },
    else_branch: { name: "wanted.else", node: late.map(nothing), output: output("none.") },
  };
  return {
    opType: "If",
    input: [WANTED],
    output: late.map(([key]) => `out.${key}`),
    attribute: Object.entries(branches).map(([name, g]) => ({ name, type: ATTRIBUTE.GRAPH, g })),
  };
}

function externalTensor(
  name: string,
  { shape }: Value,
  type: OnnxType,
  { offset, length }: { offset: number; length: number },
): onnxProto.onnx.ITensorProto {
  const place = { location: CONSTANTS_FILE, offset, length };
  return {
    name,
    dims: shape.map(Number),
    dataType: ELEMENT[type],
    dataLocation: 1,
    externalData: Object.entries(place).map(([key, value]) => ({ key, value: String(value) })),
  };
}

function lowerNode(
  { node, index, names, target: { half: _, ...place }, halves }: {
    node: Node;
    index: number;
    names: ValueMap<string>;
    target: OnnxTarget;
    /** By the ids of values. */
    halves: ReadonlyMap<number, HalfInputs>;
  },
) {
  const own = new Map<string, string>();
  for (const [name, value] of [...Object.entries(node.inputs), ...Object.entries(node.outputs)]) {
    own.set(name, names.of(value));
  }
  const rename: Rename = (name) => name === "" ? "" : own.get(name) ?? `n${index}.${name}`;
  const target = { ...place, ...halfOf(node, halves) };
  // The name is what a profile tells a kernel's nodes by.
  return node.kernel.onnx(symbolic(nodeSizes(node)), node.attrs, target)
    .map((n, part) => ({ ...plainNode(n, rename), name: profileName(node.kernel.name, index, part) }));
}

/** A node's inputs of 16 bits. @throws {TypeError} If its kernel doesn't take one so. */
function halfOf({ kernel, inputs }: Node, halves: ReadonlyMap<number, HalfInputs>): Pick<OnnxTarget, "half"> {
  const found = Object.entries(inputs).filter(([, { id }]) => halves.has(id)), half = found[0];
  if (!half) return {};
  const { type, native } = valueOf(halves, half[1].id);
  const names = new Set(found.map(([name]) => name));
  for (const name of names) {
    if (kernel.halves?.includes(name)) continue;
    throw new TypeError(`Cannot give "${name}" of ${kernel.name} as ${type}: it takes float32 only`);
  }
  return { half: { names, type, native } };
}

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

/**
 * @param open Sizes are left open: a run may give or take a tensor without elements in its place.
 * @param type As the model has it; u8: words as bytes.
 */
function valueInfo(
  name: string,
  value: Value,
  { open = false, type = value.type }: { open?: boolean; type?: OnnxType | "u8" } = {},
) {
  const bytes = type === "u8";
  const last = value.shape.length - 1;
  const dim = value.shape.map((size: Size, axis) => {
    if (open) return {};
    if (typeof size === "string") return { dimParam: size };
    return { dimValue: bytes && axis === last ? 4 * size : size };
  });
  return { name, type: { tensorType: { elemType: bytes ? UINT8 : ELEMENT[type], shape: { dim } } } };
}
