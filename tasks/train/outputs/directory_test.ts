import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { basename, join } from "@std/path";

import { exists } from "../../../formats/exists.ts";
import { checkOutputDirectory, OutputDirectory } from "./directory.ts";
import { isFinished } from "./run_files.ts";
import {
  cleanPartial,
  commitCheckpoint,
  lastCheckpoint,
  listCheckpoints,
  pruneCheckpoints,
} from "../../../plugins/trainers/local/checkpoint_directory.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";

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

/** Checkpoint and removed files of a run that begins in a folder. The lock is given back. */
function begin(
  output_dir: string,
  overwrite_output_dir = false,
  resume_from_checkpoint: boolean | string | null = null,
  inputs: string[] = [],
) {
  using output = new OutputDirectory({ output_dir, overwrite_output_dir, resume_from_checkpoint, inputs });
  const { resumeFrom, isFinished } = output;
  return { resumeFrom, isFinished, removed: output.begin() };
}

/** Files of a finished run in a folder. */
const FINISHED = [
  "README.md",
  "adapter_config.json",
  "adapter_model.safetensors",
  "all_results.json",
  "tokenizer.json",
];

Deno.test("a new or empty directory is taken, one with anything in it is refused", () => {
  const directory = directoryWith();
  assertEquals(begin(join(directory, "a", "b")), { resumeFrom: null, isFinished: false, removed: [] });
  Deno.mkdirSync(join(directory, "a"));
  const message = assertThrows(() => begin(directory), Error, "as an empty directory is needed").message;
  assertStringIncludes(message, "overwrite_output_dir: true");
  assertEquals(message.includes("resume_from_checkpoint"), false);
  const withCheckpoint = directoryWith("checkpoint-3/");
  assertThrows(
    () => begin(withCheckpoint),
    Error,
    "resume_from_checkpoint: true (continues from checkpoint-3)",
  );
  assertEquals(names(withCheckpoint), ["checkpoint-3"], "the lock is given back");
});

Deno.test("a directory that a run writes to is refused until that run ends, for any second run", () => {
  const directory = directoryWith("checkpoint-3/", "trainer_log.jsonl");
  const request = { output_dir: directory, overwrite_output_dir: true, resume_from_checkpoint: null };
  {
    using _first = new OutputDirectory(request);
    for (const resume of [null, true, "auto"]) {
      assertThrows(
        () => begin(directory, true, resume),
        Error,
        `as process ${Deno.pid} (this one) has been using it`,
      );
    }
    assertEquals(names(directory).includes("checkpoint-3"), true, "nothing was removed");
  }
  begin(directory, true);
});

Deno.test("overwriting takes a run's own files away and nothing else", () => {
  const directory = directoryWith(
    "notes.txt",
    "trainer_log.jsonl",
    "run.yaml",
    "checkpoint-3/",
    "superseded-checkpoint-4/",
    "training_loss.png",
    "runs/",
    ...FINISHED,
  );
  Deno.writeTextFileSync(join(directory, "runs", "events.out.tfevents.1.x"), "");
  Deno.writeTextFileSync(join(directory, "runs", "mine.txt"), "");
  Deno.writeTextFileSync(join(directory, "checkpoint-9"), "a file, no checkpoint");
  const { removed } = begin(directory, true);
  assertEquals(removed.filter((name) => !FINISHED.includes(name)), [
    "checkpoint-3",
    "run.yaml",
    "runs",
    "superseded-checkpoint-4",
    "trainer_log.jsonl",
    "training_loss.png",
  ]);
  assertEquals(names(directory), ["checkpoint-9", "notes.txt", "runs"]);
  assertEquals(names(join(directory, "runs")), ["mine.txt"]);
  // names that any folder may have aren't a run's where there is no log of one
  const other = directoryWith("README.md", "config.json", "model.safetensors", "tokenizer.json");
  assertEquals(begin(other, true).removed, []);
});

