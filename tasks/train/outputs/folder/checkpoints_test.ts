import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";

import {
  cleanPartial,
  commitCheckpoint,
  lastCheckpoint,
  listCheckpoints,
  pruneCheckpoints,
} from "../../../../plugins/trainers/local/checkpoints/checkpoint_directory.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";
import { directoryWith, namesIn } from "./_directories.ts";

Deno.test("commitCheckpoint() makes a whole checkpoint or leaves everything as it was", async () => {
  const directory = directoryWith();
  const fill = (text: string) => (path: string) => Deno.writeTextFileSync(join(path, "a"), text);
  assertEquals((await commitCheckpoint(directory, 5, fill("one"))).name, "checkpoint-5");
  await commitCheckpoint(directory, 5, fill("two"));
  const read = () => Deno.readTextFileSync(join(directory, "checkpoint-5", "a"));
  assertEquals([read(), ...namesIn(directory)], ["two", "checkpoint-5"]);
  await assertRejects(
    () =>
      commitCheckpoint(directory, 5, (path) => {
        fill("half")(path);
        throw new Error("disk full");
      }),
    Error,
    "disk full",
  );
  assertEquals([read(), ...namesIn(directory)], ["two", "checkpoint-5"]);
});

Deno.test("cleanPartial() puts a replaced checkpoint back when its replacement never came", () => {
  const directory = directoryWith(
    ".checkpoint-5.old/",
    ".checkpoint-5.partial/",
    "checkpoint-6/",
    ".checkpoint-6.old/",
  );
  Deno.writeTextFileSync(join(directory, ".checkpoint-5.old", "a"), "");
  cleanPartial(directory);
  assertEquals(namesIn(directory), ["checkpoint-5", "checkpoint-6"]);
  assertEquals(namesIn(join(directory, "checkpoint-5")), ["a"]);
});

Deno.test("pruneCheckpoints() keeps the last ones and the best", () => {
  const after = (limit: number | null, best: number | null) => {
    const directory = directoryWith(
      "checkpoint-2/",
      "checkpoint-4/",
      "checkpoint-8/",
      "checkpoint-16/",
      "other/",
    );
    const removed = pruneCheckpoints(directory, limit, best);
    const kept = listCheckpoints(directory).map(({ step }) => step);
    assertEquals(removed.length + kept.length, 4);
    assertEquals(namesIn(directory).length, kept.length + 1);
    return kept;
  };
  assertEquals(after(null, null), [2, 4, 8, 16]);
  assertEquals(after(9, null), [2, 4, 8, 16]);
  assertEquals(after(2, null), [8, 16]);
  assertEquals(after(2, 2), [2, 16]);
  assertEquals(after(1, 4), [4, 16]);
  assertEquals(after(1, 16), [16]);
});

Deno.test("there is no last checkpoint in a directory that isn't there", () => {
  assertEquals(lastCheckpoint(join(temporaryFolder(), "gone")), null);
});
