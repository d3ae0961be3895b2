/**
 * A run made ready up to its model, template and loss.
 * @module
 */
import type { LoadedModel } from "../../../formats/hf_model/loaded_model.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import type { EmbeddingChange } from "../../../kernels/engine/weights/embedding_change.ts";
import type { FreshStart } from "../../../kernels/engine/weights/fresh_weights.ts";
import type { Loss } from "../../../plugins/kinds/loss.ts";
import type { Template } from "../../../plugins/kinds/template.ts";
import type { ReferenceModel } from "../../../plugins/kinds/trainer.ts";
import type { UsedPlugin } from "../config/mod.ts";
import type { PreparedRewards } from "./rewards.ts";

/** A model and the rest of what encoding needs. */
export interface Ready {
  /** With the tokenizer as the template wants it. */
  model: LoadedModel;
  /** The model's config.json as its family reads it, with what `embeddings` changes. */
  decoder: DecoderConfig;
  /** How embedding and head differ from those of the model's files, which its weights are with; null: they don't. */
  embeddings: EmbeddingChange | null;
  /** Modules that are trained whole beside new adapters, by endings of their names. */
  additionalTarget: string[];
  /** Folder of the adapter that is trained on, downloaded if it is the hub's; none: a new one. */
  adapterFolders: string[];
  /** Folders of the adapters that are merged into the model, in turn: its weights are those with them. */
  mergedFolders: string[];
  /** The weights are these, drawn; null: the model's own. */
  fresh: FreshStart | null;
  /** null only in stage pt. */
  template: Template | null;
  /** Jinja text that renders what is trained, to be saved with it; null: the tokenizer has none. */
  chatTemplate: string | null;
  /** Sequences of an example, and the formula over them. */
  loss: Loss;
  /** Stage grpo: what rewards answers; null in other stages. */
  rewards: PreparedRewards | null;
  /** The model of `ref_model`, if the loss has a reference and it is another model; null: that is the policy as it begins. */
  reference: ReferenceModel | null;
  /** Plugins that take part, for run.yaml. */
  used: UsedPlugin[];
  /** Notes for the start. */
  notes: string[];
  /** Where a key was written. */
  placeOf(key: string): string;
}
