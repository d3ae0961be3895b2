/**
 * The trainer of this project: trains in this process, on the kernels of this project.
 * @module
 */
import { z } from "zod";

import { startEngine } from "../../../kernels/engine/remote.ts";
import { chooseBackend } from "../../../kernels/engine/backends.ts";
import { definePlugin, type Plugin } from "../../kinds/plugin.ts";
import type { TrainerInputs, TrainerResult } from "../../kinds/trainer.ts";
import { carryOut } from "./run.ts";

const options = z.strictObject({});

async function train(inputs: TrainerInputs): Promise<TrainerResult> {
  const { config, log } = inputs, { choice, why } = await chooseBackend(config);
  if (config.backend === "auto") log.note?.(`backend: ${choice.backend}, because ${why}`);
  return await carryOut(inputs, async (setup) => {
    const engine = await startEngine({ ...setup, device: choice });
    // On a GPU it says how the weights are stored.
    if (choice.backend === "webgpu") log.note?.(await engine.describe());
    return engine;
  });
}

/** Trains here, on the backend that the configuration names. */
const local: Plugin<"trainer", typeof options> = definePlugin({
  kind: "trainer",
  name: "local",
  version: "1",
  description: "Trains in this process, on CPU or GPU, without Python.",
  options,
  create: () => ({ train }),
});
export default local;
