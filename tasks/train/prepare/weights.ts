/**
 * The weights that a run begins with.
 * @module
 */
import type { LoadedModel } from "../../../formats/hf_model/loaded_model.ts";
import { storedDecoder, withEmbeddingChange } from "../../../kernels/engine/weights/embedding_change.ts";
import { freshWeights } from "../../../kernels/engine/weights/fresh_weights.ts";
import { withMerged } from "../../../kernels/engine/weights/merged_weights.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import { type FreshKeys, freshStart } from "./from_scratch.ts";
import type { Ready } from "./ready.ts";

/** The model's weights with the merged adapters, or such as are drawn in their place. */
export function startingWeights(
  config: FreshKeys,
  opened: LoadedModel,
  { decoder, embeddings, mergedFolders, placeOf }: Pick<
    Ready,
    "decoder" | "embeddings" | "mergedFolders" | "placeOf"
  >,
): { weights: LoadedModel["weights"]; fresh: Ready["fresh"] } {
  const weights = placed(
    placeOf("adapter_name_or_path"),
    () => withMerged(withEmbeddingChange(opened.weights, embeddings, decoder), mergedFolders, decoder),
  );
  const stored = storedDecoder(decoder, embeddings);
  const fresh = placed(placeOf("train_from_scratch"), () => freshStart(opened, stored, config));
  if (fresh === null) return { weights, fresh };
  weights.close();
  return { weights: withEmbeddingChange(freshWeights(fresh, stored), embeddings, decoder), fresh };
}
