/**
 * An engine as a run asks for it, whatever it runs on.
 * @module
 */
import type { EngineClient, EngineSetup } from "../../../kernels/engine/host.ts";
import type { TrainerInputs } from "../../kinds/trainer.ts";

/** Everything an engine is made from but what it runs on. */
export type RunSetup = Omit<EngineSetup, "device">;

/** Makes an engine: of the policy, or of a reference model, which has no optimizer. */
export type OpenEngine = (
  setup: RunSetup,
  of: Pick<TrainerInputs, "model" | "decoder">,
) => Promise<EngineClient>;
