/**
 * The meaning of `additional_target`, once for what trains, checks and estimates.
 * @module
 */
import { didYouMean } from "../../../formats/did_you_mean.ts";
import { matchTargets, savedTensors } from "../../../formats/peft/mod.ts";
import { moduleShapes, tensorShapes } from "../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { type LoraTargetKeys, targetModules } from "./lora_targets.ts";

/** Keys that say what is trained beside adapters. */
export type WholeTargetKeys = LoraTargetKeys & { additional_target: readonly string[] };

/** Both embeddings, which LLaMA-Factory trains where it has changed the vocabulary. */
export const BOTH_EMBEDDINGS: readonly string[] = ["embed_tokens", "lm_head"];

/**
 * Makes sure that every name of `additional_target` means modules that can be trained whole.
 * @throws {RangeError} If one means no module with weights of its own, or one that gets an adapter as well
 */
export function checkWholeTargets(keys: WholeTargetKeys, decoder: DecoderConfig): void {
  if (keys.additional_target.length === 0) return;
  const tensors = tensorShapes({ ...decoder, tieWordEmbeddings: false });
  const modules = [...tensors.keys()].map((name) => name.replace(/\.(weight|bias)$/, ""));
  const known = [...new Set(modules.map((name) => name.slice(name.lastIndexOf(".") + 1)))];
  const linear = [...moduleShapes(decoder).keys()];
  const adapted = matchTargets({ targetModules: targetModules(keys, linear) }, linear);
  for (const name of keys.additional_target) {
    const found = [...savedTensors([name], tensors).keys()];
    if (found.length === 0) {
      throw new RangeError(
        `Cannot train module "${name}" whole${
          didYouMean(name, known)
        }: with weights of their own the model has ${known.join(", ")}`,
      );
    }
    const both = adapted.find((module) => found.includes(`${module}.weight`));
    if (both === undefined) continue;
    throw new RangeError(
      `Cannot train module "${name}" whole as ${both} gets an adapter as well: take it out of lora_target (current value is ${
        keys.lora_target.join(", ")
      }), or of additional_target`,
    );
  }
}
