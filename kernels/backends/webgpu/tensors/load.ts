/**
 * Frozen tensors on the way from a file to the device: pieces small enough for the processor's cache are read, made float16 or float32 in
 * place and handed over, so neither the matrix nor its float32 ever stands on the host. Quantised blocks are handed over as they are.
 * @module
 */
import type { FloatPieces } from "../../../../formats/float_pieces.ts";
import { vectorMemoryOf } from "../../../../formats/simd/memory.ts";
import { checkUploaded } from "../../../backend.ts";
import type { Device } from "../device/device.ts";
import { type Half, type HalfStorage, Halving } from "../device/half.ts";
import { GpuTensor } from "../device/tensor.ts";

/**
 * A tensor of the device, as float16 where it is a matrix and storage allows it. Counts in `half`.
 * @throws {TypeError} If `from` hasn't as many elements as `shape`
 */
export function loaded(device: Device, from: FloatPieces, shape: readonly number[], half: Half): GpuTensor {
  checkUploaded(from.count, shape);
  let pieces: Iterable<Uint8Array<ArrayBuffer>> = from.pieces();
  if (shape.length === 2) {
    half.frozen++;
    const made = from.blocks && device.blocks?.load(from.blocks, shape, half.storage);
    if (made) {
      if (made.half) half.kept++;
      return made;
    }
    const found = half.storage === "none"
      ? pieces
      : asHalf(device, from, pieces, { shape, storage: half.storage });
    if (found instanceof GpuTensor) {
      half.kept++;
      return found;
    }
    pieces = found;
  }
  const tensor = GpuTensor.lasting(device.memory, shape, false);
  let start = 0;
  for (const piece of pieces) {
    const values = widened(from.type, piece);
    device.write(tensor.buffer, values, start);
    start += values.byteLength;
  }
  return tensor;
}

/** The pieces of a matrix that float16 doesn't hold, read again only where some were handed over or changed. */
function asHalf(
  device: Device,
  from: FloatPieces,
  pieces: Iterable<Uint8Array<ArrayBuffer>>,
  { shape, storage }: { shape: readonly number[]; storage: Exclude<HalfStorage, "none"> },
): GpuTensor | Iterable<Uint8Array<ArrayBuffer>> {
  const halving = new Halving(from.type, storage), rest = pieces[Symbol.iterator]();
  let tensor: GpuTensor | null = null, start = 0;
  for (let next = rest.next(); !next.done; next = rest.next()) {
    const values = halving.piece(next.value);
    if (!values) {
      // Float32s are narrowed elsewhere, and blocks of a GGUF file show it in the first piece, as a rule: it isn't dequantised twice.
      if (!tensor && from.type === "f32") return chained(next.value, rest);
      tensor?.dispose();
      rest.return?.();
      return from.pieces();
    }
    tensor ??= GpuTensor.lasting(device.memory, shape, true);
    device.write(tensor.buffer, values, start);
    start += values.length;
  }
  if (tensor && halving.holds) return tensor;
  tensor?.dispose();
  return from.pieces();
}

function* chained<T>(first: T, rest: Iterator<T>): Generator<T> {
  yield first;
  for (let next = rest.next(); !next.done; next = rest.next()) yield next.value;
}

/** Bytes of a piece's float32s, in memory that the next one uses again. */
function widened(type: FloatPieces["type"], piece: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return type === "f32" ? piece : vectorMemoryOf(piece).widened(type, piece);
}
