import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { basename, join } from "@std/path";

import { exists } from "../../../../formats/exists.ts";
import { checkOutputDirectory, OutputDirectory } from "./directory.ts";
import { isFinished } from "./run_files.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";
import { beginDirectory, directoryWith, namesIn, WRITTEN_AT_END } from "./_directories.ts";

Deno.test("a new or empty directory is taken, one with anything in it is refused", () => {
  const directory = directoryWith();
  assertEquals(beginDirectory(join(directory, "a", "b")), {
    resumeFrom: null,
    isFinished: false,
    removed: [],
  });
  Deno.mkdirSync(join(directory, "a"));
  const message =
    assertThrows(() => beginDirectory(directory), Error, "as an empty directory is needed").message;
  assertStringIncludes(message, "overwrite_output_dir: true");
  assertEquals(message.includes("resume_from_checkpoint"), false);
  const withCheckpoint = directoryWith("checkpoint-3/");
  assertThrows(
    () => beginDirectory(withCheckpoint),
    Error,
    "resume_from_checkpoint: true (continues from checkpoint-3)",
  );
  assertEquals(namesIn(withCheckpoint), ["checkpoint-3"], "the lock is given back");
});

Deno.test("a directory that a run writes to is refused until that run ends, for any second run", () => {
  const directory = directoryWith("checkpoint-3/", "trainer_log.jsonl");
  const request = { output_dir: directory, overwrite_output_dir: true, resume_from_checkpoint: null };
  {
    using _first = new OutputDirectory(request);
    for (const resume of [null, true, "auto"]) {
      assertThrows(
        () => beginDirectory(directory, true, resume),
        Error,
        `as process ${Deno.pid} (this one) has been using it`,
      );
    }
    assertEquals(namesIn(directory).includes("checkpoint-3"), true, "nothing was removed");
  }
  beginDirectory(directory, true);
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
    ...WRITTEN_AT_END,
  );
  Deno.writeTextFileSync(join(directory, "runs", "events.out.tfevents.1.x"), "");
  Deno.writeTextFileSync(join(directory, "runs", "mine.txt"), "");
  Deno.writeTextFileSync(join(directory, "checkpoint-9"), "a file, no checkpoint");
  const { removed } = beginDirectory(directory, true);
  assertEquals(removed.filter((name) => !WRITTEN_AT_END.includes(name)), [
    "checkpoint-3",
    "run.yaml",
    "runs",
    "superseded-checkpoint-4",
    "trainer_log.jsonl",
    "training_loss.png",
  ]);
  assertEquals(namesIn(directory), ["checkpoint-9", "notes.txt", "runs"]);
  assertEquals(namesIn(join(directory, "runs")), ["mine.txt"]);
  // what tells at which checkpoint of another folder a run began is there until the new one takes its place
  const began = directoryWith("run.yaml", "trainer_log.jsonl"), elsewhere = directoryWith("checkpoint-3/");
  beginDirectory(began, false, join(elsewhere, "checkpoint-3"));
  assertEquals(namesIn(began), ["run.yaml"]);
  // names that any folder may have aren't a run's where there is no log of one
  const other = directoryWith("README.md", "config.json", "model.safetensors", "tokenizer.json");
  assertEquals(beginDirectory(other, true).removed, []);
});

Deno.test("what a killed process left half-written goes at the next start", () => {
  const directory = directoryWith(
    ".adapter_model.safetensors.4242-0a1b2c3d.tmp",
    ".finished.partial/",
    ".checkpoint-4.partial/",
    ".other.tmp",
    "checkpoint-3/",
  );
  assertEquals(beginDirectory(directory, false, true).resumeFrom?.step, 3);
  assertEquals(namesIn(directory), [".other.tmp", "checkpoint-3"]);
});

Deno.test("files of a finished run come together, and a cut publication is made good at the next start", () => {
  const directory = directoryWith();
  const request = { output_dir: directory, overwrite_output_dir: false, resume_from_checkpoint: null };
  {
    using output = new OutputDirectory(request);
    output.begin();
    Deno.writeTextFileSync(join(directory, "run.yaml"), "");
    for (const name of WRITTEN_AT_END) Deno.writeTextFileSync(join(output.staging, name), "new");
    assertEquals(isFinished(directory), false);
    output.publish();
    assertEquals(isFinished(directory), true);
  }
  assertEquals(namesIn(directory), [...WRITTEN_AT_END, "run.yaml"].sort());
  // killed between the first and the last move
  for (const name of WRITTEN_AT_END.slice(1)) {
    Deno.mkdirSync(join(directory, ".finished"), { recursive: true });
    Deno.renameSync(join(directory, name), join(directory, ".finished", name));
  }
  assertEquals(isFinished(directory), false);
  assertThrows(() => new OutputDirectory(request), Error, "as an empty directory is needed");
  assertEquals([namesIn(directory), isFinished(directory)], [[...WRITTEN_AT_END, "run.yaml"].sort(), true]);
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
  assertEquals(namesIn(directory), []);
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
  assertEquals(namesIn(folder), ["config.json"]);
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
  assertThrows(
    () => beginDirectory(directory, true, null, [inCheckpoint]),
    Error,
    "taken away with checkpoint-3",
  );
  // as adapter_name_or_path
  assertThrows(
    () => beginDirectory(directory, true, null, [directory]),
    Error,
    "with adapter_model.safetensors",
  );
  assertEquals(namesIn(directory).length, 3);
  beginDirectory(directory, true, null, [join(directory, "data")]);
  assertEquals(namesIn(directory), []);
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
