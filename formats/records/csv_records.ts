/**
 * Records of a csv file: a row each, by the names of its first line.
 * @module
 */
import { Readable } from "node:stream";
import type { CsvError } from "csv-parse";

import { shown } from "../message.ts";
import { fileBytes } from "./file_bytes.ts";
import type { RawRecord } from "./record.ts";
import { utf8Lines } from "./utf8_lines.ts";

/** Records in batches. @throws {SyntaxError} With file and line */
export async function* csvRecords(
  file: string,
  batchSize: number,
  onBytes: (read: number) => void,
): AsyncGenerator<RawRecord[]> {
  const fault = (line: number) =>
    `Cannot read ${file}:${line} as CSV: it is not UTF-8. Save the file as UTF-8`;
  // loaded with the first such file: every task starts with this module
  const { parse: parseCsv } = await import("csv-parse");
  const source = Readable.from(utf8Lines(fileBytes(file, onBytes), fault), { objectMode: false });
  const parser = source.pipe(
    parseCsv({
      columns: (names: string[]) => withoutRepeats(separated(names, file), file),
      bom: true,
      skip_empty_lines: true,
      info: true,
    }),
  );
  source.on("error", (error) => parser.destroy(error)); // a pipe passes no errors on
  let batch: RawRecord[] = [];
  let row = 0;
  let line = 2;
  try {
    for await (const { record, info } of parser as AsyncIterable<CsvRow>) {
      // an empty cell is no value, as in Hugging Face's reader
      const value = Object.fromEntries(
        Object.entries(record).map(([key, cell]) => [key, cell === "" ? null : cell]),
      );
      batch.push({ value, row: row++, line });
      line = info.lines + 1;
      if (batch.length === batchSize) {
        yield batch;
        batch = [];
      }
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    const { message, lines } = error as CsvError & { lines?: number };
    throw new SyntaxError(`Cannot read ${file}:${lines ?? line} as CSV: ${message}`);
  }
  if (batch.length > 0) yield batch;
}

/** @throws {SyntaxError} If all names stand in one column, with what another program sets columns apart with in between */
function separated(names: string[], file: string): string[] {
  const [only = ""] = names;
  const mark = names.length > 1 ? undefined : [";", "\t", "|"].find((mark) => {
    const parts = only.split(mark);
    return parts.length > 1 && parts.every((part) => /^[\w.-]+$/.test(part.trim()));
  });
  if (mark === undefined) return names;
  throw new SyntaxError(
    `Cannot read ${file}:1 as CSV: columns seem to be set apart by ${
      mark === "\t" ? "tabs" : shown(mark)
    }, need commas: current value is ${shown(only)}. Save the file with commas`,
  );
}

/** @throws {SyntaxError} If a column's name comes twice: only one of the two would be read */
function withoutRepeats(names: string[], file: string): string[] {
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated === undefined) return names;
  throw new SyntaxError(
    `Cannot read ${file}:1 as CSV: two columns have the name ${
      shown(repeated)
    }, and only one could be read. Rename one`,
  );
}

interface CsvRow {
  record: Record<string, string>;
  info: { lines: number };
}
