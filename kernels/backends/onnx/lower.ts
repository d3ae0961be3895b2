/**
 * Turns a graph into an ONNX model (protobuf bytes). Weights aren't part of it: they are inputs, or constants whose values
 * stand in a file beside it. Optional outputs become an If, so that one model serves runs with and without them.
 * @module
 */
import type onnxProto from "onnx-proto";

import { type Graph, type Node, nodeSizes, symbolic, type Value, ValueMap } from "../../graph.ts";
import type { OnnxTarget, WidenedType } from "../../onnx_node.ts";
import { NATIVE_DOMAIN } from "../../native/mod.ts";
import { requiredGraph } from "../options.ts";
import { mergeNative } from "./merge_native.ts";
import { modelBytes } from "./model_bytes.ts";
import { profileName } from "./profile.ts";
import { ATTRIBUTE, ELEMENT, externalTensor, plainNode, type Rename, valueInfo } from "./proto.ts";
import { valueNames } from "./value_names.ts";

/** Input (a bool) that says whether optional outputs are wanted. */
export const WANTED = "wanted";

/** Parts of a model beside its graph. */
export interface OnnxModelOptions {
  /** Its `half` and `widened` name inputs of the graph. */
  target: OnnxTarget;
  /** Inputs that are constants, and where in the file of constants they stand, bytes. */
  constants?: Readonly<Record<string, { offset: number; length: number }>>;
  /** Outputs that are computed only if {@linkcode WANTED}. */
  optional?: readonly string[];
  /** True if nodes are told what is {@linkcode OnnxTarget.spent}. */
  inPlace?: boolean;
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
  const halves = new Map<number, WidenedType>(
    Object.entries(graph.inputs).flatMap(([key, { id }]) => {
      const type = target.half?.names.has(key) ? target.half.type : target.widened?.get(key);
      return type ? [[id, type]] : [];
    }),
  );
  const spent = inPlace ? spentInputs(graph) : null;
  const lowered = graph.nodes.map((node, index) => ({
    first: early.has(node),
    nodes: lowerNode({ node, index, names, target: { ...target, ...spent?.(node) }, halves }),
  }));
  const typeOf = (value: Value) => halves.get(value.id) ?? value.type;
  const where = (first: boolean) => lowered.filter((l) => l.first === first).flatMap(({ nodes }) => nodes);
  const required = target.native && late.length === 0
    ? mergeNative(where(true), Object.values(needed.outputs).map(names.of, names))
    : where(true);
  // An output may be an input, or two outputs one value: such ones get their own name by an Identity node, which is a copy.
  const result = (key: string, value: Value, prefix = "out.") =>
    plainNode(
      { op: "Identity", in: ["from"], out: ["to"] },
      (n) => n === "from" ? names.of(value) : prefix + key,
    );
  const branch = late.length ? [branchNode(late, where(false), result)] : [];
  const given = Object.entries(graph.inputs).filter(([key]) => !constants[key]);
  const domains = ["com.microsoft", ...target.native ? [NATIVE_DOMAIN] : []];
  return modelBytes(domains, {
    name,
    node: [
      ...required,
      ...Object.entries(needed.outputs).flatMap(([key, value]) => made.has(key) ? [] : [result(key, value)]),
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
    // Sizes of values inside, by which the library puts an output where an input was; of its own operators it knows them.
    valueInfo: target.native ? inner(graph, required, names) : [],
    output: [
      ...Object.entries(needed.outputs).map(([key, value]) => valueInfo(`out.${key}`, value)),
      ...late.map(([key, value]) => valueInfo(`out.${key}`, value, { open: true })),
    ],
  });
}

/** Values that nodes of a model make for each other. */
function inner(
  { nodes }: Graph,
  lowered: readonly onnxProto.onnx.INodeProto[],
  names: ValueMap<string>,
): onnxProto.onnx.IValueInfoProto[] {
  const made = new Set(lowered.flatMap(({ output }) => output ?? []));
  const values = nodes.flatMap(({ outputs }) => Object.values(outputs));
  return values.flatMap((value) => {
    const name = names.of(value);
    return made.has(name) && !name.startsWith("out.") ? [valueInfo(name, value)] : [];
  });
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

function lowerNode(
  { node, index, names, target: { half, widened: _, ...place }, halves }: {
    node: Node;
    index: number;
    names: ValueMap<string>;
    target: OnnxTarget;
    /** By the ids of values. */
    halves: ReadonlyMap<number, WidenedType>;
  },
) {
  const own = new Map<string, string>();
  for (const [name, value] of [...Object.entries(node.inputs), ...Object.entries(node.outputs)]) {
    own.set(name, names.of(value));
  }
  const rename: Rename = (name) => name === "" ? "" : own.get(name) ?? `n${index}.${name}`;
  const own16 = halvesOf(node, halves), rounded = half && own16.size > 0;
  const target = {
    ...place,
    ...(rounded ? { half: { ...half, names: new Set(own16.keys()) } } : { widened: own16 }),
  };
  // The name is what a profile tells a kernel's nodes by.
  return node.kernel.onnx(symbolic(nodeSizes(node)), node.attrs, target)
    .map((n, part) => ({ ...plainNode(n, rename), name: profileName(node.kernel.name, index, part) }));
}

/** A node's inputs of 16 bits or of blocks. @throws {TypeError} If its kernel doesn't take one so. */
function halvesOf(
  { kernel, inputs }: Node,
  halves: ReadonlyMap<number, WidenedType>,
): Map<string, WidenedType> {
  const found = new Map<string, WidenedType>();
  for (const [name, { id }] of Object.entries(inputs)) {
    const type = halves.get(id);
    if (!type) continue;
    if (!kernel.halves?.includes(name)) {
      throw new TypeError(`Cannot give "${name}" of ${kernel.name} as ${type}: it takes float32 only`);
    }
    found.set(name, type);
  }
  return found;
}
