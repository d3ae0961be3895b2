/** Some of a model's tensors trained on PyTorch's processes, beside the local engine: the same after the same steps. */
import { assertEquals } from "@std/assert";

import { referenceBackend } from "../../../kernels/mod.ts";
import { EngineHost } from "../../../kernels/engine/host.ts";
import type { Tuning } from "../../../kernels/engine/weights/tuning.ts";
import { assertUpdate } from "../../../tests/helpers/relative_distance.ts";
import { TINY } from "../../../tests/helpers/tiny_model.ts";
import { TORCH_FULL, TORCH_PYTHON } from "../../../tests/helpers/torch_python.ts";
import { ADAMW, stepThrough, TINY_RUN } from "./_golden.ts";
import { cpuRanks, optionsOf } from "./_python.ts";
import { openTorchEngine } from "./engine.ts";

const { decoder, weights } = TINY_RUN;
const CHOICES: Readonly<Record<string, (name: string) => boolean>> = {
  "the last layer": (name) => name.startsWith("model.layers.1."),
  "mlp of the first layer and the last norm": (name) =>
    name.startsWith("model.layers.0.mlp.") || name === "model.norm.weight",
};

for (
  const [world, sharding, compile] of [
    [1, "none", false],
    [2, "fsdp", false],
    [2, "ddp", false],
    [1, "none", true],
  ] as const
) {
  const { ignore, why } = compile ? TORCH_FULL : TORCH_PYTHON;
  Deno.test({
    name:
      `with some layers trained, PyTorch makes of them what the local engine makes (${world}, ${sharding}${
        compile ? ", compiled" : ""
      })${why}`,
    ignore,
    fn: async () => {
      const ranks = await cpuRanks(world);
      try {
        for (const [what, trains] of Object.entries(CHOICES)) {
          const tuning: Tuning = { type: "freeze", tensors: Object.keys(weights).filter(trains) };
          const setup = { decoder, tuning, initial: {}, checkpointing: true, seed: 3, optimizer: ADAMW };
          const local = new EngineHost(referenceBackend(), {
            ...setup,
            modelPath: "",
            device: { backend: "reference", provider: "cpu", threads: null },
          }, (name) => weights[name]!.slice());
          const torch = await openTorchEngine(ranks, {
            ...setup,
            ...optionsOf({}),
            sharding,
            compile,
            modelPath: `${TINY}qwen2/model`,
            threads: 1,
          });
          const expected = await stepThrough(local, 0, 3, false),
            found = await stepThrough(torch, 0, 3, false);
          assertEquals(Object.keys(found.trained).sort(), tuning.tensors.toSorted(), what);
          assertEquals(Object.keys(found.state).sort(), Object.keys(expected.state).sort());
          assertUpdate(found.trained, { expected: expected.trained, start: weights, limit: 2e-3 });
        }
      } finally {
        await ranks.end();
      }
    },
  });
}
