/**
 * Lazy reader of GGUF files: opening reads and checks the header only, tensors are read and dequantised when asked for.
 * @module
 */
import { shown } from "../message.ts";
import type { PackedForm, PackedMatrix } from "../packed/mod.ts";
import {
  filePieces,
  type FloatPieces,
  PIECE_BYTES,
  PLAIN_FLOATS,
  rowPieces,
  type StoredBlocks,
} from "../float_pieces.ts";
import { TensorFile } from "../tensor_file.ts";
import { GGML_TYPES } from "./dequantize.ts";
import { type GgufHeader, type GgufMetadata, type GgufTensor, parseGgufHeader } from "./header.ts";
import { packedBlocks, packedFormOf } from "./packed.ts";

/** Numbers that are made of blocks at a time: more of them would leave the processor's cache. */
const VALUES = 1 << 18;

/** An open GGUF file. Names and layouts are those of the file, not yet those of transformers. */
export class GgufFile extends TensorFile<GgufTensor, GgufHeader> {
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
   * @param order The file's row for each row; default: as they are
   * @throws {TypeError} If the tensor's type isn't supported; names it.
   */
  readFloat32(name: string, order: ArrayLike<number> | null = null): Float32Array<ArrayBuffer> {
    const tensor = this.info(name);
    const { dequantize, blockBytes, blockSize } = supported(tensor, this.path);
    const out = new Uint8Array(4 * tensor.byteLength / blockBytes * blockSize);
    let start = 0;
    for (const bytes of this.#blocks(tensor, order)) {
      const values = dequantize(bytes);
      out.set(values, start);
      start += values.length;
    }
    return new Float32Array(out.buffer);
  }

  /**
   * The values piece by piece: F32, F16 and BF16 as they are, blocks as float32.
   * @param order As in {@linkcode GgufFile.readFloat32}
   * @throws {TypeError} If the tensor's type isn't supported; names it.
   */
  pieces(name: string, order: ArrayLike<number> | null = null): FloatPieces {
    const tensor = this.info(name), { name: type, blockBytes, blockSize } = supported(tensor, this.path);
    const count = tensor.byteLength / blockBytes * blockSize, plain = PLAIN_FLOATS[type];
    const blocks = plain ? null : this.#stored(tensor, order);
    return {
      ...(blocks && { blocks }),
      type: plain ?? "f32",
      count,
      pieces: () => plain ? this.#blocks(tensor, order) : this.#dequantized(tensor, order),
      float32: () => this.readFloat32(name, order),
    };
  }

  /** A tensor's blocks as they are; null where eight of its rows, which stand in another order, are longer than a piece. */
  #stored(tensor: GgufTensor, order: ArrayLike<number> | null): StoredBlocks | null {
    const { dequantize, name: type, blockBytes, blockSize } = supported(tensor, this.path);
    const unit = 8 * (order ? tensor.byteLength / order.length : blockBytes);
    const most = Math.floor(PIECE_BYTES / unit) * unit;
    if (most === 0) return null;
    const pieces = () =>
      order
        ? rowPieces(this.file, tensor, order, most)
        : filePieces(this.file, tensor.offset, tensor.byteLength, most);
    return { type, blockBytes, blockSize, pieces, dequantize };
  }

  *#dequantized(
    tensor: GgufTensor,
    order: ArrayLike<number> | null,
  ): Generator<Uint8Array<ArrayBuffer>> {
    const { dequantize } = supported(tensor, this.path);
    for (const bytes of this.#blocks(tensor, order)) yield dequantize(bytes);
  }

  /** Whole blocks of a tensor, of {@linkcode VALUES} values or fewer. */
  #blocks(tensor: GgufTensor, order: ArrayLike<number> | null): Iterable<Uint8Array<ArrayBuffer>> {
    const { blockBytes, blockSize } = supported(tensor, this.path);
    const blocks = Math.min(VALUES / blockSize, Math.floor(PIECE_BYTES / blockBytes));
    if (order) return rowPieces(this.file, tensor, order, blocks * blockBytes);
    return filePieces(this.file, tensor.offset, tensor.byteLength, blocks * blockBytes);
  }

  /**
   * Rows of a matrix as float32, `[rows.length, columns]`.
   * @param rows Whole numbers below the number of rows.
   * @throws {TypeError} If the tensor's type isn't supported; names it.
   */
  readRows(name: string, rows: ArrayLike<number>): Float32Array<ArrayBuffer> {
    const tensor = this.info(name), columns = tensor.shape[tensor.shape.length - 1] ?? 1;
    const { dequantize, blockBytes, blockSize } = supported(tensor, this.path);
    const out = new Uint8Array(4 * rows.length * columns), rowBytes = columns / blockSize * blockBytes;
    const most = Math.floor(VALUES / blockSize) * blockBytes;
    let start = 0;
    for (const row of Array.from(rows)) {
      for (const bytes of filePieces(this.file, tensor.offset + row * rowBytes, rowBytes, most)) {
        const values = dequantize(bytes);
        out.set(values, start);
        start += values.length;
      }
    }
    return new Float32Array(out.buffer);
  }

  /** Form of the matrix that {@linkcode GgufFile.readPacked} gives; null: none. */
  packedForm(name: string): PackedForm | null {
    const { type, shape } = this.info(name);
    return shape.length === 2 ? packedFormOf(type) : null;
  }

  /** A quantised matrix in 4 or 8 bits, made of its blocks without becoming float32; null where the type is of another kind. */
  readPacked(name: string): PackedMatrix | null {
    const { type, shape, offset, byteLength } = this.info(name), [rows, columns] = shape;
    if (this.packedForm(name) === null || rows === undefined || columns === undefined) return null;
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
  dequantize: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
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
