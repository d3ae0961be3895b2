/**
 * Examples to token ids and labels, cut to `cutoff_len`: LLaMA-Factory's processors, and other ways to cut.
 *
 * A sequence is made of parts, runs of ids that are learnt or not; parts are what the store keeps, as the four sequences of
 * an IOPO quadruple share two prompts and two answers.
 * @module
 */
import type { Example } from "../../../../plugins/kinds/dataset.ts";
import { cutWhole, isCutWhole } from "./cut_whole.ts";
import { encodePairs } from "./encode_pairs.ts";
import { encodeText } from "./encode_text.ts";
import { encodeTurns } from "./encode_turns.ts";
import type { EncodeContext, EncodedParts, NotEncoded } from "./encoding.ts";
import { countLabels } from "./parts.ts";

/**
 * Encodes one example as parts, which the store keeps and joins when they are read.
 * @returns Sequences by the names of the loss, or why there are none.
 * @throws {RangeError} If there is no template for conversations
 */
export function encodeParts(
  example: Example,
  { sequences, template, tokenizer, options }: EncodeContext,
): EncodedParts | NotEncoded {
  const { cutoff_len } = options;
  // what is cut off a prompt would be judged all the same
  const truncation = example.shape === "prompt" ? "drop" : options.truncation;
  const isWhole = isCutWhole(truncation);
  const using = {
    sequences,
    tokenizer,
    options: { ...options, truncation, ...(isWhole && { cutoff_len: Infinity }) },
  };
  let encoded: EncodedParts | NotEncoded;
  if (example.shape === "text") encoded = encodeText(example, { ...using, template });
  else if (template === null) {
    throw new RangeError("Cannot encode conversations as a template is needed: current value is null");
  } else if (example.shape === "single" && !options.predict_with_generate) {
    encoded = encodeTurns(example, { ...using, template });
  } else encoded = encodePairs(example, { ...using, template });
  if ("reason" in encoded) return encoded;
  // texts of packed rows are joined first
  const isJoined = example.shape === "text" && options.packing;
  if (isWhole && !isJoined) encoded = cutWhole(encoded, cutoff_len, truncation);
  if (isWhole && options.predict_with_generate && !encoded.sequences.every(hasPrompt)) {
    return { reason: "cut to cutoff_len, no prompt token is left" };
  }
  for (const { parts } of encoded.sequences) {
    if (countLabels(parts) > 0) continue;
    const { cut } = encoded;
    const wasCut = cut.prompt + cut.answer + cut.turns > 0;
    return { reason: wasCut ? "cut to cutoff_len, no answer token is left" : "answer has no tokens" };
  }
  return encoded;
}

/** True if something is left to answer. */
function hasPrompt({ parts }: EncodedParts["sequences"][number]): boolean {
  return parts.some(({ ids, kind }) => kind === 0 && ids.length > 0);
}
