/** A task's thread for watch_test.ts: calls a plugin that never gives way, or goes on. */
import { beat, calling, CALLS, waitingFor } from "../../plugins/kinds/checked/calls.ts";

const scope = self as unknown as {
  onmessage(event: MessageEvent<{ does: string; over: Int32Array }>): void;
  postMessage(message: unknown): void;
};

/** Says that it begins. */
const begins = () => scope.postMessage("begins");
/** 1 when the test needs the thread no more: ending a Worker doesn't end a loop. */
let isOver: Int32Array = new Int32Array(1);
const goesOn = () => Atomics.load(isOver, 0) === 0;
const loop = () => {
  begins();
  while (goesOn());
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
    while (goesOn()) calling("dataset/quick of quick.ts", () => {});
  },
};

beat(5);
scope.onmessage = ({ data: { does, over } }) => {
  isOver = over;
  DOES[does]?.();
};
scope.postMessage(CALLS);
