/**
 * Values of a GGUF header, read forward through the file in large pieces. Nothing is allocated that the rest of the header
 * can't hold, and numbers stay as compact as they are in the file.
 * @module
 */
import { u8 } from "../elements.ts";
import { shown } from "../message.ts";
import type { RandomAccessFile } from "../random_access.ts";

/** A list of metadata: texts, truth values (0 and 1), lists, or numbers; 64-bit ones are numbers where exact, else bigints. */
export type GgufArray =
  | string[]
  | GgufArray[]
  | (number | bigint)[]
  | Uint8Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/** Longest header that is read, in bytes; the longest known (262,144 tokens) has 16 MB. */
const MAX_GGUF_HEADER_BYTES = 1 << 27;

/** Most lists in one header; no known file has more than ten. */
const MAX_ARRAYS = 1 << 16;

const BOOL = 7, STRING = 8, ARRAY = 9, UINT64 = 10, INT64 = 11;
/** Bytes of the value types 0 to 12; 0 = of its own length. */
const VALUE_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8] as const;
/** Texts up to so many bytes are decoded here, since a call of the decoder takes longer than they. */
const SHORT = 24;
/** Lists that are copied as they are, by type. */
const ARRAYS: Readonly<Record<number, new (buffer: ArrayBuffer) => GgufArray>> = {
  0: Uint8Array,
  1: Int8Array,
  2: Uint16Array,
  3: Int16Array,
  4: Uint32Array,
  5: Int32Array,
  6: Float32Array,
  [BOOL]: Uint8Array,
  12: Float64Array,
};