Deno.test("what a killed process left half-written goes at the next start", () => {
  const directory = directoryWith(
    ".adapter_model.safetensors.4242-0a1b2c3d.tmp",
    ".finished.partial/",
    ".checkpoint-4.partial/",
    ".other.tmp",
    "checkpoint-3/",
  );
  assertEquals(begin(directory, false, true).resumeFrom?.step, 3);
  assertEquals(names(directory), [".other.tmp", "checkpoint-3"]);
});

Deno.test("files of a finished run come together, and a cut publication is made good at the next start", () => {
  const directory = directoryWith();
  const request = { output_dir: directory, overwrite_output_dir: false, resume_from_checkpoint: null };
  {
    using output = new OutputDirectory(request);
    output.begin();
    Deno.writeTextFileSync(join(directory, "run.yaml"), "");
    for (const name of FINISHED) Deno.writeTextFileSync(join(output.staging, name), "new");
    assertEquals(isFinished(directory), false);
    output.publish();
    assertEquals(isFinished(directory), true);
  }
  assertEquals(names(directory), [...FINISHED, "run.yaml"].sort());
  // killed between the first and the last move
  for (const name of FINISHED.slice(1)) {
    Deno.mkdirSync(join(directory, ".finished"), { recursive: true });
    Deno.renameSync(join(directory, name), join(directory, ".finished", name));
  }
  assertEquals(isFinished(directory), false);
  assertThrows(() => new OutputDirectory(request), Error, "as an empty directory is needed");
  assertEquals([names(directory), isFinished(directory)], [[...FINISHED, "run.yaml"].sort(), true]);
});

Deno.test("files of a run that doesn't end are never put into the folder", () => {
  const directory = directoryWith();
  {
    using output = new OutputDirectory({
      output_dir: directory,
      overwrite_output_dir: false,
      resume_from_checkpoint: null,
    });
    output.begin();
    Deno.writeTextFileSync(join(output.staging, "adapter_model.safetensors"), "half");
  }
  assertEquals(names(directory), []);
});

Deno.test("resuming finds the highest step, by number, and keeps logs and checkpoints even with overwrite", () => {
  const directory = directoryWith(
    "checkpoint-9/",
    "checkpoint-10/",
    ".checkpoint-11.partial/",
    "trainer_log.jsonl",
  );
  for (const resume of [true, "auto"]) {
    const { resumeFrom, removed } = begin(directory, true, resume);
    assertEquals(resumeFrom, { name: "checkpoint-10", step: 10, path: join(directory, "checkpoint-10") });
    assertEquals(removed, []);
  }
  assertEquals(names(directory), ["checkpoint-10", "checkpoint-9", "trainer_log.jsonl"]);
  assertThrows(() => begin(directory, false, join(directory, "checkpoint-8")), Error, "which isn't there");
  assertThrows(() => begin(directory, false, directory), Error, "It holds checkpoint-9, checkpoint-10");
  assertThrows(() => begin(directoryWith("a"), false, true), Error, "needs a checkpoint");
});

Deno.test("resume_from_checkpoint: auto starts where there is no checkpoint, but only over traces of a run", () => {
  assertEquals(begin(directoryWith(), false, "auto").resumeFrom, null);
  const killed = directoryWith("run.yaml", "trainer_log.jsonl");
  assertEquals(begin(killed, false, "auto"), {
    resumeFrom: null,
    isFinished: false,
    removed: ["run.yaml", "trainer_log.jsonl"],
  });
  for (const more of [["notes.txt"], FINISHED]) {
    const directory = directoryWith("run.yaml", "trainer_log.jsonl", ...more);
    assertThrows(() => begin(directory, false, "auto"), Error, "as an empty directory is needed");
  }
});

