/**
 * The header of a GGUF file, versions 2 and 3: magic, counts, metadata (typed key-value pairs), tensor descriptions.
 * Source: ggml/docs/gguf.md. Everything is checked against the file's size before anything is allocated or read.
 * @module
 */
import type { RandomAccessFile } from "../random_access.ts";
import { GGML_TYPES } from "./dequantize.ts";

/** A metadata value. 64-bit integers are numbers where exact, else bigints. */
export type GgufValue = number | bigint | boolean | string | GgufValue[];

/** All metadata of a file, in file order, such as `tokenizer.ggml.tokens`. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** Where one tensor lies. */
export interface GgufTensor {
  /** As in the file, such as `blk.0.attn_q.weight`. */
  readonly name: string;
  /** Number of its type in {@linkcode GGML_TYPES}. */
  readonly type: number;
  /** Row-major (the file has it the other way round). */
  readonly shape: readonly number[];
  /** First byte, from the start of the file. */
  readonly offset: number;
  /** Bytes as stored. */
  readonly byteLength: number;
}

/** A checked header. */
export interface GgufHeader {
  /** 2 or 3. */
  readonly version: number;
  /** All pairs. */
  readonly metadata: GgufMetadata;
  /** By name, in file order. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** Where the tensors' bytes begin. */
  readonly dataStart: number;
}

const STRING = 8, ARRAY = 9;
/** Bytes of the value types 0..12; 0 = of its own length. */
const VALUE_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8] as const;

/**
 * Reads and checks a header.
 * @throws {SyntaxError} If the file is no GGUF file, is truncated, or describes tensors that can't be; names them.
 */
export function parseHeader(file: RandomAccessFile): GgufHeader {
  const cursor = new Cursor(file);
  const { fail } = cursor;
  if (file.size < 24) throw fail(`it has ${file.size} bytes, the header alone needs more. Download it again`);
  const magic = cursor.uint32();
  if (magic !== 0x46554747) throw fail("it doesn't begin with the letters GGUF");
  const version = cursor.uint32();
  if (version !== 2 && version !== 3) {
    const swapped = version === 0x02000000 || version === 0x03000000;
    throw fail(
      swapped
        ? "it is big-endian. Convert it with gguf-py's gguf_convert_endian"
        : `its version is ${version}, versions 2 and 3 are supported`,
    );
  }
  const tensorCount = cursor.count("the number of tensors", 24);
  const pairCount = cursor.count("the number of metadata pairs", 13);

  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < pairCount; i++) {
    const key = cursor.name(`metadata key ${i + 1} of ${pairCount}`);
    if (metadata.has(key)) throw fail(`the metadata key "${key}" comes twice`);
    metadata.set(key, cursor.value(cursor.uint32(), key, 0));
  }
  const alignment = metadata.get("general.alignment") ?? 32;
  if (
    typeof alignment !== "number" || alignment < 1 || alignment > 2 ** 30 ||
    (alignment & (alignment - 1)) !== 0
  ) {
    throw fail(`general.alignment is ${alignment}, not a power of two`);
  }

  const described: GgufTensor[] = [];
  for (let i = 0; i < tensorCount; i++) {
    described.push(cursor.tensor(`tensor ${i + 1} of ${tensorCount}`, alignment));
  }
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const tensor of described) {
    if (tensors.has(tensor.name)) throw fail(`the tensor name "${tensor.name}" comes twice`);
    const placed = { ...tensor, offset: tensor.offset + dataStart };
    const end = placed.offset + placed.byteLength;
    if (end > file.size) {
      throw fail(
        `tensor "${tensor.name}" ends at byte ${end}, outside the file of ${file.size} bytes. It is truncated: ` +
          `download it again`,
      );
    }
    tensors.set(tensor.name, placed);
  }
  checkOverlap([...tensors.values()], fail);
  return { version, metadata, tensors, dataStart };
}

function checkOverlap(tensors: GgufTensor[], fail: (what: string) => SyntaxError): void {
  tensors.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  for (let i = 1; i < tensors.length; i++) {
    const before = tensors[i - 1]!, after = tensors[i]!;
    const overlap = before.offset + before.byteLength - after.offset;
    if (overlap > 0) {
      throw fail(`tensor "${after.name}" overlaps tensor "${before.name}" by ${overlap} bytes`);
    }
  }
}

/** Reads forward through a file in large pieces. */
class Cursor {
  position = 0;
  readonly #file: RandomAccessFile;
  #start = 0;
  #bytes = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));
  readonly #text = new TextDecoder();
  readonly #strict = new TextDecoder("utf-8", { fatal: true });

