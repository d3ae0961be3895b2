/**
 * Records of a txt file: a line each, as the field `text`. Lines end with \n, \r\n or \r, as in Python's text files and so in
 * Hugging Face's reader.
 * @module
 */
import { fileBytes, unpackFault } from "./file_bytes.ts";
import type { RawRecord } from "./record.ts";
import { utf8Lines } from "./utf8_lines.ts";

/** Records in batches. @throws {SyntaxError} If the text isn't UTF-8, with file and line, or can't be unpacked */
export async function* textRecords(
  file: string,
  batchSize: number,
  onBytes: (read: number) => void,
): AsyncGenerator<RawRecord[]> {
  const fault = (line: number) => `Cannot read ${file}:${line} as text: it is not UTF-8`;
  let row = 0;
  const record = (line: string): RawRecord => ({
    value: { text: line },
    row,
    line: ++row,
  });
  try {
    for await (const block of utf8Lines(fileBytes(file, onBytes), fault)) {
      const lines = new TextDecoder("utf-8", { ignoreBOM: row > 0 }).decode(block).split(/\r\n|\r|\n/);
      // behind the last line break stands no line
      if (lines.at(-1) === "") lines.pop();
      for (let from = 0; from < lines.length; from += batchSize) {
        yield lines.slice(from, from + batchSize).map(record);
      }
    }
  } catch (error) {
    throw unpackFault(error, file);
  }
}
