/**
 * Writer of safetensors files, byte for byte as the Rust library of Hugging Face orders and pads them. Tensors are
 * asked for one at a time and converted in pieces, so that a large model is never in memory twice.
 * @module
 */
import { AtomicFile } from "../atomic.ts";
import { float32ToBfloat16, float32ToHalf } from "../float.ts";
import { DTYPE_BYTES, MAX_SAFETENSORS_HEADER_BYTES } from "./header.ts";
import type { TensorData } from "./reader.ts";

/** One tensor to write. */
export interface TensorToWrite {
  /** Unique in its file. */
  readonly name: string;
  /** A key of {@linkcode DTYPE_BYTES}. */
  readonly dtype: string;
  /** Row-major. */
  readonly shape: readonly number[];
  /**
   * The values, asked for once, when it's this tensor's turn. Float32 is converted to F16 and BF16 (nearest, ties to
   * even); otherwise the array has the dtype's own width (F16 and BF16 as bits in a Uint16Array).
   */
  data(): TensorData;
}

/** Bytes written at a time. */
const CHUNK = 1 << 22;

/**
 * Writes a file, atomically. Order: widest type first, then by name.
 * @param metadata `{"format": "pt"}` by default, which transformers asks for.
 * @throws {TypeError} If data don't fit their shape or dtype; nothing is left behind then.
 * @throws {RangeError} If a name comes twice or a dtype is unknown.
 */
export function writeSafetensors(
  path: string,
  tensors: Iterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): void {
  for (const _ of writingSafetensors(path, tensors, metadata));
}

/** As {@linkcode writeSafetensors}, a tensor a turn; ended early it leaves nothing behind. */
export function* writingSafetensors(
  path: string,
  tensors: Iterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Generator<void, void> {
  const sorted = [...tensors].sort((a, b) =>
    bytesOf(b) - bytesOf(a) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  );
  const header = encodeHeader(path, sorted, metadata);
  const file = new AtomicFile(path);
  try {
    file.write(header);
    for (const tensor of sorted) {
      writeTensor(file, path, tensor);
      yield;
    }
    file.commit();
  } finally {
    file.abort();
  }
}

/**
 * Bytes that a tensor takes in a file.
 * @throws {RangeError} If its dtype is unknown.
 */
export function tensorBytes(tensor: Pick<TensorToWrite, "name" | "dtype" | "shape">): number {
  return tensor.shape.reduce((product, size) => product * size, bytesOf(tensor));
}

function bytesOf({ name, dtype }: Pick<TensorToWrite, "name" | "dtype">): number {
  if (Object.hasOwn(DTYPE_BYTES, dtype)) return DTYPE_BYTES[dtype]!;
  throw new RangeError(
    `Cannot write tensor "${name}" as ${dtype}: known dtypes are ${Object.keys(DTYPE_BYTES).join(", ")}`,
  );
}

function encodeHeader(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const names = new Set<string>();
  const parts = [`"__metadata__":${JSON.stringify(metadata)}`];
  let start = 0;
  for (const tensor of tensors) {
    const { name, dtype, shape } = tensor;
    if (names.has(name) || name === "__metadata__") {
      throw new RangeError(`Cannot write ${path}: the tensor name "${name}" comes twice or is reserved`);
    }
    names.add(name);
    const end = start + tensorBytes(tensor);
    parts.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [start, end] })}`);
    start = end;
  }
  const json = new TextEncoder().encode(`{${parts.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > MAX_SAFETENSORS_HEADER_BYTES) {
    throw new RangeError(`Cannot write ${path}: its header would have ${length} bytes`);
  }
  const bytes = new Uint8Array(8 + length).fill(32);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}

function writeTensor(file: AtomicFile, path: string, tensor: TensorToWrite): void {
  const { name, dtype, shape } = tensor;
  const data = tensor.data();
  const count = shape.reduce((product, size) => product * size, 1);
  const converted = data instanceof Float32Array && (dtype === "F16" || dtype === "BF16");
  if (
    data.length !== count ||
    (!converted && (data.BYTES_PER_ELEMENT !== DTYPE_BYTES[dtype] || wrongKind(data, dtype)))
  ) {
    throw new TypeError(
      `Cannot write tensor "${name}" of ${path} as ${dtype} [${
        shape.join(", ")
      }]: its data are ${data.length} values ` +
        `in a ${data.constructor.name}`,
    );
  }
  if (!converted) return file.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const convert = dtype === "F16" ? float32ToHalf : float32ToBfloat16;
  const bits = new Uint16Array(Math.min(count, CHUNK / 2));
  for (let start = 0; start < count; start += bits.length) {
    const piece = bits.subarray(0, Math.min(bits.length, count - start));
    convert(data.subarray(start, start + piece.length), piece);
    file.write(new Uint8Array(piece.buffer, 0, piece.byteLength));
  }
}

/** Four and eight bytes alone don't tell F32 from I32 or F64 from I64. */
function wrongKind(data: TensorData, dtype: string): boolean {
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  return isFloat !== (dtype === "F32" || dtype === "F64");
}
