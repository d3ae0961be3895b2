/** A training process and its output folder: one owner, one run's files, resuming, and the command it prints. */
import { join } from "@std/path";

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

import { goldenArguments, runShell, runTrain, TrainProcess } from "./_train_process.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";

const ignore = Deno.build.os === "windows"; // signals and sh
/** Steps enough that a run isn't at its end when a signal reaches it. */
const STEPS = 24;
const LONG = [`max_steps=${STEPS}`, "eval_strategy=no", "do_eval=false", "val_size=0", "save_steps=1000"];
const SHORT = ["max_steps=2", "eval_strategy=no", "do_eval=false", "val_size=0"];

const read = (...path: string[]) => Deno.readFileSync(join(...path));

/** Every file of a folder with its bytes and time of change. */
function snapshot(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  const visit = (path: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(path)) {
      const inside = join(path, name), { mtime } = Deno.statSync(inside);
      if (isDirectory) visit(inside);
      else files.set(inside, `${mtime?.toISOString()} ${read(inside).join()}`);
    }
  };
  visit(folder);
  return files;
}

Deno.test({
  name:
    "after Ctrl-C the printed command continues as it stands: paths quoted, overrides kept, from any folder",
  ignore,
  async fn() {
    const folder = temporaryFolder();
    const output = join(folder, "it's a $folder");
    const child = new TrainProcess(goldenArguments(output, ...LONG, "learning_rate=0.003"));
    await child.saw(`step 3/${STEPS}`);
    child.kill("SIGINT");
    const { code, stdout, stderr } = await child.ended();
    assertEquals(code, 130, stderr);
    const line = stdout.split("\n").find((text) => text.includes("resume_from_checkpoint"))!.trim();

    const elsewhere = temporaryFolder();
    const resumed = await runShell(line, elsewhere);
    assertEquals(resumed.code, 0, resumed.stderr);
    assertStringIncludes(resumed.stdout, `Resuming from ${join(output, "checkpoint-")}`);
    assertEquals([...Deno.readDirSync(elsewhere)], []);

    const whole = await runTrain(...goldenArguments(join(folder, "b"), ...LONG, "learning_rate=0.003"));
    assertEquals(whole.code, 0, whole.stderr);
    assertEquals(read(output, "adapter_model.safetensors"), read(folder, "b", "adapter_model.safetensors"));

    // finished: said so, and nothing is touched
    const before = snapshot(output);
    const again = await runShell(line, elsewhere);
    assertEquals(again.code, 0, again.stderr);
    assertStringIncludes(again.stdout, "holds this run, finished: its files are left as they are");
    assertEquals(snapshot(output), before);
  },
});

Deno.test({
  name: "a run.yaml in its own folder is repeated beside it, and continues where its run was killed",
  ignore,
  async fn() {
    const folder = temporaryFolder(), output = join(folder, "a"), file = join(output, "run.yaml");
    assertEquals((await runTrain(...goldenArguments(output, ...SHORT))).code, 0);
    for (const name of ["a-again", "a-again-2"]) {
      const { code, stdout, stderr } = await runTrain(file);
      assertEquals(code, 0, stderr);
      assertStringIncludes(
        stdout,
        `note: output_dir=${join(folder, name)}: ${output} holds this run already`,
      );
      assertEquals(
        read(folder, name, "adapter_model.safetensors"),
        read(output, "adapter_model.safetensors"),
      );
    }

    const killed = join(folder, "killed");
    const child = new TrainProcess(goldenArguments(killed, ...LONG, "save_steps=2"));
    await child.saw(`step 5/${STEPS}`);
    child.kill("SIGKILL");
    await child.ended();
    const goesOn = await runTrain(join(killed, "run.yaml"));
    assertEquals(goesOn.code, 0, goesOn.stderr);
    assertStringIncludes(goesOn.stdout, "Resuming from ");
    assert(read(killed, "adapter_model.safetensors").length > 0);
  },
});

Deno.test({
  name:
    "two trainings into one folder: the second is refused with the first one's process, also after a kill -9",
  ignore,
  async fn() {
    const output = join(temporaryFolder(), "a");
    const args = goldenArguments(output, ...LONG, "save_steps=2", "overwrite_output_dir=true");
    const first = new TrainProcess(args);
    await first.saw(`step 3/${STEPS}`);
    first.kill("SIGSTOP"); // it mustn't end while the second begins
    const second = await runTrain(...args);
    assertEquals(second.code, 1);
    assertMatch(
      second.stderr,
      new RegExp(`Cannot write to .* as process ${first.pid} has been using it since 20`),
    );
    assert(Deno.statSync(join(output, "checkpoint-2")).isDirectory, "nothing of the first was removed");
    first.kill("SIGKILL");
    await first.ended();
    const third = await runTrain(...args, "resume_from_checkpoint=auto");
    assertEquals(third.code, 0, third.stderr);
    assertEquals([...Deno.readDirSync(output)].filter(({ name }) => name.startsWith(".")), []);
  },
});

Deno.test({
  name: "a killed overwrite never leaves a new run.yaml beside an old adapter",
  ignore,
  async fn() {
    const output = join(temporaryFolder(), "a");
    assertEquals((await runTrain(...goldenArguments(output, ...SHORT, "learning_rate=0.001"))).code, 0);
    const [adapter, yaml] = [read(output, "adapter_model.safetensors"), read(output, "run.yaml")];
    const exists = (name: string) => [...Deno.readDirSync(output)].some((entry) => entry.name === name);
    const overwrite = goldenArguments(output, ...LONG, "learning_rate=0.002", "overwrite_output_dir=true");
    const seen: string[] = [];
    for (const moment of ["", `step 1/${STEPS}`, `step ${STEPS / 2}/${STEPS}`]) {
      const child = new TrainProcess(overwrite);
      if (moment === "") await new Promise((resolve) => setTimeout(resolve, 300));
      else await child.saw(moment);
      child.kill("SIGKILL");
      await child.ended();
      const isOld = exists("run.yaml") && read(output, "run.yaml").join() === yaml.join();
      if (isOld) assertEquals(read(output, "adapter_model.safetensors"), adapter);
      else {assert(
          !exists("adapter_model.safetensors") && !exists("all_results.json"),
          `killed at "${moment}"`,
        );}
      seen.push(isOld ? "old" : "new");
    }
    assertEquals(seen.slice(1), ["new", "new"]);
    assertEquals((await runTrain(...overwrite, "max_steps=2")).code, 0);
    assert(read(output, "adapter_model.safetensors").join() !== adapter.join());
  },
});
