/** Tests that `deno task test` runs together: none is left out, and none runs twice. */
import { assert, assertEquals } from "@std/assert";

import project from "../deno.json" with { type: "json" };
import { filesTogether } from "./helpers/together.ts";
import { sourceFiles } from "./helpers/imports.ts";

const root = new URL("../", import.meta.url);

Deno.test("a test file runs in one isolate: one group's, or its own", () => {
  const tests = sourceFiles().filter((path) => path.endsWith("_test.ts"));
  const quick = [...filesTogether(true).values()].flat(), all = [...filesTogether(false).values()].flat();
  const first = Deno.readTextFileSync(new URL("tests/longest_first.txt", root)).trim().split(/\s+/);
  assert(all.length > 0 && quick.length > all.length);
  assertEquals(quick.filter((path, i) => quick.indexOf(path) < i), [], "none twice");
  assertEquals([...quick, ...first].filter((path) => !tests.includes(path)), [], "each is a test file");
  assertEquals(first.filter((path) => all.includes(path)), [], "what begins first is alone");
});

Deno.test("each line of a group imports a test file, and the tasks run the groups and leave out what is in them", () => {
  for (const [group, files] of filesTogether(true)) {
    const imports = Deno.readTextFileSync(new URL(group, root)).match(/^import /gm) ?? [];
    assertEquals([group, files.length], [group, imports.length]);
  }
  const end = (quick: string, groups: string) =>
    ` --ignore=$(deno run --allow-read tests/helpers/together.ts${quick}) $(cat tests/longest_first.txt) tests/together/*.ts${groups} .`;
  const { test, "test:all": all } = project.tasks;
  assert(test.endsWith(end(" quick", " tests/together/quick/*.ts")), test);
  assert(all.endsWith(end("", "")), all);
});
