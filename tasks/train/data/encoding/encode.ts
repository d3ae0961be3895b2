/**
 * Examples to token ids and labels, cut to `cutoff_len`: LLaMA-Factory's processors, and other ways to cut.
 *
 * A sequence is made of parts, runs of ids that are learnt or not; parts are what the store keeps, as the four sequences of
 * an IOPO quadruple share two prompts and two answers.
 * @module
 */
import { entryOf, lastOf, valueOf } from "../../../../formats/elements.ts";
import type { Tokenizer } from "../../../../formats/tokenizer/tokenizer.ts";
import type { Example, Message } from "../../../../plugins/kinds/dataset.ts";
import type { Loss } from "../../../../plugins/kinds/loss.ts";
import type { EncodedTurn, Template, TemplateConversation } from "../../../../plugins/kinds/template.ts";
import { cutWhole, isCutWhole } from "./cut_whole.ts";
import { countLabels, type Part } from "./parts.ts";
import { inferSeqlen } from "./seqlen.ts";
import { shorten } from "./shorten.ts";

/** An example as parts, sequence by sequence. */
export interface EncodedParts {
  /** In the order of the loss. */
  sequences: { name: string; parts: Part[] }[];
  /** Tokens and turns that were cut off. */
  cut: Cut;
}

/** Tokens that were cut off one example. */
export interface Cut {
  /** Tokens off prompts. */
  prompt: number;
  /** Tokens off answers. */
  answer: number;
  /** Whole turns left out. */
  turns: number;
}

/** Options of encoding. */
export interface EncodeOptions {
  /** Tokens of a sequence at most, > 0. */
  cutoff_len: number;
  /** Treatment of longer ones: cut anywhere, cut but never the assistant header, cut as a whole to their beginning or end, or dropped. */
  truncation: "llama_factory" | "keep_template" | "keep_start" | "keep_end" | "drop";
  /** sft: prompts are learnt too. */
  train_on_prompt: boolean;
  /** sft: only the last turn is learnt, and it is the last to be cut. */
  mask_history: boolean;
  /** sft: one answer to a whole conversation, for a model to answer itself. */
  predict_with_generate: boolean;
  /** pt: sequences are joined later and not cut here. */
  packing: boolean;
  /** pt: text that looks like a special token stays text. Templates have the option of their own. */
  split_special_tokens: boolean;
}

/**
 * Options as a configuration has them. With `packing` or `neat_packing` LLaMA-Factory takes one off `cutoff_len`, in every
 * stage but pt (there packing is the default, and the full length is used).
 */
export function encodeOptions(
  config: EncodeOptions & { neat_packing: boolean },
  shape: Example["shape"],
): EncodeOptions {
  const { cutoff_len, truncation, train_on_prompt, mask_history, packing, split_special_tokens } = config;
  const { predict_with_generate } = config;
  const less = (packing || config.neat_packing) && shape !== "text" && !predict_with_generate ? 1 : 0;
  const how = {
    truncation,
    train_on_prompt,
    mask_history,
    predict_with_generate,
    packing,
    split_special_tokens,
  };
  return { cutoff_len: cutoff_len - less, ...how };
}

/** Why an example gives nothing to learn from; the same words for the same reason. */
export interface NotEncoded {
  /** Short, without text of the record. */
  reason: string;
  /** The template's own words, with text of the record. */
  objection?: string;
}

/** Inputs of encoding beside the examples. */
export interface EncodeContext<T = Template | null> {
  /** Of the loss. */
  sequences: Loss["sequences"];
  /** null: stage pt without one. */
  template: T;
  /** As the template wants it. */
  tokenizer: Tokenizer;
  /** Rules of cutting, and of what is learnt. */
  options: EncodeOptions;
}

/**
 * Encodes one example as parts, which the store keeps and joins when they are read.
 * @returns Sequences by the names of the loss, or why there are none.
 * @throws {RangeError} If there is no template for conversations
 */
