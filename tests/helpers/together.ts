/**
 * Test files that run in one isolate, as `tests/together/` lists them: loading the same sources again takes longer than such a file's tests.
 * As the main module it prints what `deno task test` runs, each test once.
 * @module
 */
import { sourceFiles } from "./imports.ts";

const ROOT = new URL("../../", import.meta.url);
/** Groups, and those of `deno task test` alone: of files that are mostly skipped there, or take minutes together elsewhere. */
const FOLDERS = ["tests/together/", "tests/together/quick/"] as const;

/** Paths of test files from the root of the repository, by the file that imports them. @param quick Of `deno task test` */
export function filesTogether(quick: boolean): Map<string, string[]> {
  const groups = FOLDERS.slice(0, quick ? 2 : 1).flatMap((folder) =>
    [...Deno.readDirSync(new URL(folder, ROOT))].filter(({ isFile }) => isFile).map(({ name }) =>
      folder + name
    ).sort()
  );
  return new Map(groups.map((group) => [
    group,
    [...Deno.readTextFileSync(new URL(group, ROOT)).matchAll(/^import "(?:\.\.\/)+(.+)";$/gm)].map((
      [, path = ""],
    ) => path),
  ]));
}

/**
 * What `deno task test` runs, in this order: files that take longest, each in its group where it has one, other groups, every other test
 * file. Examples of the documentation are run by `deno task test:all`: an isolate each, half a minute in all.
 * @param quick False: what `deno task test:all` runs, for which groups of `tests/together/quick/` are none
 */
export function filesToRun(quick = true): string[] {
  const groups = filesTogether(quick);
  const groupOf = new Map(
    [...groups].flatMap(([group, files]) => files.map((file) => [file, group] as const)),
  );
  const first = Deno.readTextFileSync(new URL("tests/longest_first.txt", ROOT)).trim().split(/\s+/);
  const others = sourceFiles().filter((path) => path.endsWith("_test.ts")).sort();
  return [
    ...new Set(
      [...first, ...groups.keys(), ...others].map((path) => groupOf.get(path) ?? path),
    ),
  ];
}

/**
 * Words for `deno test --doc` that run every test once, what takes longest first, and every example: of the whole folder all files but those
 * that a group imports.
 */
export function wordsForAll(): string[] {
  const together = [...filesTogether(false).values()].flat();
  return [`--ignore=${together.map((path) => `**/${path}`).join(",")}`, ...filesToRun(false), "."];
}

if (import.meta.main) console.log((Deno.args[0] === "all" ? wordsForAll() : filesToRun()).join(" "));
