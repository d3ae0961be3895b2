/** Logs as other programs, kills and resumptions leave them. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { trainerLogLine } from "./_made_runs.ts";
import { CurveLog } from "./runs/curve_log.ts";

const ENTRIES = new Set(["trainer_log.jsonl"]);

async function logOf(text: string): Promise<CurveLog> {
  const folder = temporaryFolder();
  await Deno.writeTextFile(join(folder, "trainer_log.jsonl"), text);
  const log = new CurveLog(folder);
  await log.update(ENTRIES);
  return log;
}

const columns = (log: CurveLog, ...names: string[]) => names.map((name) => [...log.column(name) ?? []]);

Deno.test("a run that goes on from a checkpoint does steps again: the last of each counts, time and tokens go on", async () => {
  const line = (step: number, loss: number, seconds: number, tokens: number) =>
    trainerLogLine(step, { loss, total_tokens: tokens })
      .replace(/"elapsed_time":"[^"]*"/, `"elapsed_time":"0:00:${String(seconds).padStart(2, "0")}"`);
  const log = await logOf([
    line(1, 9, 10, 100),
    line(2, 8, 20, 200),
    trainerLogLine(2, { eval_loss: 5 }).replace(/"loss":[^,]*,/, ""),
    line(3, 7, 30, 300),
    line(4, 6, 40, 400),
    // from checkpoint-2, by a process that counts from 0
    line(3, 70, 5, 50),
    line(4, 60, 15, 150),
  ].join(""));
  assertEquals(columns(log, "step", "loss"), [[1, 2, 2, 3, 4], [9, 8, NaN, 70, 60]]);
  // the evaluation's line has the time and tokens of makeRun's second line
  const [time, tokens] = columns(log, "time", "tokens");
  assertEquals([time!.slice(3), tokens!.slice(3)], [[25, 35], [2050, 2150]]);
  assertEquals([...time!].sort((a, b) => a - b), time);
});

Deno.test("NaN as Python writes it, lines of no log, and a line without an end hide no others", async () => {
  const whole = trainerLogLine(1, { loss: 0.5 });
  const log = await logOf(
    whole + `{"current_steps": 2, "loss": NaN, "lr": -Infinity, "grad_norm": 3}\n` +
      `{"current_steps": 3, "lo\nnull\n[]\n7\n` +
      `{"current_steps": 4, "loss": "${"x".repeat(3 << 20)}"}\n` + trainerLogLine(5, { loss: 0.25 }),
  );
  assertEquals(columns(log, "step", "loss", "grad_norm"), [[1, 2, 5], [0.5, NaN, 0.25], [NaN, 3, NaN]]);
  const folder = temporaryFolder();
  Deno.mkdirSync(join(folder, "trainer_log.jsonl"));
  const none = new CurveLog(folder);
  await none.update(new Set());
  assertEquals(none.names, []);
});
