/** Tests that `deno task test` runs together: none is left out, and none runs twice. */
import { assert, assertEquals } from "@std/assert";

import project from "../deno.json" with { type: "json" };
import { filesTogether } from "./helpers/together.ts";
import { sourceFiles } from "./helpers/imports.ts";

const root = new URL("../", import.meta.url);

Deno.test("a test file runs in one isolate: one group's, or its own", () => {
  const grouped = [...filesTogether().values()].flat();
  const alone = Deno.readTextFileSync(new URL("tests/longest_first.txt", root)).trim().split(/\s+/);
  const all = sourceFiles().filter((path) => path.endsWith("_test.ts"));
  assert(grouped.length > 0);
  assertEquals([...new Set(grouped)], grouped, "none twice");
  assertEquals(grouped.filter((path) => !all.includes(path)), [], "each is a test file");
  assertEquals(
    alone.filter((path) => !all.includes(path) || grouped.includes(path)),
    [],
    "what begins first is alone",
  );
});

Deno.test("each line of a group imports a test file, and the tasks run the groups and leave out what is in them", () => {
  for (const [group, files] of filesTogether()) {
    const imports = Deno.readTextFileSync(new URL(group, root)).match(/^import /gm) ?? [];
    assertEquals([group, files.length], [group, imports.length]);
  }
  for (const task of [project.tasks.test, project.tasks["test:all"]]) {
    assert(
      task.endsWith(
        " --ignore=$(deno run --allow-read tests/helpers/together.ts) $(cat tests/longest_first.txt) tests/together/*.ts .",
      ),
      task,
    );
  }
});
