/**
 * Downloads that end where the process is asked to stop: one can take hours, and nothing of it is lost.
 * @module
 */

/** Thrown by a download that was told to stop; what has arrived is continued by the next one. */
export class DownloadStopped extends Error {
  constructor() {
    super("Stopped in a download from the hub: the same command goes on from what has arrived");
    this.name = "DownloadStopped";
  }
}

// a process is asked to stop as a whole
let stop: AbortSignal | undefined;

/** Makes all downloads of this thread end when a signal aborts; until disposed. */
export function stopDownloadsBy(signal: AbortSignal): Disposable {
  const before = stop;
  stop = signal;
  return { [Symbol.dispose]: () => void (stop = before) };
}

/** A request's own signal, and the one that stops downloads. */
export function withStop(signal: AbortSignal | null | undefined): AbortSignal | null {
  return signal && stop ? AbortSignal.any([signal, stop]) : signal ?? stop ?? null;
}

/** @throws {DownloadStopped} If downloads are to stop */
export function checkStop(): void {
  if (stop?.aborted) throw new DownloadStopped();
}

/** Waits for something. @throws {DownloadStopped} If downloads are to stop, at once */
export async function unlessStopped<Outcome>(promise: Promise<Outcome>): Promise<Outcome> {
  const asked = stop, { promise: stopped, reject } = Promise.withResolvers<never>();
  const listen = () => reject(new DownloadStopped());
  if (asked?.aborted) listen();
  asked?.addEventListener("abort", listen);
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    asked?.removeEventListener("abort", listen);
  }
}
