/**
 * Text files that have to be UTF-8: another encoding is named with its place, where a lenient reader would put � for what it
 * can't read.
 * @module
 */

/**
 * Decodes a file's bytes; a byte order mark is left out.
 * @param path The file, for messages
 * @param kind Kind of text for messages, such as `YAML`
 * @throws {SyntaxError} If they aren't UTF-8; names file, line and column
 */
export function decodeUtf8(bytes: Uint8Array<ArrayBuffer>, path: string, kind: string): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    return decoder.decode(bytes);
  } catch {
    const isWide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    const { line, column } = isWide ? { line: 1, column: 1 } : firstFault(bytes, decoder);
    throw new SyntaxError(
      `Cannot read ${path}:${line}:${column} as ${kind}: it is not UTF-8${
        isWide ? ", the file is UTF-16" : ""
      }: save it as UTF-8`,
    );
  }
}

/** The first line that can't be decoded: no byte of a longer character is a line feed, so lines stand for themselves. */
function firstFault(bytes: Uint8Array<ArrayBuffer>, decoder: TextDecoder): { line: number; column: number } {
  for (let line = 1, from = 0; from <= bytes.length; line++) {
    const feed = bytes.indexOf(10, from), end = feed < 0 ? bytes.length : feed;
    const part = bytes.subarray(from, end);
    try {
      decoder.decode(part);
    } catch {
      return { line, column: new TextDecoder().decode(part).indexOf("\ufffd") + 1 };
    }
    from = end + 1;
  }
  return { line: 1, column: 1 };
}
