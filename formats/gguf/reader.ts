/**
 * Lazy reader of GGUF files: opening reads and checks the header only, tensors are read and dequantised when asked for.
 * @module
 */
import { item } from "../elements.ts";
import { shown } from "../message.ts";
import type { PackedMatrix } from "../packed/mod.ts";
import { filePieces, type FloatPieces, PLAIN_FLOATS } from "../float_pieces.ts";
import { TensorFile } from "../tensor_file.ts";
import { GGML_TYPES } from "./dequantize.ts";
import { type GgufHeader, type GgufMetadata, type GgufTensor, parseGgufHeader } from "./header.ts";
import { canPack, packedBlocks } from "./packed.ts";

/** Numbers that are made of blocks at a time. */
const VALUES = 1 << 18;

/** An open GGUF file. Names and layouts are those of the file, not yet those of transformers. */
export class GgufFile extends TensorFile<GgufTensor, GgufHeader> {
  #values: Float32Array<ArrayBuffer> | null = null;

  /**
   * Opens a file and checks its whole header.
   * @throws {SyntaxError} If it isn't a valid GGUF file; names file and tensor.
   */
  constructor(path: string) {
    super(path, parseGgufHeader);
  }

  /** 2 or 3. */
  get version(): number {
    return this.header.version;
  }

  /** Key-value pairs in the file's order. */
  get metadata(): GgufMetadata {
    return this.header.metadata;
  }

  /**
   * The values as float32, row-major. A fresh array each call.
   * @throws {TypeError} If the tensor's type isn't supported; names it.
   */
  readFloat32(name: string): Float32Array<ArrayBuffer> {
    const tensor = this.info(name);
    const { dequantize, blockBytes, blockSize } = supported(tensor, this.path);
    const out = new Float32Array(tensor.byteLength / blockBytes * blockSize);
    let start = 0;
    for (const bytes of this.#blocks(tensor)) {
      dequantize(bytes, out.subarray(start, start += bytes.length / blockBytes * blockSize));
    }
    return out;
  }

  /**
   * The values piece by piece: F32, F16 and BF16 as they are, blocks as float32.
   * @throws {TypeError} If the tensor's type isn't supported; names it.
   */
  pieces(name: string): FloatPieces {
    const tensor = this.info(name), { name: type, blockBytes, blockSize } = supported(tensor, this.path);
    const count = tensor.byteLength / blockBytes * blockSize, plain = PLAIN_FLOATS[type];
    return {
      type: plain ?? "f32",
      count,
      pieces: () => plain ? this.#blocks(tensor) : this.#dequantized(tensor),
      float32: () => this.readFloat32(name),
    };
  }

  *#dequantized(tensor: GgufTensor): Generator<Uint8Array<ArrayBuffer>> {
    const { dequantize, blockBytes, blockSize } = supported(tensor, this.path);
    const values = this.#values ??= new Float32Array(VALUES);
    for (const bytes of this.#blocks(tensor)) {
      const some = values.subarray(0, bytes.length / blockBytes * blockSize);
      dequantize(bytes, some);
      yield new Uint8Array(some.buffer, 0, some.byteLength);
    }
  }

  /** Whole blocks of a tensor, of {@linkcode VALUES} values or fewer. */
  #blocks(tensor: GgufTensor): Iterable<Uint8Array<ArrayBuffer>> {
    const { blockBytes, blockSize } = supported(tensor, this.path), { scratch } = this;
    const blocks = Math.min(VALUES / blockSize, Math.floor(scratch.length / blockBytes));
    return filePieces(this.file, tensor.offset, tensor.byteLength, scratch.subarray(0, blocks * blockBytes));
  }

  /**
   * Rows of a matrix as float32, `[rows.length, columns]`.
   * @param rows Whole numbers below the number of rows.
   * @throws {TypeError} If the tensor's type isn't supported; names it.
   */
  readRows(name: string, rows: ArrayLike<number>): Float32Array<ArrayBuffer> {
    const tensor = this.info(name), columns = tensor.shape[tensor.shape.length - 1] ?? 1;
    const { dequantize, blockBytes, blockSize } = supported(tensor, this.path);
    const out = new Float32Array(rows.length * columns);
    const bytes = new Uint8Array(columns / blockSize * blockBytes);
    for (let i = 0; i < rows.length; i++) {
      this.file.readInto(tensor.offset + item(rows, i) * bytes.length, bytes);
      dequantize(bytes, out.subarray(i * columns, (i + 1) * columns));
    }
    return out;
  }

  /** Whether {@linkcode GgufFile.readPacked} gives a matrix. */
  isPacked(name: string): boolean {
    const { type, shape } = this.info(name);
    return canPack(type) && shape.length === 2;
  }

  /** A quantised matrix in 4 or 8 bits, made of its blocks without becoming float32; null where the type is of another kind. */
  readPacked(name: string): PackedMatrix | null {
    const { type, shape, offset, byteLength } = this.info(name), [rows, columns] = shape;
    if (!this.isPacked(name) || rows === undefined || columns === undefined) return null;
    return packedBlocks(type, this.file.read(offset, byteLength), rows, columns);
  }

  /**
   * The bytes as stored. A fresh array each call.
   * @throws {RangeError} If there is none of that name.
   */
  readBytes(name: string): Uint8Array<ArrayBuffer> {
    const { offset, byteLength } = this.info(name);
    return this.file.read(offset, byteLength);
  }
}

/**
 * Checks that a tensor's values can be read.
 * @throws {TypeError} If its type isn't supported; names tensor and type.
 */
export function supported(tensor: GgufTensor, path: string): {
  /** As in {@linkcode GGML_TYPES}. */
  dequantize: (bytes: Uint8Array<ArrayBuffer>, out: Float32Array) => void;
  /** As in ggml. */
  name: string;
  /** Bytes a block. */
  blockBytes: number;
  /** Values a block. */
  blockSize: number;
} {
  const { name, dequantize, blockBytes, blockSize } = GGML_TYPES[tensor.type]!;
  if (dequantize) return { dequantize, name, blockBytes, blockSize };
  const able = Object.values(GGML_TYPES).filter((type) => type.dequantize).map((type) => type.name);
  throw new TypeError(
    `Cannot read tensor ${shown(tensor.name)} of ${path} as float32: its type is ${name}. ` +
      `Supported are ${able.join(", ")}: take a file quantised to one of them`,
  );
}

/**
 * All metadata of a GGUF file (`general.*`, `llama.*`, `tokenizer.ggml.*`, `tokenizer.chat_template`).
 * @throws {SyntaxError} If it isn't a valid GGUF file.
 */
export function readGgufMetadata(path: string): GgufMetadata {
  using file = new GgufFile(path);
  return file.metadata;
}
