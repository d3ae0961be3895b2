/** One name, one thing: what one file exports under a name, no other file exports under the same name. */
import { assertEquals } from "@std/assert";
import { sourceFiles } from "./helpers/imports.ts";

const DECLARATION =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|type|enum) (\w+)/gm;

/** Names that several files declare and export, each with its files. Re-exports (`export … from`) declare nothing. */
function sharedNames(texts: ReadonlyMap<string, string>): string[] {
  const filesOf = new Map<string, Set<string>>();
  for (const [path, text] of texts) {
    for (const [, name = ""] of text.matchAll(DECLARATION)) {
      filesOf.set(name, (filesOf.get(name) ?? new Set()).add(path));
    }
  }
  return [...filesOf].filter(([, files]) => files.size > 1)
    .map(([name, files]) => `${name} is exported by ${[...files].sort().join(" and ")}: rename one`).sort();
}

Deno.test("no two files export the same name", () => {
  const files = sourceFiles().filter((path) => !/_(test|bench)\.ts$/.test(path));
  assertEquals(
    sharedNames(
      new Map(files.map((path) => [path, Deno.readTextFileSync(new URL(`../${path}`, import.meta.url))])),
    ),
    [],
  );
});

Deno.test("sharedNames() names both files, of functions, values and types, and leaves re-exports alone", () => {
  const texts = new Map([
    ["a.ts", "export async function run() {}\nexport const LIMIT = 1;\nexport interface Report {}\n"],
    ["b.ts", "export function* run() {}\nexport class Report {}\nconst LIMIT = 2;\n"],
    ["mod.ts", 'export { run } from "./a.ts";\nexport type { Report } from "./b.ts";\n'],
  ]);
  assertEquals(sharedNames(texts), [
    "Report is exported by a.ts and b.ts: rename one",
    "run is exported by a.ts and b.ts: rename one",
  ]);
});
