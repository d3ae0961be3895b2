/** Tests that `deno task test` runs together: none is left out, and none runs twice. */
import { assert, assertEquals } from "@std/assert";

import project from "../deno.json" with { type: "json" };
import { filesTogether, filesToRun, wordsForAll } from "./helpers/together.ts";
import { sourceFiles } from "./helpers/imports.ts";

const root = new URL("../", import.meta.url);

Deno.test("a test file runs in one isolate: one group's, or its own", () => {
  const tests = sourceFiles().filter((path) => path.endsWith("_test.ts"));
  const quick = [...filesTogether(true).values()].flat(), all = [...filesTogether(false).values()].flat();
  const first = Deno.readTextFileSync(new URL("tests/longest_first.txt", root)).trim().split(/\s+/);
  assert(all.length > 0 && quick.length > all.length);
  assertEquals(quick.filter((path, i) => quick.indexOf(path) < i), [], "none twice");
  assertEquals([...quick, ...first].filter((path) => !tests.includes(path)), [], "each is a test file");
  const begins = first.map((path) =>
    [...filesTogether(true)].find(([, files]) => files.includes(path))?.[0] ?? path
  );
  assertEquals(
    filesToRun().slice(0, new Set(begins).size),
    [...new Set(begins)],
    "what takes longest begins first",
  );
});

Deno.test("each line of a group imports a test file, and deno task test runs each test file once", () => {
  for (const [group, files] of filesTogether(true)) {
    const imports = Deno.readTextFileSync(new URL(group, root)).match(/^import /gm) ?? [];
    assertEquals([group, files.length], [group, imports.length]);
  }
  const run = filesToRun(), tests = sourceFiles().filter((path) => path.endsWith("_test.ts"));
  const reached = run.flatMap((path) => filesTogether(true).get(path) ?? [path]);
  assertEquals(reached.toSorted(), tests.toSorted(), "each test file once");
  assert(project.tasks.test.command.endsWith(" $(deno run --allow-read tests/helpers/together.ts)"));
});

Deno.test("deno task test:all runs each test file once, and every example of the documentation", () => {
  const { command } = project.tasks["test:all"];
  assert(command.includes(" --doc "));
  assert(command.endsWith(" $(deno run --allow-read tests/helpers/together.ts all)"));
  const [ignored = "", ...run] = wordsForAll(), groups = filesTogether(false);
  const tests = sourceFiles().filter((path) => path.endsWith("_test.ts"));
  assertEquals(run.pop(), ".", "whose examples are run");
  const reached = run.flatMap((path) => groups.get(path) ?? [path]);
  assertEquals(reached.toSorted(), tests.toSorted(), "each test file once");
  const together = ignored.replace("--ignore=**/", "").split(",**/");
  assertEquals(together.toSorted(), [...groups.values()].flat().toSorted(), "none of a group by itself");
  const withExample = together.filter((path) =>
    /^ \* ```(ts|js)/m.test(Deno.readTextFileSync(new URL(path, root)))
  );
  assertEquals(withExample, [], "examples, which would be ignored too");
});
