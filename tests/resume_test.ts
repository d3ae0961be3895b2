/** A run that is killed with SIGKILL at random moments, several times, ends as one that never was. */
import { join } from "@std/path";

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import project from "../deno.json" with { type: "json" };
import { WALL_CLOCK_KEYS } from "../tasks/train/outputs/mod.ts";
import { repetitions } from "./helpers/repetitions.ts";

const root = new URL("../", import.meta.url).pathname;
const goldens = join(root, "fixtures/goldens/llamafactory");
const command = project.tasks.train.split(" ").slice(1);
/** Kills of the run. */
const KILLS = repetitions(4, 2);
/** Steps enough that the last kill comes before the end. */
const STEPS = 12 + 6 * KILLS;

/** A DPO run with LoRA, dropout, shuffling and evaluation, so that every generator and cache is in play. */
function settings(folder: string, ...more: string[]): string[] {
  return [
    ...command,
    join(goldens, "runs/dpo_fixed/config.yaml"),
    `model_name_or_path=${join(goldens, "model")}`,
    "adapter_name_or_path=[]",
    `dataset_dir=${join(goldens, "data")}`,
    `output_dir=${folder}`,
    "lora_dropout=0.1",
    "disable_shuffling=false",
    `max_steps=${STEPS}`,
    "save_steps=3",
    "eval_steps=5",
    "save_total_limit=2",
    "plot_loss=false",
    // elsewhere tests take one thread
    "threads=2",
    ...more,
  ];
}

function start(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function toEnd(...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await start(...args).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** Kills a run `delay` ms after its step `step` is on the screen. Gives whether it was still running. */
async function killAt(step: number, delay: number, ...args: string[]): Promise<boolean> {
  const child = start(...args);
  let seen = "", armed = false;
  const watch = async (stream: ReadableStream<Uint8Array>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      seen += text;
      if (armed || !seen.includes(`step ${step}/`)) continue;
      armed = true;
      await new Promise((resolve) => setTimeout(resolve, delay));
      try {
        child.kill("SIGKILL");
      } catch {
        // it had ended already
      }
    }
  };
  await Promise.all([watch(child.stdout), watch(child.stderr)]);
  const { signal } = await child.status;
  return signal === "SIGKILL";
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
    const first = await toEnd(...settings(whole));
    assertEquals(first.code, 0, first.text);
    const moments: string[] = [];
    let killed = 0, kills = 0;
    for (let k = 0; k < KILLS; k++) {
      killed = Math.min(STEPS - 5, killed + 5 + Math.floor(Math.random() * 4));
      const delay = Math.random() * 40;
      moments.push(`step ${killed} + ${delay.toFixed(0)} ms`);
      if (
        await killAt(killed, delay, ...settings(torn, ...(k === 0 ? [] : ["resume_from_checkpoint=true"])))
      ) {
        kills++;
      }
    }
    assert(kills >= KILLS - 1, `only ${kills} of ${KILLS} kills hit a running process`);
    const last = await toEnd(...settings(torn, "resume_from_checkpoint=true"));
    assertEquals(last.code, 0, `${moments}: ${last.text}`);
    const adapter = (path: string) => Deno.readFileSync(join(path, "adapter_model.safetensors"));
    assertEquals(adapter(torn), adapter(whole), `adapters differ after kills at ${moments}`);
    assertEquals(log(torn), log(whole), `logs differ after kills at ${moments}`);

    const changed = await toEnd(...settings(torn, "resume_from_checkpoint=true", "learning_rate=0.02"));
    assertEquals(changed.code, 1);
    assertStringIncludes(changed.text, "learning_rate: 0.01 → 0.02");
    assertStringIncludes(changed.text, "allow_changes");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
