/**
 * Small ONNX models for tests of the C interface.
 * @module
 */
import onnxProto from "onnx-proto";

const { onnx } = onnxProto;

/** Input or output: its element type by ONNX's number, and sizes; a name is a free size. */
type Info = readonly [name: string, elemType: number, shape: readonly (number | string)[]];

/** Parts of a model of one graph. */
export interface SmallModel {
  nodes: onnxProto.onnx.INodeProto[];
  inputs?: readonly Info[];
  outputs: readonly Info[];
  initializers?: onnxProto.onnx.ITensorProto[];
}

/** The model's bytes. */
export function smallModel(
  { nodes, inputs = [], outputs, initializers = [] }: SmallModel,
): Uint8Array<ArrayBuffer> {
  const info = ([name, elemType, shape]: Info) => ({
    name,
    type: {
      tensorType: {
        elemType,
        shape: {
          dim: shape.map((size) => typeof size === "number" ? { dimValue: size } : { dimParam: size }),
        },
      },
    },
  });
  const bytes = onnx.ModelProto.encode(onnx.ModelProto.create({
    irVersion: 10,
    opsetImport: [{ domain: "", version: 21 }],
    graph: {
      name: "small",
      node: nodes,
      input: inputs.map(info),
      output: outputs.map(info),
      initializer: initializers,
    },
  })).finish();
  return new Uint8Array(bytes);
}

/** A node without attributes. */
export function node(opType: string, input: string[], output: string[]): onnxProto.onnx.INodeProto {
  return { opType, input, output };
}

/** An attribute of type INT. */
export function integer(name: string, i: number): onnxProto.onnx.IAttributeProto {
  return { name, type: 2, i };
}
