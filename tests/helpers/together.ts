/**
 * Test files that run in one isolate, as `tests/together/` lists them: loading the same sources anew takes longer than such a file's tests.
 * As the main module it prints them for `deno test --ignore`, as none of them runs by itself then.
 * @module
 */

const FOLDER = new URL("../together/", import.meta.url);

/** Paths of test files from the root of the repository, by the file that imports them. */
export function filesTogether(): Map<string, string[]> {
  const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();
  return new Map(files.map((name) => [
    `tests/together/${name}`,
    [...Deno.readTextFileSync(new URL(name, FOLDER)).matchAll(/^import "\.\.\/\.\.\/(.+)";$/gm)]
      .map(([, path = ""]) => path),
  ]));
}

if (import.meta.main) console.log([...filesTogether().values()].flat().join(","));
