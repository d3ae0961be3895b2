/**
 * Reading the data files of benchmarks: JSON and JSON lines, plain or gzipped, with file and row in every error.
 * @module
 */
import type { z } from "zod";

/** Reads a text file; a name that ends in `.gz` is unpacked. */
export async function readText(file: string | URL): Promise<string> {
  const bytes = await Deno.readFile(file);
  if (!String(file).endsWith(".gz")) return new TextDecoder().decode(bytes);
  return await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

/**
 * Reads rows of a JSON-lines file (blank lines are passed over) or of one JSON array.
 *
 * @throws {SyntaxError} If a line isn't JSON, or a row isn't what `schema` asks for: names file, row and field.
 * @throws {RangeError} If two rows have the same id, or there is none.
 */
export async function readRows<T>(
  file: string | URL,
  schema: z.ZodType<T>,
  id: (row: T) => string,
): Promise<T[]> {
  const name = file instanceof URL ? file.pathname.split("/").at(-1) : file;
  const text = await readText(file);
  const raw = text.trimStart().startsWith("[")
    ? (parse(text, `${name}`) as unknown[]).map((row, i) => [i, row] as const)
    : text.split("\n").map((line, i) => [i, line] as const).filter(([, line]) => line.trim() !== "")
      .map(([i, line]) => [i, parse(line, `${name}:${i + 1}`)] as const);
  if (raw.length === 0) {
    throw new RangeError(`Cannot read ${name} as benchmark rows: current value is an empty file`);
  }
  const seen = new Map<string, number>();
  return raw.map(([i, row]) => {
    const result = schema.safeParse(row);
    if (!result.success) {
      const { path, message } = result.error.issues[0]!;
      throw new SyntaxError(
        `Cannot read ${name} row ${i} as a benchmark row: ${path.join(".") || "the row"}: ${message}`,
      );
    }
    const key = id(result.data);
    if (seen.has(key)) {
      throw new RangeError(
        `Cannot read ${name} as rows with unique ids: current value is "${key}" in rows ${
          seen.get(key)
        } and ${i}`,
      );
    }
    seen.set(key, i);
    return result.data;
  });
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`Cannot read ${where} as JSON: ${(error as Error).message}`);
  }
}
