/**
 * Reading the data files of benchmarks: JSON and JSON lines, plain or gzipped, with file and row in every error.
 * @module
 */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { z } from "zod";

import { shortened, shown } from "../message.ts";
import { nearEntry } from "../near_entry.ts";
import { inWords } from "../zod_words.ts";
import { JsonRecords } from "./json_records.ts";
import type { RawRecord } from "./record.ts";
import { UniqueIds } from "./ids.ts";
import { describeRowFault, misspeltField } from "./row_fault.ts";

/** Reads a text file; a name that ends in `.gz` is unpacked. */
export async function readText(file: string | URL): Promise<string> {
  const bytes = await Deno.readFile(file);
  if (!String(file).endsWith(".gz")) return new TextDecoder().decode(bytes);
  return await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

/**
 * SHA-256 of a file, in hexadecimal digits.
 * @param what Its content in words, for the message
 * @throws {RangeError} If it can't be read
 */
export function hashOfFile(path: string, what: string): string {
  try {
    return createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? `there is no such file${nearEntry(path)}`
      : (error as Error).message;
    throw new RangeError(`Cannot read ${path} as ${what}: ${why}`, { cause: error });
  }
}

const CHUNK = 1 << 16;

/**
 * Reads rows of JSON lines (blank lines are passed over) or of one JSON list, one at a time: neither the file nor the ids are
 * held in memory. A name that ends in `.gz` is unpacked.
 *
 * @throws {RangeError} If the file can't be opened, two rows have the same id, or there is none: names file and rows.
 * @throws {SyntaxError} If something isn't JSON (names file, line and column), or `schema` refuses a row (names file, line,
 * row, from 0, and field).
 */
export async function* readRows<T>(
  file: string | URL,
  schema: z.ZodType<T>,
  id: (row: T) => string,
): AsyncGenerator<T> {
  const name = file instanceof URL ? file.pathname.split("/").at(-1)! : file;
  const seen = new UniqueIds();
  for await (const { value, row, line } of recordsOf(file, name)) {
    const result = schema.safeParse(value, inWords);
    const fault = misspeltField(value, schema) ??
      (result.success ? undefined : describeRowFault(value, schema, result.error));
    if (fault !== undefined || !result.success) {
      throw new SyntaxError(`Cannot read ${name}:${line} row ${row} as a benchmark row: ${fault}`);
    }
    const key = id(result.data);
    const before = seen.claim(key, row);
    if (before !== undefined) {
      throw new RangeError(
        `Cannot read ${name} as rows with unique ids: current value is ${
          shown(key)
        } in rows ${before} and ${row} (line ${line})`,
      );
    }
    yield result.data;
  }
  if (seen.size === 0) {
    throw new RangeError(`Cannot read ${name} as benchmark rows: current value is a file without rows`);
  }
}

async function* recordsOf(file: string | URL, name: string): AsyncGenerator<RawRecord> {
  let opened: Deno.FsFile;
  try {
    opened = Deno.openSync(file);
  } catch (error) {
    const why = shortened((error as Error).message);
    throw new RangeError(`Cannot read ${shortened(name, 400)} as benchmark rows: ${why}`, { cause: error });
  }
  const records = new JsonRecords(name);
  try {
    if (name.endsWith(".gz")) {
      const unpacked = ReadableStream.from(chunksOf(opened)).pipeThrough(new DecompressionStream("gzip"));
      for await (const chunk of unpacked) yield* records.push(chunk);
    } else {
      const chunk = new Uint8Array(CHUNK);
      for (let n = opened.readSync(chunk); n !== null; n = opened.readSync(chunk)) {
        yield* records.push(chunk.subarray(0, n));
        // reading never waits, because a run reads its rows several times and the system keeps them; but timers and signals
        // must have their turn
        await setImmediate();
      }
    }
    yield* records.end();
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    const { message } = error as Error;
    if (error instanceof Deno.errors.IsADirectory) {
      throw new RangeError(`Cannot read ${shortened(name, 400)} as benchmark rows: it is a folder`, {
        cause: error,
      });
    }
    throw new SyntaxError(
      `Cannot ${name.endsWith(".gz") ? "unpack" : "read"} ${shortened(name, 400)}: ${message}`,
      {
        cause: error,
      },
    );
  } finally {
    opened.close();
  }
}

function* chunksOf(file: Deno.FsFile): Generator<Uint8Array<ArrayBuffer>> {
  for (;;) {
    const chunk = new Uint8Array(CHUNK);
    const count = file.readSync(chunk);
    if (count === null) return;
    yield chunk.subarray(0, count);
  }
}
