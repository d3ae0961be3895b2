/**
 * The byte alphabet of GPT-2: each byte has a printable character, so that tokens of arbitrary bytes can be text.
 * Source: `bytes_to_unicode` of GPT-2's encoder.
 * @module
 */

/** Character of each byte, `[256]`. */
export const BYTE_TO_CHAR: readonly string[] = alphabet();

/** Byte of each character of the alphabet. */
export const CHAR_TO_BYTE: ReadonlyMap<string, number> = new Map(
  BYTE_TO_CHAR.map((char, byte) => [char, byte]),
);

function alphabet(): string[] {
  const out: string[] = [];
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    out.push(String.fromCharCode(printable ? byte : next++));
  }
  return out;
}

/** The token text of a byte in a vocabulary with byte fallback, such as `<0x0A>`. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/** A text in the byte alphabet. */
export function toByteAlphabet(text: string): string {
  let out = "";
  for (const byte of new TextEncoder().encode(text)) out += BYTE_TO_CHAR[byte];
  return out;
}
