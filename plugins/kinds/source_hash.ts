/**
 * Hash of a plugin's source: its file and everything local that it names, so that what was cached under an earlier text of it
 * isn't taken for the new one's.
 * @module
 */
import { createHash } from "node:crypto";
import { dirname, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const MODULE = /\.[cm]?[jt]sx?$/i;
const GAP = String.raw`(?:\s|/\*[^]*?\*/|//[^\n]*\n)*`;
const LOCAL = String.raw`(["'\x60])((?:\.{0,2}/|file:)[^"'\x60$\n]+)\1`;
/** `from "./a"`, `import "./a"`, `import("./a")`, `new URL("./prompt", import.meta.url)`, `import.meta.resolve("./a")`. */
const NAMED = new RegExp(
  String.raw`(?:\b(?:from|import)\b${GAP}\(?|\bnew\s+URL\s*\(|\bimport\.meta\.resolve\s*\()${GAP}${LOCAL}`,
  "g",
);

/**
 * SHA-256 over a module, the modules that it imports by path (and they by theirs), and the files that these name by
 * `new URL("./file", import.meta.url)`. A comment that looks like an import counts; a path that is put together at run time,
 * and a package, don't.
 * @param path Of a local file
 * @throws {Deno.errors.NotFound} If it isn't there
 */
export async function sourceHash(path: string): Promise<string> {
  const texts = new Map<string, string>();
  const waiting = [path];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (texts.has(file)) continue;
    const bytes = await Deno.readFile(file);
    texts.set(file, createHash("sha256").update(bytes).digest("hex"));
    if (MODULE.test(file)) waiting.push(...localFiles(new TextDecoder().decode(bytes), file));
  }
  const folder = dirname(path);
  const lines = [...texts].map(([file, hash]) => `${relative(folder, file).replaceAll("\\", "/")} ${hash}\n`);
  return createHash("sha256").update(lines.sort().join("")).digest("hex");
}

/** Files that a module's text names and that are there. */
function localFiles(text: string, file: string): string[] {
  return [...text.matchAll(NAMED)].flatMap(([, , specifier = ""]) => {
    try {
      const url = new URL(specifier, pathToFileURL(file));
      url.search = url.hash = "";
      const path = fileURLToPath(url);
      return Deno.statSync(path).isFile ? [path] : [];
    } catch {
      return []; // a word in a comment or a string: what is really imported and missing fails when it is imported
    }
  });
}
