/**
 * The model that `ref_model` names, made ready as a run's reference.
 * @module
 */
import { createHash } from "node:crypto";

import { bounded, shown } from "../../../formats/message.ts";
import { configHash, openModel } from "../../../formats/hf_model/mod.ts";
import type { LoadedModel } from "../../../formats/hf_model/loaded_model.ts";
import { resolveAdapters, type ResolveOptions } from "../../../formats/hub/mod.ts";
import { baseDifference, readAdapter } from "../../../formats/peft/mod.ts";
import type { Tokenizer } from "../../../formats/tokenizer/tokenizer.ts";
import { moduleShapes, tensorShapes } from "../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { withMerged } from "../../../kernels/engine/weights/merged_weights.ts";
import type { Loss } from "../../../plugins/kinds/loss.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import type { ReferenceModel } from "../../../plugins/kinds/trainer.ts";
import type { TrainConfig } from "../config/mod.ts";

/** Keys that say what the reference is, and if the policy with its adapter off is the model below it. */
export type ReferenceKeys =
  & Pick<TrainConfig, "loss" | "finetuning_type" | "trainer">
  & Partial<
    Pick<
      TrainConfig,
      "ref_model" | "ref_model_adapters" | "ref_model_quantization_bit" | "quantization_bit" | "pissa_init"
    >
  >;

/** Inputs of {@linkcode prepareReference} besides its keys. */
export interface ReferenceInputs {
  /** The run's. */
  loss: Pick<Loss, "needsReference">;
  /** Of requests to the hub, the revision too. */
  hub: ResolveOptions;
  /** The policy's tokenizer as its files have it, which encodes the data. */
  tokenizer: Tokenizer;
  /** A model's config.json with what the run's keys change in it, which LLaMA-Factory hands on to the reference, too. */
  configOf(model: LoadedModel): Record<string, unknown>;
  /** Reads a model's config.json by its family. */
  parse(model: LoadedModel): DecoderConfig;
  /** The policy with what is merged into it. */
  policy: LoadedModel;
  placeOf(key: string): string;
}

/** A reference and what is to be said of it. */
export interface PreparedReference {
  /** null: the policy itself as it begins, or there is none. */
  reference: ReferenceModel | null;
  notes: string[];
}

/**
 * Opens `ref_model` with its adapters, if the loss has a reference and the key names one.
 * @throws {RangeError} If it can't be read, an adapter doesn't fit it, or its tokens aren't the policy's; says where the key was written
 */
export async function prepareReference(
  config: ReferenceKeys,
  inputs: ReferenceInputs,
): Promise<PreparedReference> {
  const { ref_model: name = null, ref_model_quantization_bit: bits = null } = config;
  if (name === null) return { reference: null, notes: [] };
  if (!inputs.loss.needsReference) return { reference: null, notes: unusedNotes(config.loss) };
  const opened = await openReference(name, config, inputs);
  const { model, decoder, folders, adapter, hash } = opened;
  const notes = folders.flatMap((folder) => baseDifference(folder, name) ?? [])
    .map((difference) => `ref_model_adapters: ${difference}`);
  if (isPolicy(opened, bits, config, inputs.policy)) {
    model.weights.close();
    notes.push(
      `ref_model: ${name} is the model that is trained, so its adapter is switched off for the reference`,
    );
    return { reference: null, notes };
  }
  const identity = createHash("sha256");
  identity.update(JSON.stringify([hash, configHash(model), bits]));
  const merged = adapter === null ? folders : [];
  return {
    reference: { model, decoder, merged, adapter, quantizationBit: bits, hash: identity.digest("hex") },
    notes,
  };
}

/** A reference's model with what is merged into it. */
interface OpenedReference {
  model: LoadedModel;
  decoder: DecoderConfig;
  folders: string[];
  /** That of the folders which isn't merged. */
  adapter: string | null;
  /** Of the weights with all adapters. */
  hash: string;
}

async function openReference(
  name: string,
  { ref_model_adapters: named = [], ref_model_quantization_bit: bits = null }: ReferenceKeys,
  { hub, tokenizer, configOf, parse, placeOf }: ReferenceInputs,
): Promise<OpenedReference> {
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
  const [adapter = null] = bits === null ? [] : folders;
  const { weights, hash } = placed(placeOf("ref_model_adapters"), () => {
    if (adapter !== null) {
      readAdapter(adapter, moduleShapes(decoder), decoder.moduleRoot, tensorShapes(decoder));
    }
    const all = withMerged(opened.weights, folders, decoder);
    return { weights: adapter === null ? all : opened.weights, hash: all.hash() };
  });
  return { model: { ...opened, weights }, decoder, folders, adapter, hash };
}

/**
 * True if a pass of the policy with its adapter off is the reference's: PiSSA takes from the model below, PyTorch's 4 bits are the policy's
 * alone. A pass of its own would differ by rounding, which counts as right or wrong answers.
 */
function isPolicy(
  { model, adapter, hash }: OpenedReference,
  bits: 4 | 8 | null,
  { finetuning_type, pissa_init = false, trainer, quantization_bit = null }: ReferenceKeys,
  policy: LoadedModel,
): boolean {
  const isSwitchedOff = finetuning_type === "lora" && !pissa_init && trainer === "local";
  return isSwitchedOff && adapter === null && bits === quantization_bit &&
    hash === policy.weights.hash() && configHash(model) === configHash(policy);
}

function unusedNotes(loss: string | null): string[] {
  return loss === null ? [] : [`ref_model: not used, as loss: ${loss} has no reference`];
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
