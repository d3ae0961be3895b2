/**
 * Training in this process. Apart from the plugin, so that only runs that train load the engine and the loop.
 * @module
 */
import { type BackendRequest, chooseBackend } from "../../../kernels/engine/backends.ts";
import type { BackendChoice } from "../../../kernels/engine/host.ts";
import { startEngine } from "../../../kernels/engine/worker/remote.ts";
import type { TrainerInputs, TrainerResult } from "../../kinds/trainer.ts";
import type { OpenEngine } from "./open_engine.ts";
import { phaseClock } from "./phase_clock.ts";
import { rolloutsOn } from "./rollouts/open_rollouts.ts";
import { carryOut } from "./run.ts";

/** Trains on the backend that the configuration names. @throws As {@linkcode carryOut} does. */
export async function trainHere(inputs: TrainerInputs): Promise<TrainerResult> {
  return await openHere(inputs, (open, choice) => carryOut(inputs, open, rolloutsOn(choice)));
}

/** Does something with engines on the backend that the configuration names; `describe` of the policy's is noted where that tells more. */
export async function openHere<Result>(
  inputs: Pick<TrainerInputs, "model" | "reference"> & {
    config: BackendRequest;
    log: Pick<TrainerInputs["log"], "note" | "phase">;
  },
  use: (open: OpenEngine, choice: BackendChoice) => Promise<Result>,
): Promise<Result> {
  const { config, log } = inputs, { choice, why } = await chooseBackend(config);
  if (config.backend === "auto") log.note?.(`backend: ${choice.backend}, because ${why}`);
  using clock = phaseClock((...phase) => log.phase(...phase));
  return await use(async (setup, of) => {
    const isPolicy = of.model === inputs.model;
    // in few bits it is ONNX Runtime's, wherever the policy is
    const device = isPolicy ? choice : await deviceOfReference();
    const engine = await startEngine({ ...setup, device }, clock.tell);
    // On a GPU it says how the weights are stored, and how it computes.
    if (isPolicy && (choice.backend === "webgpu" || choice.provider !== "cpu")) {
      log.note?.(await engine.describe());
    }
    return engine;
  }, choice);

  async function deviceOfReference() {
    const bits = inputs.reference?.quantizationBit ?? null;
    return bits === null ? choice : (await chooseBackend({ ...config, quantization_bit: bits })).choice;
  }
}
