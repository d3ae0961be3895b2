import { assert } from "@std/assert";

import type { Backend, Tensor } from "../../kernels/backend.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder_config.ts";
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
  const gflops = await measureGflops(
    backend,
    { hiddenSize: 64, intermediateSize: 160 } as DecoderConfig,
    0.2,
  );
  // 2 · 512 · 64 · 160 operations a run; a busy machine's timers are late, never early.
  const most = 2 * 512 * 64 * 160 / (RUN_MS / 1000) / 1e9;
  assert(gflops > most / 20 && gflops < 1.2 * most, `${gflops} of ${most}`);
});
