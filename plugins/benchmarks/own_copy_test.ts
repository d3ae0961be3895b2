/** What is said where the data of a benchmark that ships none isn't there. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { builtinRegistry } from "../builtins.ts";

for (
  const [name, released] of [["ifbench", "IFBench_test.jsonl"], ["cfbench", "cfbench_data.json"]] as const
) {
  Deno.test(`${name} without its file says that it doesn't come along; a file of another form isn't told so`, async () => {
    const path = join(temporaryFolder(), "gone.jsonl");
    const read = () => Array.fromAsync(builtinRegistry().create("benchmark", name, { path }).items());
    const gone = await assertRejects(read, RangeError, `Cannot read ${path}`);
    assertStringIncludes(gone.message, `${released} of `);
    assertStringIncludes(gone.message, "doesn't come along: name your copy of it as args.path");
    await Deno.writeTextFile(path, "");
    const empty = await assertRejects(read, RangeError, "a file without rows");
    assertEquals(empty.message.includes("come along"), false);
  });
}
