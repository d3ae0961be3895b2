import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { prepareOutputDirectory } from "./directory.ts";
import {
  cleanPartial,
  commitCheckpoint,
  lastCheckpoint,
  listCheckpoints,
  pruneCheckpoints,
} from "../../../plugins/trainers/local/checkpoint_directory.ts";
import { temporaryFolder } from "../../../tests/_temp.ts";

/** A new directory with files (text) and folders (ending in a slash). */
function directoryWith(...names: string[]): string {
  const directory = temporaryFolder();
  for (const name of names) {
    if (name.endsWith("/")) Deno.mkdirSync(join(directory, name), { recursive: true });
    else Deno.writeTextFileSync(join(directory, name), name);
  }
  return directory;
}

const names = (directory: string) => [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
const prepare = (output_dir: string, overwrite_output_dir = false, resume: boolean | string | null = null) =>
  prepareOutputDirectory({ output_dir, overwrite_output_dir, resume_from_checkpoint: resume });

Deno.test("a new or empty directory is taken, one with anything in it is refused", () => {
  const directory = directoryWith();
  assertEquals(prepare(join(directory, "a", "b")), { resumeFrom: null, removed: [], setAside: [] });
  assertEquals(names(join(directory, "a")), ["b"]);
  const message = assertThrows(() => prepare(directory), Error, "as an empty directory is needed").message;
  assertStringIncludes(message, "overwrite_output_dir: true");
  assertEquals(message.includes("resume_from_checkpoint"), false);
  const withCheckpoint = directoryWith("checkpoint-3/");
  assertThrows(
    () => prepare(withCheckpoint),
    Error,
    "resume_from_checkpoint: true (goes on from checkpoint-3)",
  );
});

Deno.test("overwriting takes a run's own files away and nothing else", () => {
  const directory = directoryWith(
    "notes.txt",
    "trainer_log.jsonl",
    "checkpoint-3/",
    "training_loss.png",
    "runs/",
  );
  Deno.writeTextFileSync(join(directory, "runs", "events.out.tfevents.1.x"), "");
  Deno.writeTextFileSync(join(directory, "runs", "mine.txt"), "");
  Deno.writeTextFileSync(join(directory, "checkpoint-9"), "a file, no checkpoint");
  const { removed } = prepare(directory, true);
  assertEquals(removed, ["checkpoint-3", "runs", "trainer_log.jsonl", "training_loss.png"]);
  assertEquals(names(directory), ["checkpoint-9", "notes.txt", "runs"]);
  assertEquals(names(join(directory, "runs")), ["mine.txt"]);
});

Deno.test("resuming finds the highest step, by number, and removes nothing even with overwrite", () => {
  const directory = directoryWith(
    "checkpoint-9/",
    "checkpoint-10/",
    ".checkpoint-11.partial/",
    "trainer_log.jsonl",
  );
  const { resumeFrom, removed } = prepare(directory, true, true);
  assertEquals(resumeFrom, { name: "checkpoint-10", step: 10, path: join(directory, "checkpoint-10") });
  assertEquals(removed, []);
  assertEquals(names(directory), ["checkpoint-10", "checkpoint-9", "trainer_log.jsonl"]);
  assertThrows(() => prepare(directory, false, join(directory, "checkpoint-8")), Error, "which isn't there");
  assertThrows(() => prepare(directory, false, directory), Error, "It holds checkpoint-9, checkpoint-10");
  assertThrows(() => prepare(directoryWith("a"), false, true), Error, "needs a checkpoint");
});

Deno.test("resuming from an earlier checkpoint sets the later ones aside", () => {
  const directory = directoryWith(
    "checkpoint-3/",
    "checkpoint-6/",
    "checkpoint-9/",
    "superseded-checkpoint-9/",
  );
  const { resumeFrom, setAside } = prepare(directory, false, join(directory, "checkpoint-3/"));
  assertEquals([resumeFrom?.step, ...setAside], [3, "superseded-checkpoint-6", "superseded-checkpoint-9"]);
  assertEquals(names(directory), ["checkpoint-3", "superseded-checkpoint-6", "superseded-checkpoint-9"]);
});

Deno.test("overwriting is refused where it would take away what the run reads", () => {
  const directory = directoryWith("checkpoint-3/", "adapter_model.safetensors", "trainer_log.jsonl");
  const request = { output_dir: directory, overwrite_output_dir: true, resume_from_checkpoint: null };
  const inputs = [directory, join(directory, "checkpoint-3", "adapter_model.safetensors")];
  assertThrows(() => prepareOutputDirectory({ ...request, inputs }), Error, "taken away with checkpoint-3");
  assertEquals(names(directory).length, 3);
  prepareOutputDirectory({ ...request, inputs: [directory] });
  assertEquals(names(directory), ["adapter_model.safetensors"]);
});

Deno.test("commitCheckpoint() makes a whole checkpoint or leaves everything as it was", async () => {
  const directory = directoryWith();
  const fill = (text: string) => (path: string) => Deno.writeTextFileSync(join(path, "a"), text);
  assertEquals((await commitCheckpoint(directory, 5, fill("one"))).name, "checkpoint-5");
  await commitCheckpoint(directory, 5, fill("two"));
  const read = () => Deno.readTextFileSync(join(directory, "checkpoint-5", "a"));
  assertEquals([read(), ...names(directory)], ["two", "checkpoint-5"]);
  await assertRejects(
    () =>
      commitCheckpoint(directory, 5, (path) => {
        fill("half")(path);
        throw new Error("disk full");
      }),
    Error,
    "disk full",
  );
  assertEquals([read(), ...names(directory)], ["two", "checkpoint-5"]);
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
  assertEquals(names(directory), ["checkpoint-5", "checkpoint-6"]);
  assertEquals(names(join(directory, "checkpoint-5")), ["a"]);
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
    assertEquals(names(directory).length, kept.length + 1);
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
