/**
 * Progress as a bar on a terminal, with lines that stay above it.
 * @module
 */
import cliProgress from "cli-progress";

import { hms } from "../format.ts";
import type { Progress, ProgressStream, StepStatus } from "./progress.ts";
import { fourDigits, speedText } from "./progress_text.ts";

/** The part of cli-progress that is used; the package brings no types. */
interface Bars {
  create(total: number, start: number, payload: Record<string, string>): Bar;
  update(): void;
  log(text: string): void;
  stop(): void;
}

interface Bar {
  setTotal(total: number): void;
  update(value: number, payload?: Record<string, string>): void;
}

/** As many whole parts as there is room for, the first in any case: half a number would be another number. */
function fitting(parts: readonly string[], room: number, between: string): string {
  let text = "";
  for (const part of parts) {
    const next = text === "" ? part : `${text}${between}${part}`;
    if (text !== "" && next.length > room) break;
    text = next;
  }
  return text;
}

/** One bar at a time: that of the phase, or of the steps. */
export class ProgressBar implements Progress {
  #current: { bars: Bars; bar: Bar; name: string } | null = null;
  /** The phase that ended last; one that tells its end twice isn't shown twice. */
  #ended = "";

  constructor(private readonly stream: ProgressStream) {}

  phase(name: string, done: number, total: number, pace = ""): void {
    const counted = total > 0 ? "{bar} {value}/{total}  {text}" : "{text}";
    const isOver = done >= Math.max(1, total);
    if (isOver && this.#current === null && this.#ended === name) return;
    const before = name.length + (total > 0 ? this.#barSize + `  ${done}/${total}  `.length : 1);
    // at its end a phase of unknown length keeps the time that it last told
    const text = total > 0 || done === 0
      ? { text: fitting(pace.split(", "), this.#columns - before, ", ") }
      : {};
    this.#barOf(name, Math.max(1, total), `${name} ${counted}`).update(done, text);
    this.#ended = isOver ? name : "";
    if (isOver) this.stop();
  }

  step({ step, totalSteps, loss, margin, reward, tokensPerSecond, remainingSeconds }: StepStatus): void {
    this.#ended = "";
    // what one looks for comes first: what is beyond the terminal's width is left out
    const parts = [`loss ${fourDigits(loss)}`];
    if (tokensPerSecond > 0) parts.unshift(`${hms(remainingSeconds)} left`);
    if (margin !== null) parts.push(`margin ${fourDigits(margin)}`);
    if (reward !== undefined) parts.push(`reward ${fourDigits(reward)}`);
    if (tokensPerSecond > 0) parts.push(speedText(tokensPerSecond));
    const room = this.#columns - this.#barSize - ` step ${step}/${totalSteps}  `.length;
    this.#barOf("training", totalSteps, "{bar} step {value}/{total}  {text}")
      .update(step, { text: fitting(parts, room, "  ") });
  }

  /** Nothing: the bar shows it already. */
  log(): void {}

  line(text: string): void {
    if (this.#current === null) this.stream.write(text + "\n");
    else this.#current.bars.log(text + "\n");
  }

  stop(): void {
    if (this.#current === null) return;
    // Draws what is still to be drawn: stop() alone would lose waiting lines.
    this.#current.bars.update();
    this.#current.bars.stop();
    this.#current = null;
  }

  /** Characters of the terminal; one that nobody gave a size has 0. */
  get #columns(): number {
    return this.stream.columns || 80;
  }

  /** Characters of a bar: step, time left and loss take some 50. */
  get #barSize(): number {
    return Math.max(8, Math.min(24, this.#columns - 52));
  }

  /** The bar of that name: the one that is drawn, or a new one in its place. */
  #barOf(name: string, total: number, format: string): Bar {
    if (this.#current?.name === name) {
      this.#current.bar.setTotal(total);
      return this.#current.bar;
    }
    this.stop();
    const bars: Bars = new cliProgress.MultiBar({
      stream: this.stream,
      format,
      barsize: this.#barSize,
      barCompleteChar: "█",
      barIncompleteChar: "░",
      // Ctrl-C is the task's: the run saves and says how to continue.
      gracefulExit: false,
      linewrap: true,
    });
    this.#current = { bars, name, bar: bars.create(total, 0, { text: "" }) };
    return this.#current.bar;
  }
}
