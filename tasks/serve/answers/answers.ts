/**
 * The answers to one prompt while they are made: what became certain of each, token by token.
 * @module
 */
import type {
  Generated,
  PromptTokenLogprobs,
  Sampling,
  TokenDetails,
  TokenLogprobs,
} from "../../../kernels/engine/generate/generator.ts";
import { TextStream } from "../../../kernels/engine/generate/answer/text.ts";
import { decodeShowing, specialOf } from "../../../plugins/endpoints/local/shown_text.ts";
import type { Tokenizer } from "../../../formats/tokenizer/mod.ts";
import type { ServedModel } from "../models.ts";

/** News of one answer. */
export interface AnswerNews {
  /** Number of the answer, from 0. */
  index: number;
  /** Text that became certain. */
  text: string;
  /** Of the tokens since the last news, where they were asked for. */
  logprobs: TokenLogprobs[];
  /** Of the prompt's tokens behind the first, where they were asked for, with the first token of answer 0. */
  promptLogprobs?: PromptTokenLogprobs[] | null;
  /** With its last token; null: more come. */
  end: Pick<Generated, "finish" | "stop"> | null;
}

/** One answer, whole. */
export interface WholeAnswer
  extends Pick<Generated, "finish" | "stop" | "ids" | "promptTokens" | "cachedTokens"> {
  /** Its text, with the special tokens that are shown. */
  text: string;
  /** Where they were asked for. */
  logprobs: TokenLogprobs[];
  /** Of the prompt's tokens behind the first, where they were asked for; of answer 0. */
  promptLogprobs: PromptTokenLogprobs[] | null;
}

/** A prompt with its sampling, ready for the generator. */
export interface PromptAsked {
  /** The model that answers. */
  model: ServedModel;
  /** Ids, template applied. */
  prompt: readonly number[];
  /** With `n`. */
  sampling: Partial<Sampling>;
  /** Special tokens that are shown in texts, such as tags around thoughts. */
  shown: readonly string[];
}

/**
 * Makes the answers.
 * @param onNews Called for every token, in the order in which they come; absent: nobody listens
 * @throws As `Generator.generateAll`
 */
export async function makeAnswers(
  asked: PromptAsked,
  onNews: ((news: AnswerNews) => void) | undefined,
  signal: AbortSignal,
): Promise<WholeAnswer[]> {
  const { model, prompt, sampling } = asked;
  const readers = new Map<number, NewsReader>();
  const readerOf = (index: number) => {
    const reader = readers.get(index) ?? new NewsReader(asked);
    readers.set(index, reader);
    return reader;
  };
  const onToken = onNews &&
    ((id: number, _: string, { index, logprobs, promptLogprobs, end }: TokenDetails) => {
      onNews({ index, promptLogprobs, ...readerOf(index).read(id, logprobs, end) });
    });
  const generated = await model.generate(prompt, sampling, onToken, signal);
  const special = specialOf(model.local.tokenizer, asked.shown);
  return generated.map((answer) => {
    const stream = textStream(model.local.tokenizer, special, sampling);
    const ids = answer.ids.filter((id, i) => !(i === answer.ids.length - 1 && id === answer.stop));
    for (const id of ids) stream.push(id);
    stream.end();
    const { finish, stop, promptTokens, cachedTokens } = answer;
    return {
      text: stream.text,
      logprobs: answer.logprobs ?? [],
      promptLogprobs: answer.promptLogprobs,
      ids: answer.ids,
      finish,
      stop,
      promptTokens,
      cachedTokens,
    };
  });
}

/** The news that a whole answer came by, token by token. */
export function newsOf(asked: PromptAsked, answer: WholeAnswer): AnswerNews[] {
  const reader = new NewsReader(asked), last = answer.ids.length - 1;
  return answer.ids.map((id, i) => ({
    index: 0,
    ...reader.read(id, answer.logprobs[i] ?? null, i === last ? answer : null),
  }));
}

/** Reads the tokens of one answer. */
class NewsReader {
  readonly #stream: TextStream;
  readonly #endIds: ReadonlySet<number>;

  constructor({ model: { local }, sampling, shown }: PromptAsked) {
    this.#stream = textStream(local.tokenizer, specialOf(local.tokenizer, shown), sampling);
    const { endIds: own } = local.generator.info;
    this.#endIds = new Set([...sampling.ignore_eos ? [] : own, ...sampling.stop_ids ?? []]);
  }

  read(
    id: number,
    logprobs: TokenLogprobs | null,
    end: AnswerNews["end"],
  ): Omit<AnswerNews, "index" | "promptLogprobs"> {
    const text = this.#endIds.has(id) ? "" : this.#stream.push(id),
      rest = end === null ? "" : this.#stream.end();
    return { text: text + rest, logprobs: logprobs === null ? [] : [logprobs], end };
  }
}

function textStream(
  tokenizer: Tokenizer,
  special: ReadonlyMap<number, string>,
  { stop = [], min_tokens = 0 }: Partial<Sampling>,
): TextStream {
  return new TextStream((ids) => decodeShowing(tokenizer, ids, special), stop, min_tokens);
}
