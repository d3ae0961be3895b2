/** A training process and its output folder: one owner, one run's files, resuming, and the command it prints. */
import { join } from "@std/path";

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

import { silentProgress } from "../tasks/train/outputs/mod.ts";
import { train } from "../tasks/train.ts";
import { heldLoss } from "./_held_loss.ts";
import { goldenArguments, runShell, runTrain, TrainProcess } from "./_train_process.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";

const ignore = Deno.build.os === "windows"; // signals and sh
const PLAIN = ["eval_strategy=no", "do_eval=false", "val_size=0"];
const SHORT = [...PLAIN, "max_steps=2"];
/** A run that is never at its end when a signal reaches it; none of them is awaited. */
const STEPS = 9999, ENDLESS = [...PLAIN, `max_steps=${STEPS}`, "save_steps=2"];

const read = (...path: string[]) => Deno.readFileSync(join(...path));
const adapter = (folder: string) => read(folder, "adapter_model.safetensors");

/** A run to its end in this process, where nothing of a process is looked at: what it says. */
async function trainHere([config = "", ...keys]: readonly string[]): Promise<string> {
  const said: string[] = [];
  const { finished } = await train(config, keys, {
    say: (line) => void said.push(line),
    progress: silentProgress(),
  });
  assert(finished);
  return said.join("\n");
}

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
    "after Ctrl-C the printed command continues as it stands: paths quoted, overrides kept, from any folder; " +
    "a finished run.yaml is repeated beside its run, bit for bit",
  ignore,
  async fn() {
    const folder = temporaryFolder(), elsewhere = temporaryFolder();
    const output = join(folder, "it's a $folder"), released = join(folder, "released");
    const loss = heldLoss("sft"), steps = 8, examples = 4;
    const args = [
      ...PLAIN,
      `max_steps=${steps}`,
      "save_steps=1000",
      "learning_rate=0.003",
      "lora_dropout=0.1",
    ];
    await using child = new TrainProcess(
      goldenArguments(output, ...args, ...loss.arguments),
      loss.hold(4 * examples, released),
    );
    await child.saw(`step 3/${steps}`);
    child.kill("SIGINT");
    // told by its other thread, as the run is held: the signal is there before the run goes on and may come to its end
    await child.saw("Stopping: ");
    Deno.writeTextFileSync(released, "");
    const { code, stdout, stderr } = await child.ended();
    assertEquals(code, 130, stderr);
    const line = stdout.split("\n").find((text) => text.includes("resume_from_checkpoint"))!.trim();

    const resumed = await runShell(line, elsewhere);
    assertEquals(resumed.code, 0, resumed.stderr);
    assertStringIncludes(resumed.stdout, `Resuming from ${join(output, "checkpoint-")}`);
    assertEquals([...Deno.readDirSync(elsewhere)], []);

    // beside an earlier one, and never interrupted
    Deno.mkdirSync(`${output}-again`);
    assertStringIncludes(
      await trainHere([join(output, "run.yaml")]),
      `note: output_dir=${output}-again-2: ${output} holds this run already`,
    );
    assertEquals(adapter(`${output}-again-2`), adapter(output));

    // finished: said so, and nothing is touched
    const before = snapshot(output);
    const again = await runShell(line, elsewhere);
    assertEquals(again.code, 0, again.stderr);
    assertStringIncludes(again.stdout, "holds this run, finished: its files are left as they are");
    assertEquals(snapshot(output), before);
  },
});

Deno.test({
  name:
    "two trainings into one folder: the second is refused with the first one's process; after a kill -9 of the first its " +
    "run.yaml continues it",
  ignore,
  async fn() {
    const output = join(temporaryFolder(), "a");
    const args = goldenArguments(output, ...ENDLESS, "overwrite_output_dir=true");
    await using first = new TrainProcess(args);
    await first.saw(`step 3/${STEPS}`);
    first.kill("SIGSTOP"); // what it has written stays as it is while the second begins
    const second = await runTrain(...args, "max_steps=1");
    first.kill("SIGKILL");
    await first.ended();
    assertEquals(second.code, 1);
    assertMatch(
      second.stderr,
      new RegExp(`Cannot write to .* as process ${first.pid} has been using it since 20`),
    );
    assert(Deno.statSync(join(output, "checkpoint-2")).isDirectory, "nothing of the first was removed");
    await using third = new TrainProcess([join(output, "run.yaml")]);
    await third.saw(" loss ");
    third.kill("SIGINT");
    const { code, stdout, stderr } = await third.ended();
    assertEquals(code, 130, stderr);
    assertStringIncludes(stdout, `Resuming from ${join(output, "checkpoint-")}`);
    assertEquals([...Deno.readDirSync(output)].filter(({ name }) => name.startsWith(".")), []);
  },
});

Deno.test({
  name: "a killed overwrite never leaves a new run.yaml beside an old adapter",
  ignore,
  async fn() {
    const output = join(temporaryFolder(), "a");
    await trainHere(goldenArguments(output, ...SHORT, "learning_rate=0.001"));
    const [old, yaml] = [adapter(output), read(output, "run.yaml")];
    const exists = (name: string) => [...Deno.readDirSync(output)].some((entry) => entry.name === name);
    const overwrite = goldenArguments(output, ...ENDLESS, "learning_rate=0.002", "overwrite_output_dir=true");
    const seen: string[] = [];
    for (const moment of ["", `step 2/${STEPS}`]) {
      await using child = new TrainProcess(overwrite);
      if (moment === "") await new Promise((resolve) => setTimeout(resolve, 300));
      else await child.saw(moment);
      child.kill("SIGKILL");
      await child.ended();
      const isOld = exists("run.yaml") && read(output, "run.yaml").join() === yaml.join();
      if (isOld) assertEquals(adapter(output), old);
      else {assert(
          !exists("adapter_model.safetensors") && !exists("all_results.json"),
          `killed at "${moment}"`,
        );}
      seen.push(isOld ? "old" : "new");
    }
    assertEquals(seen.slice(1), ["new"]);
    await trainHere([...overwrite, "max_steps=2"]);
    assert(adapter(output).join() !== old.join());
  },
});
