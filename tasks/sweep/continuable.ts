/**
 * Work over cells that the same command continues.
 * @module
 */
import { interruption } from "../common/cli/interruption.ts";
import { print } from "../common/cli/print.ts";
import { createProgress, type Progress } from "../train/outputs/mod.ts";
import { Interrupted } from "./train_cell.ts";

/** What such work is given. */
export interface ContinuableWork {
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  progress: Progress;
  /** The command that continues it. */
  continues: string;
}

/**
 * Carries work out; where Ctrl-C stops it, says how to continue.
 * @param continues The command that continues it
 * @returns The exit code: 0 when it is done, else the signal's
 * @throws What `work` throws otherwise
 */
export async function continuable(
  continues: string,
  work: (given: ContinuableWork) => Promise<void>,
): Promise<number> {
  using interrupted = interruption();
  const progress = createProgress();
  try {
    await work({ signal: interrupted.signal, progress, continues });
    return 0;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    print(`Continue with: ${continues}`);
    return interrupted.code;
  } finally {
    progress.stop();
  }
}
