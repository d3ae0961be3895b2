/**
 * Drafts: several tokens of a greedy answer by one run, where its text repeats itself.
 * @module
 */
import { item, lastOf } from "../../../../formats/elements.ts";
import type { RunningAnswer } from "../answer/answer.ts";
import type { BatchEngine } from "./batch_engine.ts";
import { lookUp } from "../answer/lookup.ts";

/**
 * Runs a draft behind the last token of the only answer, and keeps the tokens that the model would have chosen.
 * @returns Whether there was a draft; if not, nothing has run
 */
export async function speculate(engine: BatchEngine, answer: RunningAnswer): Promise<boolean> {
  const { sampler, draft: length } = answer.parts;
  if (!engine.extend || !engine.rewind || sampler.sampling.temperature !== 0 || answer.needsLogits) {
    return false;
  }
  const draft = lookUp(answer.tokens, Math.min(length.length, answer.room - 1));
  if (draft.length === 0) return false;
  const outlooks = await engine.extend([lastOf(answer.tokens), ...draft], false);
  let right = 0;
  for (; right <= draft.length && !answer.done; right++) {
    answer.take(item(outlooks, right));
    if (right === draft.length || lastOf(answer.tokens) !== draft[right]) break;
  }
  length.learn(right, draft.length);
  engine.rewind(draft.length - right);
  return true;
}
