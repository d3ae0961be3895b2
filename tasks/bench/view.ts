/**
 * Lines of what a bench found so far, and on a terminal a bar over what is still to be measured.
 * @module
 */
import { createProgress, standardError } from "../train/outputs/log/create_progress.ts";
import type { ProgressStream } from "../train/outputs/log/progress.ts";

/** Lines and bars of a bench while it measures. */
export interface BenchView {
  /** One line, which stays. */
  say(line: string): void;
  /**
   * A bar: `done` of `total` parts, and the one that is measured now, with the seconds that it has taken. Nothing but a terminal shows it.
   */
  bar(name: string, done: number, total: number, current?: string): void;
}

/** Shows nothing. */
export const UNSEEN: BenchView = { say() {}, bar() {} };

/** Options of {@linkcode withBenchView}. */
export interface BenchViewOptions {
  /** Prints a line where no bar is in its way. */
  print: (line: string) => void;
  /** Stream of the bar, and of lines above it; standard error by default. */
  stream?: ProgressStream;
  /** True if `print` writes to a terminal too, so that lines have to make room for the bar; default: as standard output is. */
  printsToTerminal?: boolean;
}

/**
 * Carries out a bench that is seen; the bar is drawn by this process ten times a second, and stays out of those that a bench starts.
 * @returns What `measure` gives
 * @throws What `measure` throws, the bar taken away
 */
export async function withBenchView<T>(
  measure: (view: BenchView) => Promise<T>,
  { print, stream = standardError(), printsToTerminal = Deno.stdout.isTerminal() }: BenchViewOptions,
): Promise<T> {
  if (!stream.isTTY) return await measure({ ...UNSEEN, say: print });
  const progress = createProgress({ stream });
  let redraw = () => {};
  const timer = setInterval(() => redraw(), 1000);
  try {
    return await measure({
      say: printsToTerminal ? (line) => progress.line(line) : print,
      bar(name, done, total, current) {
        const begun = performance.now();
        redraw = () => {
          const seconds = `${Math.round((performance.now() - begun) / 1000)} s`;
          progress.phase(name, done, total, current === undefined ? "" : `${current}, ${seconds}`);
        };
        redraw();
        if (done >= total) redraw = () => {};
      },
    });
  } finally {
    clearInterval(timer);
    progress.stop();
  }
}
