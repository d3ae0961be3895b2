/**
 * Parts that a run is made of: plugins, data, weights and tokenizer, as run.yaml names them.
 * @module
 */
import { adapterHash } from "../../formats/peft/mod.ts";
import type { Registry } from "../../plugins/registry.ts";
import { VERSION } from "../common/version.ts";
import { type Provenance, type TrainConfig, usedPlugin } from "./config/mod.ts";
import type { Ready } from "./prepare/ready.ts";

/**
 * Provenance of a run that is about to begin.
 * @param dataHash SHA-256 over the encoded examples
 */
export function trainingProvenance(
  { trainer, trainer_options }: Pick<TrainConfig, "trainer" | "trainer_options">,
  registry: Registry,
  { used, model, reference, adapterFolders: [continued] }: Pick<
    Ready,
    "used" | "model" | "reference" | "adapterFolders"
  >,
  dataHash: string,
): Provenance {
  const options = registry.options("trainer", trainer, trainer_options);
  return {
    dinotune: VERSION,
    plugins: [...used, usedPlugin(registry, "trainer", trainer, options)],
    data: dataHash,
    model: model.weights.hash(),
    tokenizer: model.tokenizer.hash,
    ...(continued !== undefined && { adapter: adapterHash(continued) }),
    ...(reference !== null && { reference: reference.hash }),
  };
}
