/** A task's thread for watch_test.ts: calls a plugin that never gives way, or goes on. */
import { beat, calling, CALLS, waitingFor } from "../../plugins/kinds/checked/calls.ts";

const scope = self as unknown as {
  onmessage(event: MessageEvent<string>): void;
  postMessage(message: unknown): void;
};

/** Says that it begins. */
const begins = () => scope.postMessage("begins");
/** The test ends the thread that this holds. */
const loop = () => {
  begins();
  for (;;);
};
const DOES: Record<string, () => unknown> = {
  rests: () => calling("judge/calm of calm.ts", begins),
  loops: () => calling("judge/mine of my.ts", loop),
  "goes on after a wait": () =>
    waitingFor(calling("judge/late of late.ts", async () => {
      await new Promise((done) => setTimeout(done, 1));
      loop();
    })),
  "loops by itself": loop,
  "calls often": () => {
    begins();
    for (;;) calling("dataset/quick of quick.ts", () => {});
  },
};

beat(5);
scope.onmessage = ({ data }) => void DOES[data]?.();
scope.postMessage(CALLS);
