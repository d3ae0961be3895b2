/**
 * The weights that a run begins with.
 * @module
 */
import type { LoadedModel } from "../../../formats/hf_model/loaded_model.ts";
import { freshWeights } from "../../../kernels/engine/weights/fresh_weights.ts";
import { withMerged } from "../../../kernels/engine/weights/merged_weights.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import { type FreshKeys, freshStart } from "./from_scratch.ts";
import type { Ready } from "./ready.ts";

/** The model's weights with the merged adapters, or such as are drawn in their place. */
export function startingWeights(
  config: FreshKeys,
  opened: LoadedModel,
  { decoder, mergedFolders, placeOf }: Pick<Ready, "decoder" | "mergedFolders" | "placeOf">,
): { weights: LoadedModel["weights"]; fresh: Ready["fresh"] } {
  const weights = placed(
    placeOf("adapter_name_or_path"),
    () => withMerged(opened.weights, mergedFolders, decoder),
  );
  const fresh = placed(placeOf("train_from_scratch"), () => freshStart(opened, decoder, config));
  if (fresh === null) return { weights, fresh };
  weights.close();
  return { weights: freshWeights(fresh, decoder), fresh };
}
