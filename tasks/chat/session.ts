/**
 * A conversation with one model, or the same conversation with several side by side.
 * @module
 */
import { dirname, resolve } from "@std/path";

import { writeFileAtomicSync } from "../../formats/atomic.ts";
import { exists } from "../../formats/exists.ts";
import { openedBy } from "../../plugins/endpoints/local/shown_text.ts";
import type { Message } from "../../plugins/kinds/dataset.ts";
import { THOUGHT_TAGS } from "../../plugins/kinds/thoughts/thoughts.ts";
import { AnswerReader } from "../serve/reading/answer_reader.ts";
import { makeAnswers } from "../serve/answers/answers.ts";
import type { SamplingRequest } from "../serve/fields/fields.ts";
import type { ServedModel } from "../serve/models.ts";
import { requestSampling } from "../serve/sampling.ts";

/** Told of answers while they come. */
export interface AnswerSink {
  /** More of what a side thinks. */
  thought(side: number, text: string): void;
  /** More of what a side says. */
  said(side: number, text: string): void;
  /** A side has ended, and why if it isn't whole. */
  ended(side: number, note: string | null): void;
}

/** Options of a conversation. */
export interface ChatSessionOptions {
  /** Fields of requests, as the server knows them. */
  sampling: SamplingRequest;
  /** "" for none: the template's own. */
  system: string;
}

interface Side {
  model: ServedModel;
  /** User and assistant in turn. */
  messages: Message[];
  /** True if the last two are the last question and what was said to it. */
  hasLast: boolean;
}

/** A conversation. Each side goes on from its own answers. */
export class ChatSession {
  readonly #sides: Side[];
  #system: string;
  /** Files that this conversation wrote. */
  readonly #saved = new Set<string>();
  /** Times that the last answer was asked for again: with a seed, another answer each time. */
  #tries = 0;
  /** The last question, answered or not. */
  #asked: string | null = null;

  /** @param models One, or several that are asked the same */
  constructor(models: readonly ServedModel[], readonly options: ChatSessionOptions) {
    this.#sides = models.map((model) => ({ model, messages: [], hasLast: false }));
    this.#system = options.system;
  }

  /** Names of the sides. */
  get names(): string[] {
    return this.#sides.map(({ model }) => model.id);
  }

  /** Starts over with a system text. */
  setSystem(text: string): void {
    this.#system = text;
    this.clear();
  }

  /** Forgets what was said. */
  clear(): void {
    this.#asked = null;
    for (const side of this.#sides) {
      side.messages = [];
      side.hasLast = false;
    }
  }

  /**
   * Asks every side. What a side has said when the signal fires is its answer; a side that said nothing forgets the question.
   * @throws {RangeError} If the conversation fills the context
   */
  async ask(text: string, sink: AnswerSink, signal: AbortSignal): Promise<void> {
    this.#tries = 0;
    this.#asked = text;
    for (const side of this.#sides) side.hasLast = false;
    await this.#ask(text, sink, signal);
  }

  /**
   * Asks the last question again.
   * @throws {RangeError} If nothing was asked yet
   */
  async retry(sink: AnswerSink, signal: AbortSignal): Promise<void> {
    if (this.#asked === null) throw new RangeError("Cannot ask again: nothing was asked yet");
    for (const side of this.#sides) {
      if (side.hasLast) side.messages.splice(-2);
      side.hasLast = false;
    }
    this.#tries++;
    await this.#ask(this.#asked, sink, signal);
  }

  /**
   * Writes the conversation of each side as a line of JSON.
   * @param path From the working folder; `~/` is the home folder
   * @returns The file, and messages of the longest conversation, the system text not counted
   * @throws {RangeError} If there is a file already that this conversation didn't write, or no folder for it
   */
  save(path: string): { file: string; messages: number } {
    const file = resolve(path.replace(/^~(?=\/)/, Deno.env.get("HOME") ?? "~"));
    if (exists(file) && !this.#saved.has(file)) {
      throw new RangeError(`Cannot save to ${file} as it is there already: choose another name`);
    }
    if (!exists(dirname(file))) {
      throw new RangeError(`Cannot save to ${file}: there is no folder ${dirname(file)}`);
    }
    const front = this.#system === "" ? [] : [{ role: "system", content: this.#system }];
    const lines = this.#sides.map(({ model, messages }) =>
      JSON.stringify({
        model: model.id,
        messages: [
          ...front,
          ...messages.map(({ role, content, thought }) => ({
            role,
            content,
            ...(thought !== undefined && { reasoning_content: thought }),
          })),
        ],
      })
    );
    writeFileAtomicSync(file, lines.map((line) => `${line}\n`).join(""));
    this.#saved.add(file);
    return { file, messages: Math.max(...this.#sides.map(({ messages }) => messages.length)) };
  }

  async #ask(text: string, sink: AnswerSink, signal: AbortSignal): Promise<void> {
    const prompts = this.#sides.map((side) => this.#prompt(side, text));
    await Promise.all(
      this.#sides.map((side, i) =>
        this.#answer(side, { index: i, text, prompt: prompts[i] ?? [] }, sink, signal)
      ),
    );
  }

  #prompt({ model, messages }: Side, text: string): number[] {
    const template = model.template(), { tokenizer, generator } = model.local;
    const asked: Message[] = [...messages, { role: "user", content: text }];
    const prompt = template.encodePrompt(tokenizer, {
      messages: asked,
      system: this.#system || template.defaultSystem,
      tools: "",
    });
    const most = generator.info.maxModelLen;
    if (prompt.length < most) return prompt;
    throw new RangeError(
      `Cannot answer: the conversation has ${prompt.length} tokens, and the context of ${model.id} holds ${most}, the answer ` +
        "included; /clear starts over",
    );
  }

  async #answer(
    side: Side,
    { index, text, prompt }: { index: number; text: string; prompt: readonly number[] },
    sink: AnswerSink,
    signal: AbortSignal,
  ): Promise<void> {
    const { model } = side;
    const { seed, max_tokens } = this.options.sampling;
    const request = seed == null
      ? this.options.sampling
      : { ...this.options.sampling, seed: seed + this.#tries };
    const sampling = requestSampling(model, request, { limit: max_tokens, logprobs: null, maxTokens: null });
    const reader = new AnswerReader(
      THOUGHT_TAGS,
      openedBy(prompt, model.local.tokenizer, THOUGHT_TAGS),
      null,
    );
    let said = "", thought = "";
    const show = (parts: ReturnType<AnswerReader["push"]>) => {
      for (const part of parts) {
        if (part.type === "reasoning") {
          thought += part.text;
          sink.thought(index, part.text);
        } else if (part.type === "content") {
          said += part.text;
          sink.said(index, part.text);
        }
      }
    };
    let note: string | null = null;
    try {
      const asked = { model, prompt, sampling, shown: THOUGHT_TAGS.flat() };
      const [answer] = await makeAnswers(asked, ({ text }) => {
        // tokens that were under way come after the end
        if (!signal.aborted) show(reader.push(text));
      }, signal);
      if (answer?.finish === "length") {
        const isFull = prompt.length + answer.ids.length >= model.local.generator.info.maxModelLen;
        note = isFull ? "cut as the context is full; /clear starts over" : "cut at the limit of tokens";
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      note = "stopped";
    }
    show(reader.end());
    sink.ended(index, note);
    if (said === "" && thought === "" && note === "stopped") return;
    side.hasLast = true;
    side.messages.push(
      { role: "user", content: text },
      { role: "assistant", content: said, ...(thought !== "" && { thought }) },
    );
  }
}
