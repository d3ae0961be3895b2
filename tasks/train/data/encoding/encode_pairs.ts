/**
 * Whole conversations with one answer each, of a preference or to predict.
 * @module
 */
import { entryOf, lastOf, valueOf } from "../../../../formats/elements.ts";
import type { Tokenizer } from "../../../../formats/tokenizer/tokenizer.ts";
import type { Example, Message } from "../../../../plugins/kinds/dataset.ts";
import type { EncodedTurn, Template } from "../../../../plugins/kinds/template.ts";
import { conversationOf, type EncodeContext, type EncodedParts, type NotEncoded } from "./encoding.ts";
import { inferSeqlen } from "./seqlen.ts";
import { shorten } from "./shorten.ts";

/**
 * Stages dpo, kto and iopo, and predictions: one answer to a whole conversation. All prompts and answers of an example are cut to the same
 * lengths, found from the longest ones (LLaMA-Factory: `PairwiseDatasetProcessor`, and the authors' IOPO); kto's are cut
 * sequence by sequence (`FeedbackDatasetProcessor`), and so are those of predictions (`UnsupervisedDatasetProcessor`).
 */
export function encodePairs(
  example: Example,
  using: EncodeContext<Template>,
): EncodedParts | NotEncoded {
  const { sequences, template, tokenizer, options } = using;
  const cut = { prompt: 0, answer: 0, turns: 0 };
  const { sources, targets } = encodePieces(example, using);
  const longest = (pieces: Map<string, number[]>) =>
    Math.max(...[...pieces.values()].map((ids) => ids.length));
  const shared = inferSeqlen(longest(sources), longest(targets), options.cutoff_len);
  const isTooLong = longest(sources) + longest(targets) > options.cutoff_len;
  if (options.truncation === "drop" && isTooLong) return { reason: "longer than cutoff_len" };
  const encoded: EncodedParts["sequences"] = [];
  for (const [name, [prompt, answer]] of Object.entries(sequences)) {
    const [source, target] = [valueOf(sources, prompt), valueOf(targets, answer)];
    const lengths = example.shape === "kto"
      ? inferSeqlen(source.length, target.length, options.cutoff_len)
      : shared;
    const shortened = shorten(source, lengths[0], { template, tokenizer, options });
    if (shortened === null) return { reason: "cutoff_len leaves no room for the template" };
    const kept = target.slice(0, lengths[1]);
    cut.prompt += source.length - shortened.length;
    cut.answer += target.length - kept.length;
    encoded.push({ name, parts: [{ ids: shortened, kind: 0 }, { ids: kept, kind: 1 }] });
  }
  return { sequences: encoded, cut };
}

/** Each prompt and each answer once. */
function encodePieces(
  example: Example,
  { sequences, template, tokenizer }: EncodeContext<Template>,
): { sources: Map<string, number[]>; targets: Map<string, number[]> } {
  const sources = new Map<string, number[]>();
  const targets = new Map<string, number[]>();
  const encode = (prompt: string, answer: string) => {
    const messages = [...entryOf(example.prompts, prompt), entryOf(example.answers, answer)];
    const turn = oneTurn(template, tokenizer, messages, example);
    if (!sources.has(prompt)) sources.set(prompt, turn.source);
    targets.set(answer, template.efficientEos ? [...turn.target, tokenizer.eosId ?? -1] : turn.target);
  };
  const pairs = Object.values(sequences);
  // an answer with a prompt that is still to do gives both at once
  for (const [prompt, answer] of pairs) {
    if (!sources.has(prompt) && !targets.has(answer)) encode(prompt, answer);
  }
  for (const [prompt, answer] of pairs) {
    if (!sources.has(prompt) || !targets.has(answer)) encode(prompt, answer);
  }
  return { sources, targets };
}

function oneTurn(
  template: Template,
  tokenizer: Tokenizer,
  messages: Message[],
  example: Example,
): EncodedTurn {
  const conversation = conversationOf(example, messages);
  const turns = template.encodeOneTurn?.(tokenizer, conversation) ??
    template.encodeTurns(tokenizer, conversation);
  const last = lastOf(turns);
  const before = turns.slice(0, -1).flatMap(({ source, target }) => [...source, ...target]);
  return { source: [...before, ...last.source], target: last.target };
}
