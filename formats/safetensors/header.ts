/**
 * The header of a safetensors file: 8 bytes of little-endian length, then JSON
 * `{name: {dtype, shape, data_offsets: [begin, end]}, __metadata__}`, then the tensors' bytes without holes.
 * Everything is checked before any tensor is read, as strictly as the Rust library of Hugging Face does
 * (fixtures/goldens/safetensors holds what version 0.8.0 takes and refuses), and names that come twice are refused too.
 * @module
 */
import { item } from "../elements.ts";
import { shown } from "../message.ts";
import { notTheFile } from "../not_the_file.ts";
import type { RandomAccessFile } from "../random_access.ts";
import type { TensorFileHeader } from "../tensor_file.ts";
import { parseStrictJson } from "./strict_json.ts";

/** Bytes of one value of each type; below 1 where several values share a byte. */
export const DTYPE_BYTES: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
  C64: 8,
  F8_E4M3: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2: 1,
  F8_E5M2FNUZ: 1,
  F8_E8M0: 1,
  F6_E2M3: 0.75,
  F6_E3M2: 0.75,
  F4: 0.5,
};

/** Where one tensor lies in its file. */
export interface TensorInfo {
  /** Unique in its file. */
  readonly name: string;
  /** A key of {@linkcode DTYPE_BYTES}. */
  readonly dtype: string;
  /** Row-major; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** First byte, from the start of the file. */
  readonly offset: number;
  /** Product of the shape times the bytes of the dtype. */
  readonly byteLength: number;
}

/** Header whose offsets and sizes fit the file. */
export interface SafetensorsHeader extends TensorFileHeader<TensorInfo> {
  /** `__metadata__`, such as `{format: "pt"}`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Longest header that the format allows, in bytes. */
export const MAX_SAFETENSORS_HEADER_BYTES = 100_000_000;

const COUNTS: ReadonlySet<string> = new Set(["shape", "data_offsets"]);

/**
 * Reads and checks a header; tensors are in the order of their bytes.
 * @throws {SyntaxError} As {@linkcode parseSafetensorsHeader}, or if the file is too short
 */
export function readSafetensorsHeader(file: RandomAccessFile): SafetensorsHeader {
  const { size, path } = file;
  const other = notTheFile(file.read(0, Math.min(200, size)));
  if (other !== null) throw new SyntaxError(`Cannot read ${path} as safetensors: ${other}`);
  const length = headerLength(file.read(0, Math.min(8, size)), size, path);
  return parseSafetensorsHeader(file.read(8, length), size, path);
}

/**
 * Length of the JSON of a file that begins with `start` (8 bytes, or fewer if the file is shorter).
 * @throws {SyntaxError} If the file is too short, or the length is impossible.
 */
function headerLength(start: Uint8Array, fileSize: number, path: string): number {
  const fail = (what: string) => new SyntaxError(`Cannot read ${path} as safetensors: ${what}`);
  if (fileSize < 8 || start.length < 8) {
    throw fail(`it has ${fileSize} bytes, the header alone needs more. Download the file again`);
  }
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_SAFETENSORS_HEADER_BYTES)) {
    throw fail(
      `its header claims ${length} bytes, at most ${MAX_SAFETENSORS_HEADER_BYTES} are allowed. It is no safetensors file`,
    );
  }
  if (8 + Number(length) > fileSize) {
    throw fail(
      `its header claims ${length} bytes, the file has ${fileSize}. It is truncated: download it again`,
    );
  }
  return Number(length);
}

/**
 * Parses and checks a header.
 * @param json The bytes after the length.
 * @throws {SyntaxError} If anything about it, or about the offsets against `fileSize`, is wrong; names file and tensor.
 */
function parseSafetensorsHeader(json: Uint8Array, fileSize: number, path: string): SafetensorsHeader {
  const fail = (what: string) => new SyntaxError(`Cannot read ${path} as safetensors: ${what}`);
  let parsed: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json);
    parsed = parseStrictJson(text, COUNTS);
  } catch (error) {
    throw fail(`its header is no valid JSON (${(error as Error).message.slice(0, 300)})`);
  }
  if (!isRecord(parsed)) throw fail("its header is no JSON object");

  const metadata = parsed.__metadata__ ?? {};
  if (!isRecord(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    throw fail("__metadata__ isn't a map of strings");
  }
  const dataStart = 8 + json.length;
  const entries = Object.entries(parsed).filter(([name]) => name !== "__metadata__");
  const tensors = entries.map(([name, entry]) => parseTensor(name, entry, { dataStart, fileSize }, fail));
  // Empty tensors come before the one that starts at the same byte.
  tensors.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  let end = dataStart;
  let previous = "the header";
  for (const { name, offset, byteLength } of tensors) {
    if (offset < end) throw fail(`tensor ${shown(name)} overlaps ${previous} by ${end - offset} bytes`);
    if (offset > end) {
      throw fail(`${offset - end} bytes between ${previous} and tensor ${shown(name)} belong to no tensor`);
    }
    end = offset + byteLength;
    previous = `tensor ${shown(name)}`;
  }
  if (end !== fileSize) throw fail(`${fileSize - end} bytes after ${previous} belong to no tensor`);
  return {
    metadata: metadata as Record<string, string>,
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    headerBytes: dataStart,
  };
}

function parseTensor(
  name: string,
  entry: unknown,
  { dataStart, fileSize }: { dataStart: number; fileSize: number },
  fail: (what: string) => SyntaxError,
): TensorInfo {
  if (!isRecord(entry)) throw fail(`tensor ${shown(name)} has no description`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const bytes = typeof dtype === "string" && Object.hasOwn(DTYPE_BYTES, dtype)
    ? DTYPE_BYTES[dtype]
    : undefined;
  if (bytes === undefined) {
    throw fail(
      `tensor ${shown(name)} has the unknown dtype ${shown(dtype)}. Known are ${
        Object.keys(DTYPE_BYTES).join(", ")
      }`,
    );
  }
  if (!isCounts(shape)) {
    throw fail(`tensor ${shown(name)} has the shape ${shown(shape)}, not a list of counts`);
  }
  if (!isCounts(offsets) || offsets.length !== 2 || item(offsets, 0) > item(offsets, 1)) {
    throw fail(`tensor ${shown(name)} has the data_offsets ${shown(offsets)}, not [begin, end]`);
  }
  const [begin, end] = offsets as [number, number];
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count)) {
      throw fail(`tensor ${shown(name)} has the impossible shape ${shown(shape)}`);
    }
  }
  const needed = count * bytes;
  if (needed !== end - begin) {
    throw fail(
      `tensor ${shown(name)} of shape ${
        shown(shape)
      } and dtype ${dtype} needs ${needed} bytes, its data_offsets ` +
        `hold ${end - begin}`,
    );
  }
  if (dataStart + end > fileSize) {
    throw fail(
      `tensor ${shown(name)} ends at byte ${
        dataStart + end
      }, outside the file of ${fileSize} bytes. It is truncated: ` +
        `download it again`,
    );
  }
  return { name, dtype: dtype as string, shape, offset: dataStart + begin, byteLength: end - begin };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}
