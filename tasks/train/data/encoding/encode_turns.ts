/**
 * Conversations of stage sft, turn by turn.
 * @module
 */
import { entryOf } from "../../../../formats/elements.ts";
import type { Example, Message } from "../../../../plugins/kinds/dataset.ts";
import type { EncodedTurn, Template } from "../../../../plugins/kinds/template.ts";
import type { EncodeOptions } from "./encode_options.ts";
import {
  conversationOf,
  type Cut,
  type EncodeContext,
  type EncodedParts,
  type NotEncoded,
} from "./encoding.ts";
import type { Part } from "./parts.ts";
import { inferSeqlen } from "./seqlen.ts";
import { shorten } from "./shorten.ts";

/** Stage sft: every answer of the conversation is learnt. LLaMA-Factory: `SupervisedDatasetProcessor`. */
export function encodeTurns(example: Example, context: EncodeContext<Template>): EncodedParts | NotEncoded {
  const { sequences, template, tokenizer, options } = context;
  const cut = { prompt: 0, answer: 0, turns: 0 };
  const encoded: EncodedParts["sequences"] = [];
  const eos = template.efficientEos ? [tokenizer.eosId ?? -1] : [];
  for (const [name, [prompt, answer]] of Object.entries(sequences)) {
    const messages = [...entryOf(example.prompts, prompt), entryOf(example.answers, answer)];
    const turns = template.encodeTurns(tokenizer, conversationOf(example, messages), {
      maskHistory: options.mask_history,
    });
    const learnt = learntTurns(messages, options);
    if (!turns.some((_, turn) => learnt.answer(turn))) return { reason: "no answer is to be learnt" };
    const total = turns.reduce((sum, { source, target }) => sum + source.length + target.length, eos.length);
    if (options.truncation === "drop" && total > options.cutoff_len) {
      return { reason: "longer than cutoff_len" };
    }
    const kept = keepTurns(turns, context, { learnt, cut, reserved: eos.length });
    if (kept === null) return { reason: "cutoff_len leaves no room for the template" };
    const parts = kept.flat();
    if (eos.length > 0) parts.push({ ids: eos, kind: learnt.answer(turns.length - 1) ? 1 : 0 });
    encoded.push({ name, parts });
  }
  return { sequences: encoded, cut };
}

/** Says of each turn whether its prompt and its answer are learnt. */
interface LearntTurns {
  prompt(turn: number): boolean;
  answer(turn: number): boolean;
}

/** A turn is two messages, what leads up to an answer and the answer. */
function learntTurns(messages: readonly Message[], { train_on_prompt }: EncodeOptions): LearntTurns {
  return {
    prompt: (turn) => train_on_prompt && messages[2 * turn]?.learnt !== false,
    answer: (turn) => messages[2 * turn + 1]?.learnt !== false,
  };
}

/**
 * Parts of the turns that fit in `cutoff_len`, in the conversation's order: from its beginning on, or with `mask_history` from its end.
 * @param cut Gets what doesn't fit
 * @param reserved Tokens that are left free
 * @returns null: not even the first one's template fits
 */
function keepTurns(
  turns: readonly EncodedTurn[],
  { template, tokenizer, options }: EncodeContext<Template>,
  { learnt, cut, reserved }: { learnt: LearntTurns; cut: Cut; reserved: number },
): Part[][] | null {
  const kept: Part[][] = [];
  let length = reserved;
  const order = options.mask_history ? turns.toReversed() : turns;
  for (const [i, turn] of order.entries()) {
    if (length >= options.cutoff_len) {
      cut.turns += order.length - i;
      break;
    }
    const number = options.mask_history ? turns.length - 1 - i : i;
    const endsInSource = template.efficientEos && i > 0;
    const lengths = inferSeqlen(turn.source.length, turn.target.length, options.cutoff_len - length);
    const source = shorten(turn.source, lengths[0], { template, tokenizer, options });
    if (source === null) {
      if (i === 0) return null;
      cut.turns += order.length - i;
      break;
    }
    const target = turn.target.slice(0, lengths[1]);
    cut.prompt += turn.source.length - source.length;
    cut.answer += turn.target.length - target.length;
    length += source.length + target.length;
    kept.push([
      { ids: source, kind: learnt.prompt(number) ? 1 : endsInSource && learnt.answer(number - 1) ? 2 : 0 },
      { ids: target, kind: (options.mask_history && i > 0) || !learnt.answer(number) ? 0 : 1 },
    ]);
  }
  return options.mask_history ? kept.reverse() : kept;
}
