/**
 * Progress as plain lines, for logs and for streams that are no terminal.
 * @module
 */
import type { Progress, ProgressStream } from "./progress.ts";
import { fourDigits, logLine, paceText } from "./progress_text.ts";

/** Milliseconds until a phase without a bar tells how far it is; then twice as long. */
const PATIENCE = 5_000;

/** Milliseconds without a line after which a step is told without a bar, though no log is due. */
const SILENCE = 30_000;

/** A line at every log, and of what takes long. `now`: milliseconds. */
export function progressLines(stream: ProgressStream, now: () => number): Progress {
  let last = now();
  const write = (text: string) => {
    last = now();
    stream.write(text + "\n");
  };
  // A phase that is over before PATIENCE says nothing: in a log file its lines are noise.
  let phase: { name: string; next: number; told: string } | null = null;
  return {
    phase(name, done, total, pace = "") {
      const time = now();
      if (phase?.name !== name) phase = { name, next: time + PATIENCE, told: "" };
      const parts = [...total > 0 ? [`${done} of ${total}`] : [], ...pace === "" ? [] : [pace]];
      const text = `${name}${parts.length > 0 ? `: ${parts.join(", ")}` : ""}`;
      const due = time >= phase.next || (total > 0 && done >= total && phase.told !== "");
      if (!due || text === phase.told) return;
      phase = { name, next: time + 2 * PATIENCE, told: text };
      write(text);
    },
    step({ step, totalSteps, loss, margin, reward, tokensPerSecond, remainingSeconds }) {
      if (now() - last < SILENCE) return;
      const parts = [`step ${step}/${totalSteps}`, `loss ${fourDigits(loss)}`];
      if (margin !== null) parts.push(`margin ${fourDigits(margin)}`);
      if (reward !== undefined) parts.push(`reward ${fourDigits(reward)}`);
      if (tokensPerSecond > 0) parts.push(paceText(tokensPerSecond, remainingSeconds));
      write(parts.join("  "));
    },
    log({ entry, totalSteps, speed, left }) {
      write(logLine(entry, totalSteps, speed > 0 ? paceText(speed, left) : ""));
    },
    line: write,
    stop() {},
  };
}
