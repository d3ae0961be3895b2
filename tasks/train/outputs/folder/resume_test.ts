import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { checkOutputDirectory, OutputDirectory } from "./directory.ts";
import { beginDirectory, directoryWith, namesIn, WRITTEN_AT_END } from "./_directories.ts";

Deno.test("resuming finds the highest step, by number, and keeps logs and checkpoints even with overwrite", () => {
  const directory = directoryWith(
    "checkpoint-9/",
    "checkpoint-10/",
    ".checkpoint-11.partial/",
    "trainer_log.jsonl",
  );
  for (const resume of [true, "auto"]) {
    const { resumeFrom, removed } = beginDirectory(directory, true, resume);
    assertEquals(resumeFrom, { name: "checkpoint-10", step: 10, path: join(directory, "checkpoint-10") });
    assertEquals(removed, []);
  }
  assertEquals(namesIn(directory), ["checkpoint-10", "checkpoint-9", "trainer_log.jsonl"]);
  assertThrows(
    () => beginDirectory(directory, false, join(directory, "checkpoint-8")),
    Error,
    "which isn't there",
  );
  assertThrows(
    () => beginDirectory(directory, false, directory),
    Error,
    "It holds checkpoint-9, checkpoint-10",
  );
  assertThrows(() => beginDirectory(directoryWith("a"), false, true), Error, "needs a checkpoint");
});

Deno.test("resume_from_checkpoint: auto starts where there is no checkpoint, but only over traces of a run", () => {
  assertEquals(beginDirectory(directoryWith(), false, "auto").resumeFrom, null);
  const killed = directoryWith("run.yaml", "trainer_log.jsonl");
  assertEquals(beginDirectory(killed, false, "auto"), {
    resumeFrom: null,
    isFinished: false,
    removed: ["run.yaml", "trainer_log.jsonl"],
  });
  for (const more of [["notes.txt"], WRITTEN_AT_END]) {
    const directory = directoryWith("run.yaml", "trainer_log.jsonl", ...more);
    assertThrows(() => beginDirectory(directory, false, "auto"), Error, "as an empty directory is needed");
  }
});

Deno.test("a finished run is known, and one that continues from it takes its finished files away first", () => {
  const directory = directoryWith(
    "run.yaml",
    "trainer_log.jsonl",
    "checkpoint-3/",
    "checkpoint-6/",
    ...WRITTEN_AT_END,
  );
  {
    using output = new OutputDirectory({
      output_dir: directory,
      overwrite_output_dir: false,
      resume_from_checkpoint: true,
    });
    assertEquals(output.isFinished, true);
  }
  assertEquals(namesIn(directory).length, 4 + WRITTEN_AT_END.length, "left alone");
  const { isFinished, removed } = beginDirectory(directory, false, join(directory, "checkpoint-3"));
  assertEquals([isFinished, removed], [false, WRITTEN_AT_END]);
  assertEquals(namesIn(directory), [
    "checkpoint-3",
    "run.yaml",
    "superseded-checkpoint-6",
    "trainer_log.jsonl",
  ]);
});

Deno.test("resuming from an earlier checkpoint sets the later ones aside", () => {
  const directory = directoryWith(
    "checkpoint-3/",
    "checkpoint-6/",
    "checkpoint-9/",
    "superseded-checkpoint-9/",
  );
  assertEquals(beginDirectory(directory, false, join(directory, "checkpoint-3/")).resumeFrom?.step, 3);
  assertEquals(namesIn(directory), ["checkpoint-3", "superseded-checkpoint-6", "superseded-checkpoint-9"]);
});

Deno.test("auto leaves the requested run as it is where it is finished and no checkpoint of it is left", () => {
  const directory = directoryWith("run.yaml", ...WRITTEN_AT_END), before = namesIn(directory);
  const request = { output_dir: directory, overwrite_output_dir: false, resume_from_checkpoint: "auto" };
  for (const isThisRun of [() => false, undefined]) {
    const other = { ...request, ...(isThisRun && { isThisRun }) };
    assertThrows(() => new OutputDirectory(other), Error, "an empty directory is needed");
    assertThrows(() => checkOutputDirectory(other), Error, "an empty directory is needed");
  }
  const same = { ...request, isThisRun: () => true };
  checkOutputDirectory(same);
  {
    using output = new OutputDirectory(same);
    assertEquals([output.isFinished, output.resumeFrom], [true, null]);
  }
  assertEquals(namesIn(directory), before);
  using overwrites = new OutputDirectory({ ...same, overwrite_output_dir: true });
  assertEquals(overwrites.isFinished, false);
});

Deno.test("a checkpoint of another folder is resumed from in an empty one, or over traces of a run that saved none", () => {
  const other = directoryWith("checkpoint-3/"), checkpoint = join(other, "checkpoint-3");
  assertEquals(beginDirectory(directoryWith(), false, checkpoint).resumeFrom?.step, 3);
  assertThrows(
    () => beginDirectory(directoryWith("checkpoint-9/"), false, checkpoint),
    Error,
    "an empty directory",
  );
  const killed = beginDirectory(directoryWith("run.yaml", "trainer_log.jsonl"), false, checkpoint);
  assertEquals([killed.resumeFrom?.path, killed.removed], [checkpoint, ["run.yaml", "trainer_log.jsonl"]]);
  for (const more of [["notes.txt"], WRITTEN_AT_END]) {
    const directory = directoryWith("run.yaml", "trainer_log.jsonl", ...more);
    assertThrows(
      () => beginDirectory(directory, false, checkpoint),
      Error,
      "as an empty directory is needed",
    );
  }
  const run = directoryWith("checkpoint-9/", "run.yaml", ...WRITTEN_AT_END);
  assertEquals(beginDirectory(run, true, checkpoint).removed.length, 2 + WRITTEN_AT_END.length);
});