Deno.test("a finished run is known, and one that continues from it takes its finished files away first", () => {
  const directory = directoryWith(
    "run.yaml",
    "trainer_log.jsonl",
    "checkpoint-3/",
    "checkpoint-6/",
    ...FINISHED,
  );
  {
    using output = new OutputDirectory({
      output_dir: directory,
      overwrite_output_dir: false,
      resume_from_checkpoint: true,
    });
    assertEquals(output.isFinished, true);
  }
  assertEquals(names(directory).length, 4 + FINISHED.length, "left alone");
  const { isFinished, removed } = begin(directory, false, join(directory, "checkpoint-3"));
  assertEquals([isFinished, removed], [false, FINISHED]);
  assertEquals(names(directory), [
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
  assertEquals(begin(directory, false, join(directory, "checkpoint-3/")).resumeFrom?.step, 3);
  assertEquals(names(directory), ["checkpoint-3", "superseded-checkpoint-6", "superseded-checkpoint-9"]);
});

Deno.test("auto leaves the requested run as it is where it is finished and no checkpoint of it is left", () => {
  const directory = directoryWith("run.yaml", ...FINISHED), before = names(directory);
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
  assertEquals(names(directory), before);
  using overwrites = new OutputDirectory({ ...same, overwrite_output_dir: true });
  assertEquals(overwrites.isFinished, false);
});

Deno.test("a checkpoint of another folder is resumed from in an empty one only", () => {
  const other = directoryWith("checkpoint-3/"), checkpoint = join(other, "checkpoint-3");
  assertEquals(begin(directoryWith(), false, checkpoint).resumeFrom?.step, 3);
  assertThrows(() => begin(directoryWith("checkpoint-9/"), false, checkpoint), Error, "an empty directory");
  const run = directoryWith("checkpoint-9/", "run.yaml", ...FINISHED);
  assertEquals(begin(run, true, checkpoint).removed.length, 2 + FINISHED.length);
});

Deno.test("a run is refused in the folder of the model, the adapter or the data that it reads", () => {
  const folder = directoryWith("config.json");
  const request = {
    output_dir: folder,
    overwrite_output_dir: true,
    resume_from_checkpoint: null,
    inputs: [`${folder}/../${basename(folder)}`],
  };
  for (const check of [() => new OutputDirectory(request), () => checkOutputDirectory(request)]) {
    assertThrows(check, Error, `Cannot write to ${folder} as the run reads it`);
  }
  assertEquals(names(folder), ["config.json"]);
  const file = `${folder}/config.json`;
  assertThrows(
    () => new OutputDirectory({ ...request, output_dir: file }),
    Error,
    `Cannot write ${file}: it is a file, and a folder is needed`,
  );
});

Deno.test("a run is refused where it would take away what it reads", () => {
  const directory = directoryWith("checkpoint-3/", "adapter_model.safetensors", "trainer_log.jsonl");
  const inCheckpoint = join(directory, "checkpoint-3", "adapter_model.safetensors");
  assertThrows(() => begin(directory, true, null, [inCheckpoint]), Error, "taken away with checkpoint-3");
  // as adapter_name_or_path
  assertThrows(() => begin(directory, true, null, [directory]), Error, "with adapter_model.safetensors");
  assertEquals(names(directory).length, 3);
  begin(directory, true, null, [join(directory, "data")]);
  assertEquals(names(directory), []);
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

Deno.test("a folder that was made for a run that is refused goes again, one that was there stays", () => {
  const folder = temporaryFolder(), fresh = join(folder, "saves", "run");
  const request = { output_dir: fresh, overwrite_output_dir: false, resume_from_checkpoint: null };
  new OutputDirectory(request)[Symbol.dispose]();
  assertEquals(exists(join(folder, "saves")), false);
  // no checkpoint is there, which the constructor itself says
  assertThrows(() => new OutputDirectory({ ...request, resume_from_checkpoint: true }), Error, "holds none");
  assertEquals(exists(join(folder, "saves")), false);

  Deno.mkdirSync(fresh, { recursive: true });
  new OutputDirectory(request)[Symbol.dispose]();
  assertEquals([...Deno.readDirSync(fresh)], []);
});
