/** A run that is killed with SIGKILL at random moments, several times, ends as one that never was. */
import { join } from "@std/path";

import { assertEquals, assertStringIncludes } from "@std/assert";

import { heldLoss } from "./_held_loss.ts";
import { PROJECT_FOLDER, runDeno, startDeno, taskWords } from "./helpers/deno_process.ts";
import { killedWith } from "./helpers/killed.ts";
import { repetitions } from "./helpers/repetitions.ts";
import { within } from "./helpers/until.ts";
import { WALL_CLOCK_KEYS } from "./helpers/wall_clock_keys.ts";

const goldens = join(PROJECT_FOLDER, "fixtures/goldens/llamafactory");
/** Kills of the run. */
const KILLS = repetitions(4, 1);
/** Steps that a process which is to be killed can take at most, of 4 examples each: it holds then, however late the kill. */
const REACH = 6;
/** More than all killed processes can take. */
const STEPS = REACH * KILLS + 3;
const LOSS = heldLoss("dpo"), HELD = LOSS.hold(4 * REACH);

/** A DPO run with LoRA, dropout, shuffling and evaluation, so that every generator and cache is in play. */
function settings(folder: string, ...more: string[]): string[] {
  return taskWords(
    "train",
    join(goldens, "runs/dpo_fixed/config.yaml"),
    `model_name_or_path=${join(goldens, "model")}`,
    "adapter_name_or_path=[]",
    `dataset_dir=${join(goldens, "data")}`,
    `output_dir=${folder}`,
    "lora_dropout=0.1",
    "disable_shuffling=false",
    `max_steps=${STEPS}`,
    "save_steps=2",
    "eval_steps=5",
    "save_total_limit=2",
    "plot_loss=false",
    ...LOSS.arguments,
    // two threads on two busy cores take four times the time of one
    `threads=${repetitions(2, 1)}`,
    ...more,
  );
}

/** Kills a run `delay` ms after its own step number `steps`. Gives what ended it, and what it said. */
async function killAt(
  steps: number,
  delay: number,
  args: string[],
): Promise<{ signal: Deno.Signal | null; text: string }> {
  const child = startDeno(args, { env: HELD });
  await using _end = killedWith(child);
  let seen = "", armed = false;
  const watch = async (stream: ReadableStream<Uint8Array>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      seen += text;
      if (armed || (seen.match(/^step /gm)?.length ?? 0) < steps) continue;
      armed = true;
      await new Promise((resolve) => setTimeout(resolve, delay));
      child.kill("SIGKILL");
    }
  };
  const end = Promise.all([child.status, watch(child.stdout), watch(child.stderr)]);
  const [{ signal }] = await within(`step ${steps} of a run`, end, { said: () => seen });
  return { signal, text: seen };
}

function log(folder: string): Record<string, unknown>[] {
  return Deno.readTextFileSync(join(folder, "trainer_log.jsonl")).trim().split("\n").map((line) => {
    const entries = Object.entries(JSON.parse(line)).filter(([key]) => !WALL_CLOCK_KEYS.includes(key));
    return Object.fromEntries(entries);
  });
}

Deno.test("a run killed at random moments and resumed ends bit for bit like an uninterrupted one", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const whole = join(folder, "whole"), torn = join(folder, "torn");
    const first = await runDeno(settings(whole));
    assertEquals(first.code, 0, first.all);
    const moments: string[] = [];
    for (let k = 0; k < KILLS; k++) {
      // the checkpoint of step 2 is whole by then
      const steps = 3 + Math.floor(Math.random() * 2), delay = Math.random() * 40;
      moments.push(`${steps} steps + ${delay.toFixed(0)} ms`);
      const { signal, text } = await killAt(
        steps,
        delay,
        settings(torn, ...(k === 0 ? [] : ["resume_from_checkpoint=true"])),
      );
      assertEquals(signal, "SIGKILL", `after ${moments}: ${text}`);
    }
    const last = await runDeno(settings(torn, "resume_from_checkpoint=true"));
    assertEquals(last.code, 0, `${moments}: ${last.all}`);
    const adapter = (path: string) => Deno.readFileSync(join(path, "adapter_model.safetensors"));
    assertEquals(adapter(torn), adapter(whole), `adapters differ after kills at ${moments}`);
    assertEquals(log(torn), log(whole), `logs differ after kills at ${moments}`);

    const changed = await runDeno(settings(torn, "resume_from_checkpoint=true", "learning_rate=0.02"));
    assertEquals(changed.code, 1);
    assertStringIncludes(changed.all, "learning_rate: 0.01 → 0.02");
    assertStringIncludes(changed.all, "allow_changes");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
