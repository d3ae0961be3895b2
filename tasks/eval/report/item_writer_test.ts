import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";

import { AtomicFile } from "../../../formats/atomic.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import type { StoredRun } from "../store/stored.ts";
import { fileWriter, writeItems } from "./item_writer.ts";

Deno.test("writeItems() leaves nothing of the first file where the second one can't be begun, as on a full disk", async () => {
  const folder = temporaryFolder();
  const run = { part: { benchmark: {} } } as unknown as StoredRun;
  const first = () => fileWriter(new AtomicFile(join(folder, "a.json")), "[", "]", () => "");
  await assertRejects(
    () =>
      writeItems(run, [first, () => {
        throw new Error("the disk is full");
      }]),
    Error,
    "the disk is full",
  );
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), []);
});