/** A place in the header of a file. */
export class Cursor {
  /** Bytes read so far. */
  position = 0;
  readonly #file: RandomAccessFile;
  readonly #end: number;
  #arrays = 0;
  #start = 0;
  #bytes = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));
  readonly #text = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  constructor(file: RandomAccessFile) {
    this.#file = file;
    this.#end = Math.min(file.size, MAX_GGUF_HEADER_BYTES);
  }

  /** An error that names the file. */
  readonly fail = (what: string): SyntaxError =>
    new SyntaxError(`Cannot read ${this.#file.path} as GGUF: ${what}`);

  /** Makes `length` bytes readable at the returned index of the buffer and steps over them. */
  #take(length: number): number {
    if (this.position + length > this.#end) throw this.#tooShort();
    if (this.position + length > this.#start + this.#bytes.length) {
      this.#start = this.position;
      const count = Math.min(Math.max(length, 1 << 20), this.#end - this.position);
      this.#bytes = this.#file.read(this.position, count);
      this.#view = new DataView(this.#bytes.buffer);
    }
    const index = this.position - this.#start;
    this.position += length;
    return index;
  }

  #tooShort(): SyntaxError {
    return this.fail(
      this.#end < this.#file.size
        ? `its header has more than ${MAX_GGUF_HEADER_BYTES} bytes. Is it damaged?`
        : `it ends inside its header, at byte ${this.#end}. It is truncated: download it again`,
    );
  }

  /** An unsigned number of 4 bytes. */
  uint32(): number {
    const index = this.#take(4);
    return this.#view.getUint32(index, true);
  }

  /** An unsigned number of 8 bytes. */
  uint64(): number | bigint {
    const index = this.#take(8);
    return exact(this.#view.getBigUint64(index, true));
  }

  /** A count of things of at least `bytes` bytes each that must fit into the rest of the header; `limit` at most. */
  count(what: string, bytes: number, limit = Infinity): number {
    return this.#count(() => what, bytes, limit);
  }

  /** @param what Called for a message only: a vocabulary has some hundred thousand texts. */
  #count(what: () => string, bytes: number, limit = Infinity): number {
    const index = this.#take(8),
      low = this.#view.getUint32(index, true),
      high = this.#view.getUint32(index + 4, true);
    const count = high === 0 ? low : exact(this.#view.getBigUint64(index, true));
    if (count > (this.#file.size - this.position) / bytes) {
      throw this.fail(
        `${what()} is ${count}, more than the rest of the file can hold. It is truncated or damaged`,
      );
    }
    if (count > limit || count > (this.#end - this.position) / bytes) {
      throw this.fail(`${what()} is ${count}, more than a header can hold here. Is it damaged?`);
    }
    return Number(count);
  }

  /** A text of 1 to 65,535 bytes of UTF-8. @throws {SyntaxError} If it is none, or ends behind the file */
  name(what: string): string {
    const length = this.count(`the length of ${what}`, 1);
    if (length === 0 || length > 65535) throw this.fail(`the name of ${what} has ${length} bytes`);
    const index = this.#take(length);
    try {
      return this.#strict.decode(this.#bytes.subarray(index, index + length));
    } catch {
      throw this.fail(`the name of ${what} is no UTF-8 text`);
    }
  }

  /** A value of metadata with its type in front. */
  value(key: string): number | bigint | boolean | string | GgufArray {
    const type = this.uint32();
    return this.#value(type, key, 0);
  }

  #value(type: number, key: string, depth: number): number | bigint | boolean | string | GgufArray {
    return type === ARRAY ? this.#array(key, depth + 1) : this.#single(type, key);
  }

  #array(key: string, depth: number): GgufArray {
    if (depth > 4) throw this.fail(`the metadata ${shown(key)} nests arrays more than 4 deep`);
    if (++this.#arrays > MAX_ARRAYS) throw this.fail(`its metadata hold more than ${MAX_ARRAYS} arrays`);
    const type = this.uint32();
    const bytes = VALUE_BYTES[type];
    if (bytes === undefined) throw this.#unknown(key, type);
    const count = this.count(`the length of the array ${shown(key)}`, bytes || 8);
    const TypedArray = ARRAYS[type];
    if (!TypedArray) {
      return Array.from({ length: count }, () => this.#value(type, key, depth)) as GgufArray;
    }
    const index = this.#take(bytes * count);
    const values = new TypedArray(this.#bytes.slice(index, index + bytes * count).buffer);
    if (type === BOOL) {
      const wrong = (values as Uint8Array).find((value) => value > 1);
      if (wrong !== undefined) throw this.#noTruth(key, wrong);
    }
    return values;
  }

  #single(type: number, key: string): number | bigint | boolean | string {
    if (type === STRING) {
      const length = this.#count(() => `the length of the text ${shown(key)}`, 1);
      const index = this.#take(length), end = index + length;
      return (length <= SHORT ? shortText(this.#bytes, index, end) : null) ??
        this.#text.decode(this.#bytes.subarray(index, end));
    }
    const bytes = VALUE_BYTES[type];
    if (bytes === undefined) throw this.#unknown(key, type);
    const index = this.#take(bytes), view = this.#view;
    switch (type) {
      case 0:
        return view.getUint8(index);
      case 1:
        return view.getInt8(index);
      case 2:
        return view.getUint16(index, true);
      case 3:
        return view.getInt16(index, true);
      case 4:
        return view.getUint32(index, true);
      case 5:
        return view.getInt32(index, true);
      case 6:
        return view.getFloat32(index, true);
      case BOOL: {
        const value = view.getUint8(index);
        if (value > 1) throw this.#noTruth(key, value);
        return value === 1;
      }
      case UINT64:
        return exact(view.getBigUint64(index, true));
      case INT64:
        return exact(view.getBigInt64(index, true));
      default:
        return view.getFloat64(index, true);
    }
  }

  #unknown(key: string, type: number): SyntaxError {
    return this.fail(`the metadata ${shown(key)} has the unknown value type ${type}`);
  }

  #noTruth(key: string, value: number): SyntaxError {
    return this.fail(`the truth value ${shown(key)} is ${value}, not 0 or 1`);
  }
}

/** UTF-8 of characters of one and two bytes; null: there are others. */
function shortText(bytes: Uint8Array, start: number, end: number): string | null {
  let text = "";
  for (let i = start; i < end; i++) {
    const first = u8(bytes, i);
    if (first < 0x80) {
      text += String.fromCharCode(first);
      continue;
    }
    const second = i + 1 < end ? u8(bytes, ++i) : 0;
    if (first < 0xc2 || first > 0xdf || (second & 0xc0) !== 0x80) return null;
    text += String.fromCharCode((first & 0x1f) << 6 | second & 0x3f);
  }
  return text;
}

function exact(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}
