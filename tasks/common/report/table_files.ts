/**
 * Tables in files, as `--out` asks for them: Markdown and LaTeX to be read, CSV with every number.
 * @module
 */
import { extname, join } from "@std/path";

import { writeFileAtomic } from "../../../formats/atomic.ts";
import { csvTable, latexTable, markdownTable, type Table } from "./table.ts";

/** A table for files. */
export interface TableFiles {
  /** For Markdown and LaTeX. */
  shown: Table;
  /** For CSV: not rounded. */
  numbers: Table;
  /** A sentence under the Markdown. */
  caption: string;
}

const FORMATS: Readonly<Record<string, (table: TableFiles) => string>> = {
  ".md": ({ shown, caption }) => [...markdownTable(shown), "", caption, ""].join("\n"),
  ".csv": ({ numbers }) => csvTable(numbers),
  ".tex": ({ shown }) => latexTable(shown),
};

/**
 * Paths of the files that `--out` asks for: `.md`, `.csv`, `.tex`; a path without an ending means all three, and a folder
 * gets `name` in front of them.
 * @throws {RangeError} If an ending is another one
 */
export function tablePaths(out: readonly string[], name = "comparison"): string[] {
  const endings = Object.keys(FORMATS);
  return out.flatMap((path) => {
    const ending = extname(path).toLowerCase();
    if (ending === "") {
      return endings.map((format) => `${isFolder(path) ? join(path, name) : path}${format}`);
    }
    if (endings.includes(ending)) return [path];
    throw new RangeError(
      `Cannot write the table ${path} as its ending isn't known: known are ${endings.join(", ")}`,
    );
  });
}

function isFolder(path: string): boolean {
  try {
    return path.endsWith("/") || Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Writes a table into files; gives their paths. */
export async function writeTables(table: TableFiles, paths: readonly string[]): Promise<readonly string[]> {
  for (const path of paths) {
    const format = FORMATS[extname(path).toLowerCase()];
    if (format !== undefined) await writeFileAtomic(path, format(table));
  }
  return paths;
}
