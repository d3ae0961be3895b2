/**
 * The header of a GGUF file, versions 2 and 3: magic, counts, metadata (typed key-value pairs), tensor descriptions.
 * Source: ggml/docs/gguf.md. Everything is checked against the file's size before anything is allocated or read.
 * @module
 */
import { shown } from "../message.ts";
import { notTheFile } from "../not_the_file.ts";
import type { RandomAccessFile } from "../random_access.ts";
import type { TensorFileHeader } from "../tensor_file.ts";
import { Cursor, type GgufArray } from "./cursor.ts";
import { GGML_TYPES } from "./dequantize.ts";

/** A metadata value. 64-bit integers are numbers where exact, else bigints. */
export type GgufValue = number | bigint | boolean | string | GgufArray;

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

/** Header whose counts, offsets and sizes fit the file. */
export interface GgufHeader extends TensorFileHeader<GgufTensor> {
  /** 2 or 3. */
  readonly version: number;
  /** Key-value pairs in the file's order. */
  readonly metadata: GgufMetadata;
}

/** More than any model has; descriptions of more would fill the memory. */
const MAX_TENSORS = 1 << 17, MAX_PAIRS = 1 << 16;

/**
 * Reads and checks a header.
 * @throws {SyntaxError} If the file is no GGUF file, is truncated, or describes tensors that can't be; names them.
 */
export function parseGgufHeader(file: RandomAccessFile): GgufHeader {
  const cursor = new Cursor(file);
  const { fail } = cursor;
  if (file.size < 24) throw fail(`it has ${file.size} bytes, the header alone needs more. Download it again`);
  const magic = cursor.uint32();
  if (magic !== 0x46554747) {
    throw fail(
      notTheFile(file.read(0, Math.min(200, file.size))) ?? "it doesn't begin with the letters GGUF",
    );
  }
  const version = cursor.uint32();
  if (version !== 2 && version !== 3) {
    const swapped = version === 0x02000000 || version === 0x03000000;
    throw fail(
      swapped
        ? "it is big-endian. Convert it with gguf-py's gguf_convert_endian"
        : `its version is ${version}, versions 2 and 3 are supported`,
    );
  }
  const tensorCount = cursor.count("the number of tensors", 24, MAX_TENSORS);
  const pairCount = cursor.count("the number of metadata pairs", 13, MAX_PAIRS);

  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < pairCount; i++) {
    const key = cursor.name(`metadata key ${i + 1} of ${pairCount}`);
    if (metadata.has(key)) throw fail(`the metadata key ${shown(key)} comes twice`);
    metadata.set(key, cursor.value(key));
  }
  const alignment = metadata.get("general.alignment") ?? 32;
  if (
    typeof alignment !== "number" || alignment < 1 || alignment > 2 ** 30 ||
    (alignment & (alignment - 1)) !== 0
  ) {
    throw fail(`general.alignment is ${shown(alignment)}, not a power of two`);
  }

  const described: GgufTensor[] = [];
  for (let i = 0; i < tensorCount; i++) {
    described.push(describe(cursor, `tensor ${i + 1} of ${tensorCount}`, alignment));
  }
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const tensor of described) {
    if (tensors.has(tensor.name)) throw fail(`the tensor name ${shown(tensor.name)} comes twice`);
    const placed = { ...tensor, offset: tensor.offset + dataStart };
    const end = placed.offset + placed.byteLength;
    if (end > file.size) {
      throw fail(
        `tensor ${
          shown(tensor.name)
        } ends at byte ${end}, outside the file of ${file.size} bytes. It is truncated: ` +
          `download it again`,
      );
    }
    tensors.set(tensor.name, placed);
  }
  checkOverlap([...tensors.values()], fail);
  return { version, metadata, tensors, headerBytes: dataStart };
}

function checkOverlap(tensors: GgufTensor[], fail: (what: string) => SyntaxError): void {
  tensors.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  for (let i = 1; i < tensors.length; i++) {
    const before = tensors[i - 1]!, after = tensors[i]!;
    const overlap = before.offset + before.byteLength - after.offset;
    if (overlap > 0) {
      throw fail(`tensor ${shown(after.name)} overlaps tensor ${shown(before.name)} by ${overlap} bytes`);
    }
  }
}

/** `offset` of the result still counts from the start of the data. */
function describe(cursor: Cursor, what: string, alignment: number): GgufTensor {
  const name = cursor.name(what);
  const dimensions = cursor.uint32();
  if (dimensions > 4) {
    throw cursor.fail(`tensor ${shown(name)} has ${dimensions} dimensions, at most 4 are possible`);
  }
  const sizes: number[] = [];
  for (let i = 0; i < dimensions; i++) sizes.push(Number(cursor.uint64()));
  const type = cursor.uint32();
  const offset = Number(cursor.uint64());
  const layout = GGML_TYPES[type];
  if (!layout) throw cursor.fail(`tensor ${shown(name)} has the unknown type number ${type}`);
  const count = sizes.reduce((product, size) => product * size, 1);
  const shape = sizes.toReversed();
  if (!Number.isSafeInteger(count)) {
    throw cursor.fail(`tensor ${shown(name)} has the impossible shape ${shown(shape)}`);
  }
  if ((sizes[0] ?? 1) % layout.blockSize !== 0) {
    throw cursor.fail(
      `tensor ${shown(name)} has rows of ${
        sizes[0] ?? 1
      } values, its type ${layout.name} needs a multiple of ${layout.blockSize}`,
    );
  }
  if (!Number.isSafeInteger(offset) || offset % alignment !== 0) {
    throw cursor.fail(
      `tensor ${shown(name)} begins at byte ${offset} of the data, not at a multiple of ${alignment}`,
    );
  }
  return { name, type, shape, offset, byteLength: count / layout.blockSize * layout.blockBytes };
}