  constructor(file: RandomAccessFile) {
    this.#file = file;
  }

  readonly fail = (what: string): SyntaxError =>
    new SyntaxError(`Cannot read ${this.#file.path} as GGUF: ${what}`);

  /** Makes `length` bytes readable at the returned index of the buffer and steps over them. */
  #take(length: number): number {
    if (this.position + length > this.#file.size) {
      throw this.fail(
        `it ends inside its header, at byte ${this.#file.size}. It is truncated: download it again`,
      );
    }
    if (this.position + length > this.#start + this.#bytes.length) {
      this.#start = this.position;
      this.#bytes = this.#file.read(
        this.position,
        Math.min(Math.max(length, 1 << 20), this.#file.size - this.position),
      );
      this.#view = new DataView(this.#bytes.buffer);
    }
    const index = this.position - this.#start;
    this.position += length;
    return index;
  }

  uint32(): number {
    const index = this.#take(4);
    return this.#view.getUint32(index, true);
  }

  uint64(): number | bigint {
    const index = this.#take(8);
    return exact(this.#view.getBigUint64(index, true));
  }

  /** A count of things of at least `bytes` bytes each that must fit into the rest of the file. */
  count(what: string, bytes: number): number {
    const count = this.uint64();
    if (count > (this.#file.size - this.position) / bytes) {
      throw this.fail(
        `${what} is ${count}, more than the rest of the file can hold. It is truncated or damaged`,
      );
    }
    return Number(count);
  }

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

  value(type: number, key: string, depth: number): GgufValue {
    if (type === STRING) {
      const length = this.count(`the length of the text "${key}"`, 1);
      const index = this.#take(length);
      return this.#text.decode(this.#bytes.subarray(index, index + length));
    }
    if (type === ARRAY) {
      if (depth > 4) throw this.fail(`the metadata "${key}" nests arrays more than 4 deep`);
      const itemType = this.uint32();
      const count = this.count(`the length of the array "${key}"`, VALUE_BYTES[itemType] || 8);
      const values: GgufValue[] = new Array(count);
      for (let i = 0; i < count; i++) values[i] = this.value(itemType, key, depth + 1);
      return values;
    }
    const bytes = VALUE_BYTES[type];
    if (bytes === undefined) throw this.fail(`the metadata "${key}" has the unknown value type ${type}`);
    const at = this.#take(bytes), view = this.#view;
    switch (type) {
      case 0:
        return view.getUint8(at);
      case 1:
        return view.getInt8(at);
      case 2:
        return view.getUint16(at, true);
      case 3:
        return view.getInt16(at, true);
      case 4:
        return view.getUint32(at, true);
      case 5:
        return view.getInt32(at, true);
      case 6:
        return view.getFloat32(at, true);
      case 7: {
        const value = view.getUint8(at);
        if (value > 1) throw this.fail(`the truth value "${key}" is ${value}, not 0 or 1`);
        return value === 1;
      }
      case 10:
        return exact(view.getBigUint64(at, true));
      case 11:
        return exact(view.getBigInt64(at, true));
      default:
        return view.getFloat64(at, true);
    }
  }

  /** `offset` of the result still counts from the start of the data. */
  tensor(what: string, alignment: number): GgufTensor {
    const name = this.name(what);
    const dimensions = this.uint32();
    if (dimensions > 4) {
      throw this.fail(`tensor "${name}" has ${dimensions} dimensions, at most 4 are possible`);
    }
    const sizes: number[] = [];
    for (let i = 0; i < dimensions; i++) sizes.push(Number(this.uint64()));
    const type = this.uint32();
    const offset = Number(this.uint64());
    const layout = GGML_TYPES[type];
    if (!layout) throw this.fail(`tensor "${name}" has the unknown type number ${type}`);
    const count = sizes.reduce((product, size) => product * size, 1);
    const shape = sizes.toReversed();
    if (!Number.isSafeInteger(count)) {
      throw this.fail(`tensor "${name}" has the impossible shape [${shape.join(", ")}]`);
    }
    if ((sizes[0] ?? 1) % layout.blockSize !== 0) {
      throw this.fail(
        `tensor "${name}" has rows of ${
          sizes[0]
        } values, its type ${layout.name} needs a multiple of ${layout.blockSize}`,
      );
    }
    if (!Number.isSafeInteger(offset) || offset % alignment !== 0) {
      throw this.fail(
        `tensor "${name}" begins at byte ${offset} of the data, not at a multiple of ${alignment}`,
      );
    }
    return { name, type, shape, offset, byteLength: count / layout.blockSize * layout.blockBytes };
  }
}

function exact(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}
