/**
 * Phases of unknown length, told with the seconds that they have taken.
 * @module
 */
import type { OnPhase } from "../../../kernels/engine/host.ts";
import type { LogSink } from "../../kinds/log_sink.ts";

/** Passes phases on; must be disposed, as its timer keeps the process alive. */
export interface PhaseClock extends Disposable {
  /** As the engine tells them. */
  tell: OnPhase;
}

/** Milliseconds until a phase of unknown length is shown: most are over by then. */
const FIRST = 300;

/** A clock that tells phases of unknown length every second. */
export function phaseClock(show: LogSink["phase"], now: () => number = Date.now): PhaseClock {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let shown: string | null = null;

  const end = () => {
    clearTimeout(timer);
    if (shown !== null) show(shown, 1, 0);
    shown = null;
  };

  return {
    tell(name, done, total) {
      if (total > 0) return show(name, done, total);
      end();
      if (done > 0) return;
      const begun = now();
      const tick = () => {
        shown = name;
        const seconds = Math.round((now() - begun) / 1000);
        show(name, 0, 0, `${seconds} s`);
        timer = setTimeout(tick, 1000);
      };
      timer = setTimeout(tick, FIRST);
    },
    [Symbol.dispose]: end,
  };
}
