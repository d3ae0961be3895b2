import assert from "node:assert/strict";

import { definePlugin, Registry, type TrainerInputs } from "@dinotune/dinotune";
import { z } from "zod";
import plugin from "./my_plugin.ts";

/** Stands for the local trainer: trains until it is stopped, or for a second. */
const local = definePlugin({
  kind: "trainer",
  name: "local",
  version: "1",
  description: "Until it is stopped",
  options: z.strictObject({}),
  create: () => ({
    train: ({ signal }) =>
      new Promise((resolve) => {
        const end = (finished: boolean) => {
          clearTimeout(whole);
          resolve({ files: [], finished, metrics: {} });
        };
        const whole = setTimeout(() => end(true), 1000);
        if (signal.aborted) end(false);
        signal.addEventListener("abort", () => end(false));
      }),
  }),
});

const registry = new Registry([plugin, local]);
const train = (minutes: number, signal: AbortSignal) => {
  const trainer = registry.create("trainer", "my_plugin", { minutes });
  return trainer.train({ signal } as TrainerInputs);
};

Deno.test("my_plugin: training ends when its time is over, and isn't finished then", async () => {
  const { finished } = await train(1e-4, new AbortController().signal);
  assert.equal(finished, false);
});

Deno.test("my_plugin: Ctrl-C still stops it", async () => {
  const { finished } = await train(1, AbortSignal.abort());
  assert.equal(finished, false);
});
