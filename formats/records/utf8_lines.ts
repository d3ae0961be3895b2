/**
 * Bytes of a text file in blocks of whole lines, checked to be UTF-8: a reader that puts U+FFFD for what isn't would train on it.
 * @module
 */
import { isUtf8 } from "node:buffer";

const NEWLINE = 10;

/**
 * The same bytes, block by block; a block ends behind a line break, the last one at the end.
 * @throws {SyntaxError} If a line isn't UTF-8: `fault` makes its message from the line, counted from 1
 */
export async function* utf8Lines(
  source: AsyncIterable<Uint8Array>,
  fault: (line: number) => string,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let waiting: Uint8Array[] = [];
  let line = 1;
  const checked = (block: Uint8Array<ArrayBuffer>) => {
    if (!isUtf8(block)) throw new SyntaxError(fault(line + badLine(block)));
    for (let i = block.indexOf(NEWLINE); i >= 0; i = block.indexOf(NEWLINE, i + 1)) line++;
    return block;
  };
  for await (const bytes of source) {
    // no character of several bytes holds a line break's byte
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const block = joined([...waiting, bytes.subarray(0, end)]);
      waiting = [];
      yield checked(block);
    }
    if (end < bytes.length) waiting.push(bytes.slice(end));
  }
  if (waiting.length > 0) yield checked(joined(waiting));
}

/** Number of whole lines before the first that isn't UTF-8. */
function badLine(block: Uint8Array): number {
  let [lines, from] = [0, 0];
  for (let end = block.indexOf(NEWLINE); end >= 0; end = block.indexOf(NEWLINE, from)) {
    if (!isUtf8(block.subarray(from, end))) break;
    lines++;
    from = end + 1;
  }
  return lines;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
