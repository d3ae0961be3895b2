/**
 * Rows of a run's packs before it starts, as the trainer will choose them.
 * @module
 */
import { webgpuBackend } from "../../kernels/backends/webgpu/mod.ts";
import { chooseBackend } from "../../kernels/engine/backends.ts";
import { choosePackRows, type PackRows, type PackSettings } from "../../kernels/engine/pack_rows.ts";
import type { TrainConfig } from "./config/mod.ts";

/**
 * The rows and the reason.
 * @param held Bytes of weights and training state
 */
export async function packRowsOf(
  config: Pick<TrainConfig, "micro_batch_tokens"> & Parameters<typeof chooseBackend>[0],
  settings: PackSettings,
  held: number,
): Promise<PackRows> {
  const given = config.micro_batch_tokens ?? undefined;
  const { choice } = await chooseBackend(config);
  if (choice.backend !== "webgpu") {
    return await choosePackRows(
      { keepsTensors: choice.provider === "cpu", hostMemory: true },
      settings,
      held,
      given,
    );
  }
  const backend = await webgpuBackend();
  try {
    return await choosePackRows(backend, settings, held, given);
  } finally {
    await backend.dispose();
  }
}
