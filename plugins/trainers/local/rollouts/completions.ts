/**
 * Files of answers that were drawn, so that one sees what is rewarded: `completions/completions_00005.jsonl` of step 5, whole or not at all.
 * @module
 */
import { join } from "@std/path";

import { item } from "../../../../formats/elements.ts";
import { writeFileAtomicSync } from "../../../../formats/atomic.ts";
import { lastUserText } from "../../../kinds/endpoint.ts";
import type { Answer } from "./rollout_metrics.ts";

/** Folder of the files in the output folder. */
export const COMPLETIONS = "completions";

/**
 * Writes a step's answers, a line each.
 * @param step From 1
 * @param names Of the rewards
 */
export function writeCompletions(
  directory: string,
  step: number,
  answers: readonly Answer[],
  names: readonly string[],
): void {
  const folder = join(directory, COMPLETIONS);
  Deno.mkdirSync(folder, { recursive: true });
  const lines = answers.map(({ task, text, rewards, reward, advantage, truncated }) =>
    JSON.stringify({
      step,
      id: task.id,
      prompt: lastUserText(task.messages),
      completion: text,
      truncated,
      rewards: Object.fromEntries(names.map((name, k) => [name, item(rewards, k)])),
      reward,
      advantage,
    })
  );
  const name = `completions_${String(step).padStart(5, "0")}.jsonl`;
  writeFileAtomicSync(join(folder, name), lines.map((line) => `${line}\n`).join(""));
}
