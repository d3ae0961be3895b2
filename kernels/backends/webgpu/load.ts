/**
 * Frozen tensors on the way from a file to the device: pieces small enough for the processor's cache are read, made float16 or float32 in
 * place and handed over, so neither the matrix nor its float32 ever stands on the host.
 * @module
 */
import { bfloat16ToFloat32, halfToFloat32 } from "../../../formats/float.ts";
import type { FloatPieces } from "../../../formats/float_pieces.ts";
import { elements } from "../../backend.ts";
import type { Device } from "./device.ts";
import { type Half, Halving } from "./half.ts";
import { GpuTensor } from "./tensor.ts";

/** A tensor of the device, as float16 where it is a matrix and storage allows it. Counts in `half`. */
export function loaded(device: Device, from: FloatPieces, shape: readonly number[], half: Half): GpuTensor {
  if (from.count !== elements(shape)) {
    throw new TypeError(
      `Cannot upload ${from.count} elements as [${shape}]: that shape has ${elements(shape)}`,
    );
  }
  if (shape.length === 2) {
    half.frozen++;
    const tensor = asHalf(device, from, shape, half);
    if (tensor) {
      half.kept++;
      return tensor;
    }
  }
  const tensor = GpuTensor.allocate(device.memory, shape, "f32");
  let start = 0;
  for (const piece of from.pieces()) {
    const values = widened(from.type, piece);
    device.write(tensor.buffer, values, start);
    start += values.byteLength;
  }
  return tensor;
}

/** Null where float16 doesn't hold the matrix. */
function asHalf(
  device: Device,
  from: FloatPieces,
  shape: readonly number[],
  { storage }: Half,
): GpuTensor | null {
  if (storage === "none") return null;
  const halving = new Halving(from.type, storage);
  let tensor: GpuTensor | null = null, start = 0;
  for (const piece of from.pieces()) {
    const values = halving.piece(piece);
    if (!values) {
      tensor?.dispose();
      return null;
    }
    // Not before the first piece: a matrix that float16 doesn't hold shows it there, as a rule.
    tensor ??= GpuTensor.allocate(device.memory, shape, "f32", true);
    device.write(tensor.buffer, values, start);
    start += values.length;
  }
  if (halving.holds) return tensor;
  tensor?.dispose();
  return null;
}

function widened(type: FloatPieces["type"], piece: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  if (type === "f32") return new Float32Array(piece.buffer, piece.byteOffset, piece.length / 4);
  const bits = new Uint16Array(piece.buffer, piece.byteOffset, piece.length / 2);
  const values = new Float32Array(bits.length);
  (type === "f16" ? halfToFloat32 : bfloat16ToFloat32)(bits, values);
  return values;
}
