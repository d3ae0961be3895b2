import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../tests/helpers/temporary_folder.ts";
import { exists } from "./exists.ts";
import { provisionalFolder } from "./provisional_folder.ts";

Deno.test("provisionalFolder() takes away what it made and nothing came into, and nothing else", () => {
  const folder = temporaryFolder(), out = join(folder, "a", "b");
  provisionalFolder(out)[Symbol.dispose]();
  assertEquals(exists(join(folder, "a")), false);

  const used = provisionalFolder(out);
  Deno.writeTextFileSync(join(out, "run.yaml"), "");
  used[Symbol.dispose]();
  assertEquals(exists(join(out, "run.yaml")), true);

  const beside = provisionalFolder(join(folder, "a", "c"));
  beside[Symbol.dispose]();
  assertEquals([...Deno.readDirSync(join(folder, "a"))].map(({ name }) => name), ["b"]);

  Deno.mkdirSync(join(folder, "own"));
  provisionalFolder(join(folder, "own"))[Symbol.dispose]();
  assertEquals(exists(join(folder, "own")), true);

  Deno.writeTextFileSync(join(folder, "file"), "");
  assertThrows(
    () => provisionalFolder(join(folder, "file"), "out_dir"),
    Error,
    "it is a file, and a folder is needed: choose another out_dir",
  );
});