export function encodeParts(
  example: Example,
  { sequences, template, tokenizer, options }: EncodeContext,
): EncodedParts | NotEncoded {
  const { truncation, cutoff_len } = options, isWhole = isCutWhole(truncation);
  const using = { sequences, tokenizer, options: isWhole ? { ...options, cutoff_len: Infinity } : options };
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

/** Stage pt: the text and an end of text. LLaMA-Factory: `PretrainDatasetProcessor`. */
function encodeText(
  example: Example,
  { sequences, template, tokenizer, options }: EncodeContext,
): EncodedParts | NotEncoded {
  const cut = { prompt: 0, answer: 0, turns: 0 };
  const encoded: EncodedParts["sequences"] = [];
  for (const [name, [, answer]] of Object.entries(sequences)) {
    const text = entryOf(example.answers, answer).content;
    if (text === "") return { reason: "text is empty" };
    const own = template?.endOfText;
    const end = (own === undefined ? null : tokenizer.tokenToId(own)) ?? tokenizer.eosId;
    const start = addsBos(tokenizer) ? tokenizer.bosId : null;
    const special = !options.split_special_tokens;
    const body = tokenizer.encode(text, { special });
    let ids = [...(start === null ? [] : [start]), ...body, ...(end === null ? [] : [end])];
    if (!options.packing && ids.length > options.cutoff_len) {
      if (options.truncation === "drop") return { reason: "longer than cutoff_len" };
      cut.answer += ids.length - options.cutoff_len;
      ids = ids.slice(0, options.cutoff_len);
    }
    encoded.push({ name, parts: [{ ids, kind: 1 }] });
  }
  return { sequences: encoded, cut };
}

const bosFlags = new WeakMap<Tokenizer, boolean>();

/** `add_bos_token` of tokenizer_config.json. */
function addsBos(tokenizer: Tokenizer): boolean {
  let flag = bosFlags.get(tokenizer);
  if (flag === undefined) {
    const config = tokenizer.files()["tokenizer_config.json"];
    const text = typeof config === "string" ? config : new TextDecoder().decode(config ?? new Uint8Array());
    flag = text !== "" && (JSON.parse(text) as { add_bos_token?: unknown }).add_bos_token === true;
    bosFlags.set(tokenizer, flag);
  }
  return flag;
}

/** Stage sft: every answer of the conversation is learnt. LLaMA-Factory: `SupervisedDatasetProcessor`. */
function encodeTurns(
  example: Example,
  { sequences, template, tokenizer, options }: EncodeContext<Template>,
): EncodedParts | NotEncoded {
  const cut = { prompt: 0, answer: 0, turns: 0 };
  const encoded: EncodedParts["sequences"] = [];
  const eos = template.efficientEos ? [tokenizer.eosId ?? -1] : [];
  for (const [name, [prompt, answer]] of Object.entries(sequences)) {
    const messages = [...entryOf(example.prompts, prompt), entryOf(example.answers, answer)];
    const turns = template.encodeTurns(tokenizer, conversationOf(example, messages), {
      maskHistory: options.mask_history,
    });
    // a turn is two messages, what leads up to an answer and the answer
    const isLearnt = (turn: number) => messages[2 * turn + 1]?.learnt !== false;
    const isPromptLearnt = (turn: number) => options.train_on_prompt && messages[2 * turn]?.learnt !== false;
    if (!turns.some((_, turn) => isLearnt(turn))) return { reason: "no answer is to be learnt" };
    const total = turns.reduce((sum, { source, target }) => sum + source.length + target.length, eos.length);
    if (options.truncation === "drop" && total > options.cutoff_len) {
      return { reason: "longer than cutoff_len" };
    }
    const kept: Part[][] = [];
    let length = eos.length;
    const order = options.mask_history ? turns.toReversed() : turns;
    for (const [i, turn] of order.entries()) {
      if (length >= options.cutoff_len) {
        cut.turns += order.length - i;
        break;
      }
      const number = options.mask_history ? turns.length - 1 - i : i;
      const endsInSource = template.efficientEos && i > 0;
      const budget = options.cutoff_len - length;
      const lengths = inferSeqlen(turn.source.length, turn.target.length, budget);
      const source = shorten(turn.source, lengths[0], { template, tokenizer, options });
      if (source === null) {
        if (i === 0) return { reason: "cutoff_len leaves no room for the template" };
        cut.turns += order.length - i;
        break;
      }
      const target = turn.target.slice(0, lengths[1]);
      cut.prompt += turn.source.length - source.length;
      cut.answer += turn.target.length - target.length;
      length += source.length + target.length;
      kept.push([
        { ids: source, kind: isPromptLearnt(number) ? 1 : endsInSource && isLearnt(number - 1) ? 2 : 0 },
        { ids: target, kind: (options.mask_history && i > 0) || !isLearnt(number) ? 0 : 1 },
      ]);
    }
    const parts = (options.mask_history ? kept.reverse() : kept).flat();
    if (eos.length > 0) parts.push({ ids: eos, kind: isLearnt(turns.length - 1) ? 1 : 0 });
    encoded.push({ name, parts });
  }
  return { sequences: encoded, cut };
}

/**
 * Stages dpo, kto and iopo, and predictions: one answer to a whole conversation. All prompts and answers of an example are cut to the same
 * lengths, found from the longest ones (LLaMA-Factory: `PairwiseDatasetProcessor`, and the authors' IOPO); kto's are cut
 * sequence by sequence (`FeedbackDatasetProcessor`), and so are those of predictions (`UnsupervisedDatasetProcessor`).
 */
function encodePairs(
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

function conversationOf(
  { system, tools, variables }: Example,
  messages: readonly Message[],
): TemplateConversation {
  return { messages, system, tools, ...(variables !== undefined && { variables }) };
}
