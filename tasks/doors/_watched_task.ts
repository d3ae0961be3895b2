/** A task's thread for watch_test.ts: calls a plugin that never gives way, or goes on. */
import { beat, calling, CALLS, waitingFor } from "../../plugins/kinds/checked/calls.ts";

const scope = self as unknown as {
  onmessage(event: MessageEvent<string>): void;
  postMessage(message: unknown): void;
};

/** Seconds for which code that a test no longer needs goes on at most. */
const loop = () => {
  for (const end = Date.now() + 30_000; Date.now() < end;);
};
const DOES: Record<string, () => unknown> = {
  rests: () => calling("judge/calm of calm.ts", () => {}),
  loops: () => calling("judge/mine of my.ts", loop),
  "goes on after a wait": () =>
    waitingFor(calling("judge/late of late.ts", async () => {
      await new Promise((done) => setTimeout(done, 1));
      loop();
    })),
  "loops by itself": loop,
  "calls often": () => {
    for (const end = Date.now() + 30_000; Date.now() < end;) calling("dataset/quick of quick.ts", () => {});
  },
};

beat(20);
scope.onmessage = ({ data }) => {
  scope.postMessage("begins");
  DOES[data]?.();
};
scope.postMessage(CALLS);
