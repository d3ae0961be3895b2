/**
 * A graph's protobuf as an ONNX model.
 * @module
 */
import onnxProto from "onnx-proto";

/** ONNX's own operators and its IR version, as the lowerings are written for. */
const OPSET = 21, IR_VERSION = 10;

/**
 * The model's bytes.
 * @param domains Of operators beside ONNX's own, each in its version 1
 */
export function modelBytes(
  domains: Iterable<string>,
  graph: onnxProto.onnx.IGraphProto,
): Uint8Array<ArrayBuffer> {
  const { ModelProto } = onnxProto.onnx;
  return new Uint8Array(
    ModelProto.encode(ModelProto.create({
      irVersion: IR_VERSION,
      producerName: "dinotune",
      opsetImport: [
        { domain: "", version: OPSET },
        ...Array.from(domains, (domain) => ({ domain, version: 1 })),
      ],
      graph,
    })).finish(),
  );
}
