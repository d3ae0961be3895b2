/**
 * Progress of a run for its user: a progress bar on a terminal, plain lines elsewhere.
 * @module
 */
import process from "node:process";

import { isDumbTerminal } from "../../../common/cli/dumb_terminal.ts";
import type { Progress, ProgressStream } from "./progress.ts";
import { ProgressBar } from "./progress_bar.ts";
import { progressLines } from "./progress_lines.ts";

/** Options of {@linkcode createProgress}. */
export interface ProgressOptions {
  /** Standard error by default. */
  stream?: ProgressStream;
  /** True (`disable_tqdm`): plain lines on a terminal too. */
  disabled?: boolean;
  /** Milliseconds; `Date.now` by default. */
  now?: () => number;
}

/** A bar where the stream is a terminal and it isn't disabled, else plain lines at every log. */
export function createProgress(options: ProgressOptions = {}): Progress {
  const stream = options.stream ?? standardError();
  return stream.isTTY && !options.disabled
    ? new ProgressBar(stream)
    : progressLines(stream, options.now ?? Date.now);
}

/**
 * Standard error, whose loss (a closed terminal, the end of what reads it) ends no run: an error that nothing hears would. On a terminal
 * that knows no commands (TERM=dumb, as in editors) no bar is drawn: it would show them as signs.
 * @param term The variable TERM
 */
export function standardError(
  stream: NodeJS.EventEmitter & ProgressStream = process.stderr,
  term: string | undefined = stream.isTTY ? Deno.env.get("TERM") : undefined,
): ProgressStream {
  if (!stream.listeners("error").includes(unheard)) stream.on("error", unheard);
  return isDumbTerminal(term) ? { isTTY: false, write: (text) => stream.write(text) } : stream;
}

function unheard(): void {}
