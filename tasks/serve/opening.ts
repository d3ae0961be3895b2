/**
 * A bar while a model is opened: large ones are read, and prepared, for minutes.
 * @module
 */
import type { OnPhase } from "../../kernels/engine/generate/generator.ts";
import { createProgress } from "../train/outputs/log/create_progress.ts";
import type { ProgressStream } from "../train/outputs/log/progress.ts";

/**
 * Opens something whose phases are shown as training's are: a bar on a terminal, lines elsewhere where one takes seconds.
 * @param stream Standard error by default
 * @throws What `open` throws, the bar taken away
 */
export async function showOpening<T>(
  open: (onPhase: OnPhase) => Promise<T>,
  stream?: ProgressStream,
): Promise<T> {
  const progress = createProgress(stream && { stream });
  try {
    return await open((name, done, total) => progress.phase(name, done, total));
  } finally {
    progress.stop();
  }
}
