/**
 * JSON objects that carry a checksum of themselves in a last field, `sum`: CRC-32 of the text without that field, in eight hexadecimal
 * digits. Any program reads them as JSON; one that wants to know whether a byte changed since can tell.
 * @module
 */
import { crc32 } from "node:zlib";

const TAIL = /^,"sum":"(.{8})"\}$/;
const TAIL_BYTES = ',"sum":"00000000"}'.length;
const encoder = new TextEncoder(), decoder = new TextDecoder();

/**
 * An object's JSON with its sum.
 * @param value Has at least one field, and none named `sum`
 * @example
 * ```ts
 * import { assertEquals, assertThrows } from "@std/assert";
 * import { sealedJson, unsealed } from "./sealed_json.ts";
 *
 * const text = sealedJson({ a: 1 });
 * assertEquals(text, '{"a":1,"sum":"561bacaf"}');
 * assertEquals(unsealed(new TextEncoder().encode(text)), { value: { a: 1 }, isSealed: true });
 * assertThrows(() => unsealed(new TextEncoder().encode(text.replace("1", "2"))), SyntaxError, "its sum is another");
 * ```
 */
export function sealedJson(value: object): string {
  const text = JSON.stringify(value);
  return `${text.slice(0, -1)},"sum":"${sumOf(encoder.encode(text))}"}`;
}

/**
 * The value of a JSON text, its sum left out, and whether it had one: texts of earlier versions have none.
 * @throws {SyntaxError} If it isn't JSON, or not what was sealed
 */
export function unsealed(bytes: Uint8Array<ArrayBuffer>): { value: unknown; isSealed: boolean } {
  const end = bytes.length - TAIL_BYTES;
  const [, sum] = TAIL.exec(decoder.decode(bytes.subarray(Math.max(0, end)))) ?? [];
  if (sum === undefined) return { value: JSON.parse(decoder.decode(bytes)), isSealed: false };
  const body = bytes.slice(0, end + 1);
  body[end] = CLOSING;
  if (sumOf(body) !== sum) {
    throw new SyntaxError("it isn't as it was written, as its sum is another");
  }
  return { value: JSON.parse(decoder.decode(body)), isSealed: true };
}

const CLOSING = 125;

function sumOf(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, "0");
}
