import { join } from "@std/path";

import { assertEquals } from "@std/assert";

import { temporaryFolder } from "../tests/helpers/temporary_folder.ts";
import { appendLine } from "./append.ts";

Deno.test("appendLine() makes the file, adds lines, and takes the place of one that was cut off, however long it is", () => {
  const path = join(temporaryFolder(), "log.jsonl"), read = () => Deno.readTextFileSync(path);
  appendLine(path, "one");
  appendLine(path, "two");
  assertEquals(read(), "one\ntwo\n");
  Deno.writeTextFileSync(path, "x".repeat(200_000), { append: true });
  appendLine(path, "three");
  assertEquals(read(), "one\ntwo\nthree\n");
  Deno.writeTextFileSync(path, "y".repeat(70_000));
  appendLine(path, "alone");
  assertEquals(read(), "alone\n");
});
