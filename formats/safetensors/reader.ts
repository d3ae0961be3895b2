/**
 * Lazy reader of one safetensors file: opening reads and checks the header only, tensors are read when asked for.
 * @module
 */
import { shown } from "../message.ts";
import { filePieces, type FloatPieces, floatPieces, PLAIN_FLOATS } from "../float_pieces.ts";
import { vectorMemoryOf } from "../simd/memory.ts";
import { narrowed } from "../subnormal.ts";
import { TensorFile } from "../tensor_file.ts";
import { readSafetensorsHeader, type SafetensorsHeader, type TensorInfo } from "./header.ts";

/** Values of a tensor in the array type that holds them exactly (F16, BF16 and F8 as bits). */
export type TensorData =
  | Float64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

const ARRAYS: Readonly<Record<string, new (buffer: ArrayBuffer) => TensorData>> = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
  F8_E4M3: Uint8Array,
  F8_E5M2: Uint8Array,
};

/** An open safetensors file, its tensors in the order of their bytes. */
export class SafetensorsFile extends TensorFile<TensorInfo, SafetensorsHeader> {
  /**
   * Opens a file and checks its whole header.
   * @throws {SyntaxError} If the file isn't a valid safetensors file; names file and tensor.
   */
  constructor(path: string) {
    super(path, readSafetensorsHeader);
  }

  /** `__metadata__`, such as `{format: "pt"}`. */
  get metadata(): Readonly<Record<string, string>> {
    return this.header.metadata;
  }

  /** The values as they are stored. A fresh array each call. */
  read(name: string): TensorData {
    const { dtype, offset, byteLength } = this.info(name);
    return new ARRAYS[dtype]!(this.file.read(offset, byteLength).buffer);
  }

  /**
   * The values of an F64, F32, F16 or BF16 tensor as float32. A fresh array each call.
   * @throws {TypeError} If the tensor has another type.
   */
  readFloat32(name: string): Float32Array<ArrayBuffer> {
    const { offset, byteLength } = this.info(name);
    return this.#floats(name, offset, byteLength);
  }

  /**
   * The values of an F64, F32, F16 or BF16 tensor piece by piece.
   * @throws {TypeError} As {@linkcode SafetensorsFile.readFloat32}, when they are read
   */
  pieces(name: string): FloatPieces {
    const { dtype, offset, byteLength } = this.info(name), type = PLAIN_FLOATS[dtype];
    const float32 = () => this.readFloat32(name);
    if (type === undefined) return floatPieces(byteLength / 8, float32);
    return {
      type,
      count: byteLength / (type === "f32" ? 4 : 2),
      pieces: () => filePieces(this.file, offset, byteLength),
      float32,
    };
  }

  /**
   * Rows of a matrix as float32, `[rows.length, columns]`.
   * @param rows Whole numbers below the number of rows.
   * @throws {TypeError} If the tensor has a type that {@linkcode SafetensorsFile.readFloat32} refuses.
   */
  readRows(name: string, rows: ArrayLike<number>): Float32Array<ArrayBuffer> {
    const { offset, byteLength, shape } = this.info(name), count = shape[0] ?? 1, bytes = byteLength / count;
    const columns = shape.slice(1).reduce((a, b) => a * b, 1), out = new Float32Array(rows.length * columns);
    Array.from(rows).forEach((row, i) =>
      out.set(this.#floats(name, offset + row * bytes, bytes), i * columns)
    );
    return out;
  }

  #floats(name: string, offset: number, byteLength: number): Float32Array<ArrayBuffer> {
    const { dtype } = this.info(name);
    if (dtype === "F32") return new Float32Array(this.file.read(offset, byteLength).buffer);
    if (dtype === "F64") {
      return narrowed(new Float64Array(this.file.read(offset, byteLength).buffer));
    }
    if (dtype !== "F16" && dtype !== "BF16") {
      throw new TypeError(
        `Cannot read tensor ${
          shown(name)
        } of ${this.path} as float32: its dtype is ${dtype}. F64, F32, F16 and BF16 can be`,
      );
    }
    const out = new Uint8Array(2 * byteLength);
    let start = 0;
    for (const piece of filePieces(this.file, offset, byteLength)) {
      out.set(vectorMemoryOf(piece).widened(dtype === "F16" ? "f16" : "bf16", piece), start);
      start += 2 * piece.length;
    }
    return new Float32Array(out.buffer);
  }
}
