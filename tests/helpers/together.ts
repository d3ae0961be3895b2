/**
 * Test files that run in one isolate, as `tests/together/` lists them: loading the same sources anew takes longer than such a file's tests.
 * As the main module it prints them for `deno test --ignore`, as none of them runs by itself then; with `quick`, those of
 * `deno task test` alone too.
 * @module
 */

const ROOT = new URL("../../", import.meta.url);
/** Groups of all runs, and those of `deno task test` alone. */
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

if (import.meta.main) console.log([...filesTogether(Deno.args.includes("quick")).values()].flat().join(","));
