/**
 * The model that `ref_model` names, made ready as a run's reference.
 * @module
 */
import { createHash } from "node:crypto";

import { bounded, shown } from "../../formats/message.ts";
import { configHash, openModel } from "../../formats/hf_model/mod.ts";
import { resolveAdapters, type ResolveOptions } from "../../formats/hub/mod.ts";
import { baseDifference, readAdapter, TRAINED_FIELDS } from "../../formats/peft/mod.ts";
import type { Tokenizer } from "../../formats/tokenizer/tokenizer.ts";
import { moduleShapes } from "../../kernels/engine/decoder.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder_config.ts";
import { withMerged } from "../../kernels/engine/merged_weights.ts";
import { placed } from "../../plugins/kinds/place.ts";
import type { ReferenceModel } from "../../plugins/kinds/trainer.ts";
import type { LoadedModel } from "../../formats/hf_model/loaded_model.ts";
import type { TrainConfig } from "./config/mod.ts";

/** Keys that say what the reference is. */
export type ReferenceKeys = Partial<
  Pick<TrainConfig, "ref_model" | "ref_model_adapters" | "ref_model_quantization_bit">
>;

/** Inputs of {@linkcode prepareReference} besides its keys. */
export interface ReferenceInputs {
  /** Of requests to the hub, the revision too. */
  hub: ResolveOptions;
  /** The policy's tokenizer as its files have it, which encodes the data. */
  tokenizer: Tokenizer;
  /** A model's config.json with what the run's keys change in it, which LLaMA-Factory hands on to the reference, too. */
  configOf(model: LoadedModel): Record<string, unknown>;
  /** Reads a model's config.json by its family. */
  parse(model: LoadedModel): DecoderConfig;
  /** The policy with what is merged into it, where its own pass with the adapter off gives the same; null: nothing is switched off. */
  policy: { model: LoadedModel; quantizationBit: 4 | 8 | null } | null;
  placeOf(key: string): string;
}

/** A reference and what is to be said of it. */
export interface PreparedReference {
  /** null: the policy itself, its adapter off. */
  reference: ReferenceModel | null;
  notes: string[];
}

/**
 * Opens `ref_model` with its adapters; null where it names none.
 * @throws {RangeError} If it can't be read, an adapter doesn't fit it, or its tokens aren't the policy's; says where the key was written
 */
export async function prepareReference(
  { ref_model: name = null, ref_model_adapters: named = [], ref_model_quantization_bit: bits = null }:
    ReferenceKeys,
  { hub, tokenizer, configOf, parse, policy, placeOf }: ReferenceInputs,
): Promise<PreparedReference | null> {
  if (name === null) return null;
  const found = await placed(placeOf("ref_model"), () => openModel(name, hub));
  const config = configOf(found);
  // here the tokenizer is loaded
  const opened = placed(placeOf("ref_model"), () => ({ ...found, config }));
  const decoder = await placed(placeOf("ref_model"), () => {
    checkVocabulary(name, tokenizer, opened.tokenizer);
    return parse(opened);
  });
  const folders = await placed(placeOf("ref_model_adapters"), () => resolveAdapters([...named], hub));
  // beside weights in few bits an adapter stays as it is, there as in LLaMA-Factory
  const [adapter = null] = bits === null ? [] : folders, merged = bits === null ? folders : [];
  const { weights, hash } = placed(placeOf("ref_model_adapters"), () => {
    if (adapter !== null) readAdapter(adapter, moduleShapes(decoder), decoder.moduleRoot, TRAINED_FIELDS);
    const all = withMerged(opened.weights, folders, decoder);
    return { weights: adapter === null ? all : opened.weights, hash: all.hash() };
  });
  const notes = folders.flatMap((folder) => baseDifference(folder, name) ?? [])
    .map((difference) => `ref_model_adapters: ${difference}`);
  // a pass of its own would differ from the policy's by rounding, which counts as right or wrong answers
  if (
    policy !== null && adapter === null && bits === policy.quantizationBit &&
    hash === policy.model.weights.hash() && configHash(opened) === configHash(policy.model)
  ) {
    weights.close();
    notes.push(
      `ref_model: ${name} is the model that is trained, so its adapter is switched off for the reference`,
    );
    return { reference: null, notes };
  }
  const identity = createHash("sha256");
  identity.update(JSON.stringify([hash, configHash(opened), bits]));
  return {
    reference: {
      model: { ...opened, weights },
      decoder,
      merged,
      adapter,
      quantizationBit: bits,
      hash: identity.digest("hex"),
    },
    notes,
  };
}

/**
 * Makes sure that token ids mean the same to both models. Tokens that only one of them has are left to the rows of the data.
 * @throws {RangeError} If an id is another token there: names the first one
 */
function checkVocabulary(name: string, policy: Tokenizer, reference: Tokenizer): void {
  for (let id = 0; id < Math.min(policy.vocabSize, reference.vocabSize); id++) {
    const [here, there] = [policy.idToToken(id), reference.idToToken(id)];
    if (here === there || here === null || there === null) continue;
    const [mine, its] = [here, there].map((token) => bounded(shown(token)));
    throw new RangeError(
      `Cannot take ${name} as the reference as it needs the tokens of model_name_or_path: current value of token ${id} is ${its}, there ${mine}; ` +
        "name a model with the same tokenizer",
    );
  }
}
