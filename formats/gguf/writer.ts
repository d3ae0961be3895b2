/**
 * Writer of GGUF files, version 3. Source: ggml/docs/gguf.md. Tensors are asked for one at a time, so that a large model is
 * never in memory.
 * @module
 */
import { AtomicFile } from "../atomic.ts";
import { GGML_TYPES, type GgmlType } from "./dequantize.ts";
import { encodeTensor, type GgufEncoding } from "./quantize.ts";

/** A metadata value with its type in the file. */
export type GgufTyped =
  | { readonly type: "u32" | "i32" | "f32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "strings"; readonly value: readonly string[] }
  | { readonly type: "i32s" | "f32s"; readonly value: ArrayLike<number> };

/** One tensor to write. */
export interface GgufTensorToWrite {
  /** As in the file, such as `blk.0.attn_q.weight`. */
  readonly name: string;
  /** Row-major; the file has it the other way round. */
  readonly shape: readonly number[];
  /** Type of the stored values. */
  readonly encoding: GgufEncoding;
  /** The values, asked for once, when it's this tensor's turn. */
  data(): Float32Array<ArrayBuffer>;
}

const ALIGNMENT = 32;
/** Numbers of value types: scalar types, and the array of another type. */
const TYPE = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;
/** Values encoded at a time. */
const CHUNK = 1 << 20;

/** A type's number in a file, and its layout. @throws {RangeError} If ggml has no such type */
export function layoutOf(encoding: GgufEncoding): { number: number; layout: GgmlType } {
  const found = Object.entries(GGML_TYPES).find(([, { name }]) => name === encoding);
  if (found === undefined) throw new RangeError(`Cannot write ${encoding}: it isn't among ggml's types`);
  return { number: Number(found[0]), layout: found[1] };
}

/**
 * Bytes that a tensor takes in a file, padding not counted.
 * @throws {RangeError} If its rows aren't whole blocks of its type
 */
export function ggufTensorBytes({ name, shape, encoding }: Omit<GgufTensorToWrite, "data">): number {
  const { blockSize, blockBytes } = layoutOf(encoding).layout;
  const row = shape.at(-1) ?? 1;
  if (row % blockSize !== 0) {
    throw new RangeError(
      `Cannot write tensor "${name}" as ${encoding} as its rows must be whole blocks of ${blockSize}: current value is ${row}`,
    );
  }
  return shape.reduce((product, size) => product * size, 1) / blockSize * blockBytes;
}

/**
 * Writes a file, atomically.
 * @param metadata In the order of the file; `general.architecture` first, as llama.cpp's converter has it
 * @throws {RangeError} If a tensor's name comes twice, or rows aren't whole blocks
 * @throws {TypeError} If data don't fit their shape; nothing is left behind then
 */
export function writeGguf(
  path: string,
  metadata: ReadonlyMap<string, GgufTyped>,
  tensors: readonly GgufTensorToWrite[],
): void {
  for (const _ of writingGguf(path, metadata, tensors));
}

/**
 * As {@linkcode writeGguf}, a tensor a turn; ended early it leaves nothing behind.
 * @throws {RangeError} If a name comes twice, rows aren't whole blocks, or a type isn't among ggml's
 */
export function* writingGguf(
  path: string,
  metadata: ReadonlyMap<string, GgufTyped>,
  tensors: readonly GgufTensorToWrite[],
): Generator<void, void> {
  const bytes = new ByteList();
  bytes.text("GGUF");
  bytes.u32(3);
  bytes.u64(tensors.length);
  bytes.u64(metadata.size);
  for (const [key, value] of metadata) writePair(bytes, key, value);
  const names = new Set<string>();
  let offset = 0;
  for (const tensor of tensors) {
    if (names.has(tensor.name)) {
      throw new RangeError(`Cannot write ${path}: tensor "${tensor.name}" comes twice`);
    }
    names.add(tensor.name);
    bytes.string(tensor.name);
    bytes.u32(tensor.shape.length);
    for (const size of tensor.shape.toReversed()) bytes.u64(size);
    bytes.u32(layoutOf(tensor.encoding).number);
    bytes.u64(offset);
    offset += padded(ggufTensorBytes(tensor));
  }
  const file = new AtomicFile(path);
  try {
    file.write(bytes.padded());
    for (const tensor of tensors) {
      writeTensor(file, path, tensor);
      yield;
    }
    file.commit();
  } finally {
    file.abort();
  }
}

function writeTensor(file: AtomicFile, path: string, tensor: GgufTensorToWrite): void {
  const values = tensor.data(), count = tensor.shape.reduce((product, size) => product * size, 1);
  if (values.length !== count) {
    throw new TypeError(
      `Cannot write tensor "${tensor.name}" of ${path} as [${
        tensor.shape.join(", ")
      }]: its data are ${values.length} values`,
    );
  }
  let written = 0;
  // whole blocks: 32 divides CHUNK
  for (let start = 0; start < count; start += CHUNK) {
    const part = encodeTensor(values.subarray(start, Math.min(count, start + CHUNK)), tensor.encoding);
    file.write(part);
    written += part.length;
    // garbage of a whole tensor would wait for its collection
    if (part.buffer !== values.buffer) part.buffer.transfer(0);
  }
  file.write(new Uint8Array(padded(written) - written));
}

function padded(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}

function writePair(bytes: ByteList, key: string, { type, value }: GgufTyped): void {
  bytes.string(key);
  switch (type) {
    case "u32":
    case "i32":
    case "f32":
      bytes.u32(TYPE[type]);
      return bytes.number(type, value);
    case "bool":
      bytes.u32(TYPE.bool);
      return bytes.raw(Uint8Array.of(value ? 1 : 0));
    case "string":
      bytes.u32(TYPE.string);
      return bytes.string(value);
    case "strings":
      bytes.u32(TYPE.array);
      bytes.u32(TYPE.string);
      bytes.u64(value.length);
      return value.forEach((text) => bytes.string(text));
    case "i32s":
    case "f32s": {
      const item = type === "i32s" ? "i32" : "f32";
      bytes.u32(TYPE.array);
      bytes.u32(TYPE[item]);
      bytes.u64(value.length);
      const list = item === "i32" ? Int32Array.from(value) : Float32Array.from(value);
      return bytes.raw(new Uint8Array(list.buffer));
    }
  }
}

/** Bytes that grow; numbers little-endian. */
class ByteList {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1 << 16);
  #length = 0;
  readonly #encoder = new TextEncoder();

  raw(part: Uint8Array): void {
    const needed = this.#length + part.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(part, this.#length);
    this.#length = needed;
  }

  number(type: "u32" | "i32" | "f32", value: number): void {
    const view = new DataView(new ArrayBuffer(4));
    if (type === "f32") view.setFloat32(0, value, true);
    else if (type === "i32") view.setInt32(0, value, true);
    else view.setUint32(0, value, true);
    this.raw(new Uint8Array(view.buffer));
  }

  u32(value: number): void {
    this.number("u32", value);
  }

  u64(value: number): void {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt(value), true);
    this.raw(new Uint8Array(view.buffer));
  }

  text(value: string): void {
    this.raw(this.#encoder.encode(value));
  }

  string(value: string): void {
    const encoded = this.#encoder.encode(value);
    this.u64(encoded.length);
    this.raw(encoded);
  }

  padded(): Uint8Array {
    this.raw(new Uint8Array(padded(this.#length) - this.#length));
    return this.#bytes.subarray(0, this.#length);
  }
}
