/** `deno task train` on PyTorch: interrupted, killed in the middle and started again, it ends as a run that never was, byte for byte. */
import { join } from "@std/path";
import { assertEquals, assertStringIncludes } from "@std/assert";

import { heldLoss } from "./_held_loss.ts";
import { goldenArguments, runTrain, TrainProcess } from "./_train_process.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";
import { TORCH_PYTHON, whoStays } from "./helpers/torch_python.ts";

const { ignore, why } = TORCH_PYTHON;
const OPTIONS = "trainer_options={nproc_per_node: 1, dtype: float32}";

/** The Python processes of a training process, from /proc. */
function pythonOf(parent: number): number[] {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).map(({ name }) =>
    Number(name)
  )
    .filter((id) => {
      try {
        return Deno.readTextFileSync(`/proc/${id}/stat`).split(") ").at(-1)!.split(" ")[1] === `${parent}`;
      } catch {
        return false;
      }
    });
}

Deno.test({
  name:
    `deno task train with trainer: torch saves after Ctrl-C, says which rank died, and goes on from the checkpoint${why}`,
  ignore,
  fn: async () => {
    const folder = temporaryFolder(), go = [1, 2].map((i) => join(folder, `go${i}`)), examples = 4;
    // held, so that no signal comes when the run is over
    const loss = heldLoss("sft");
    const run = (name: string, ...more: string[]) =>
      goldenArguments(
        join(folder, name),
        ...["trainer=torch", OPTIONS, "threads=1", "lora_dropout=0.1", "adapter_name_or_path=[]"],
        ...["disable_shuffling=false", "max_steps=60", "save_steps=10"],
        ...["eval_strategy=no", "do_eval=false", "val_size=0", ...loss.arguments, ...more],
      );
    const straight = await runTrain(...run("straight"));
    assertEquals(straight.code, 0, straight.stderr);
    assertStringIncludes(straight.stdout + straight.stderr, "torch: PyTorch");

    await using interrupted = new TrainProcess(run("other"), loss.hold(3 * examples, go[0]));
    await interrupted.saw("step 3/");
    const first = pythonOf(interrupted.pid);
    assertEquals(first.length, 1);
    // Ctrl-C, and what a terminal does besides: the ranks' own group isn't its, so they are told by hand here.
    for (const id of [...first, interrupted.pid]) Deno.kill(id, "SIGINT");
    await interrupted.saw("Stopping: ");
    Deno.writeTextFileSync(go[0]!, "");
    const saved = await interrupted.ended();
    assertEquals(saved.code, 130, saved.stderr);
    assertStringIncludes(saved.stdout, "resume_from_checkpoint");
    assertEquals(await whoStays(first), []);

    await using killed = new TrainProcess(
      run("other", "resume_from_checkpoint=auto"),
      loss.hold(20 * examples, go[1]),
    );
    await killed.saw(/step 2\d\//);
    const ranks = pythonOf(killed.pid);
    assertEquals(ranks.length, 1);
    for (const id of ranks) Deno.kill(id, "SIGKILL");
    Deno.writeTextFileSync(go[1]!, "");
    const { code, stdout, stderr } = await killed.ended();
    assertStringIncludes(stdout, "Resuming from");
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "PyTorch rank was ended by SIGKILL");
    assertStringIncludes(stderr, " is kept. To continue from it:");
    assertEquals(await whoStays(ranks), []);

    const resumed = await runTrain(...run("other", "resume_from_checkpoint=auto"));
    assertEquals(resumed.code, 0, resumed.stderr);
    assertStringIncludes(resumed.stdout, "Resuming from");
    const adapter = (name: string) => Deno.readFileSync(join(folder, name, "adapter_model.safetensors"));
    assertEquals(adapter("other"), adapter("straight"));
  },
});
