import { assert } from "@std/assert";

import type { Backend, Tensor } from "../../kernels/backend.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import { measureGflops } from "./measure_gflops.ts";

Deno.test("measureGflops() waits for a device that takes work faster than it does it", async () => {
  const RUN_MS = 20, tensor = { dispose: () => {} } as Tensor;
  let handed = 0;
  const backend = {
    compile: () =>
      Promise.resolve({
        run: () => {
          handed++;
          return Promise.resolve({ y: tensor });
        },
        dispose: () => Promise.resolve(),
      }),
    upload: () => tensor,
    finish: async () => {
      await new Promise((resolve) => setTimeout(resolve, RUN_MS * handed));
      handed = 0;
    },
  } as unknown as Backend;
  const begun = performance.now();
  const gflops = await measureGflops(
    backend,
    { hiddenSize: 64, intermediateSize: 160 } as DecoderConfig,
    0.2,
  );
  // 2 · 512 · 64 · 160 operations a run, which takes no longer than all; a busy machine's timers are late, never early.
  const of = (ms: number) => 2 * 512 * 64 * 160 / (ms / 1000) / 1e9;
  const [least, most] = [of(performance.now() - begun), of(RUN_MS)];
  assert(gflops > least && gflops < 1.2 * most, `${gflops} of ${least} to ${most}`);
});
