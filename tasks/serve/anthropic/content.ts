/**
 * A message's content as it grows, block by block, and the events by which a stream tells of it.
 * @module
 */
import type { AnswerPart } from "../reading/answer_parts.ts";
import type { AnswerReader } from "../reading/answer_reader.ts";
import type { AnswerNews } from "../answers/answers.ts";
import { callId } from "../answers/ids.ts";
import type { AnswerFormat } from "../reading/tool_formats.ts";

/** A block of the content, as replies have it. */
export type ContentBlock = Record<string, unknown> & { type: "text" | "thinking" | "tool_use" };

/** An event of a stream. */
export interface BlockEvent {
  /** Name of the event, such as `content_block_delta`. */
  type: string;
  /** What it tells, by the names of Anthropic's reference. */
  [field: string]: unknown;
}

/** Parts of an answer that become blocks. */
export interface ContentOptions {
  /** Of the answer's text. */
  reader: AnswerReader;
  /** Of calls. */
  format: AnswerFormat | null;
  /** True if thoughts are told without their words. */
  omitsThoughts: boolean;
}

/** A block under way and what it has so far. */
interface OpenBlock {
  block: ContentBlock;
  text: string;
}

const NAMES = { content: "text", reasoning: "thinking" } as const;

/** The content of one message. */
export class Content {
  /** Blocks that are whole. */
  readonly blocks: ContentBlock[] = [];
  /** Tokens that were thought. */
  thinkingTokens = 0;
  /** Calls that a stream has told of, whole or not. */
  callsBegun = 0;
  #open: OpenBlock | null = null;
  /** Tokens whose text is held back. */
  #heldTokens = 0;

  constructor(readonly options: ContentOptions) {}

  /** Takes a token; gives the events that tell of it. */
  push({ text, end }: AnswerNews): BlockEvent[] {
    const { reader } = this.options;
    this.#heldTokens++;
    const parts = [...reader.push(text), ...end === null ? [] : reader.end()];
    const events = parts.flatMap((part) => this.#part(part));
    if (parts.length > 0) this.#heldTokens = 0;
    if (end === null) return events;
    events.push(...this.#close());
    // clients look at the first text without asking if there is one
    const isEmpty = this.blocks.every(({ type }) => type === "thinking");
    return isEmpty ? [...events, ...this.#text("text", ""), ...this.#close()] : events;
  }

  #part(part: AnswerPart): BlockEvent[] {
    switch (part.type) {
      case "call": {
        const before = this.#close(), id = callId(this.options.format, "toolu_");
        const block: ContentBlock = {
          type: "tool_use",
          id,
          name: part.name,
          input: {},
          caller: { type: "direct" },
        };
        this.callsBegun++;
        return [...before, ...this.#begin(block)];
      }
      case "called":
        return this.#close();
      case "arguments":
        return this.#add(part.text, { type: "input_json_delta", partial_json: part.text });
      default:
        if (part.type === "reasoning") this.thinkingTokens += this.#heldTokens;
        this.#heldTokens = 0;
        return this.#text(NAMES[part.type], part.text);
    }
  }

  #text(type: "text" | "thinking", text: string): BlockEvent[] {
    const more = type === "text" ? { citations: null } : { signature: "" };
    const begun = this.#open?.block.type === type
      ? []
      : [...this.#close(), ...this.#begin({ type, [type]: "", ...more })];
    const isHidden = text === "" || type === "thinking" && this.options.omitsThoughts;
    return [...begun, ...isHidden ? [] : this.#add(text, { type: `${type}_delta`, [type]: text })];
  }

  #begin(block: ContentBlock): BlockEvent[] {
    this.#open = { block, text: "" };
    return [{ type: "content_block_start", index: this.blocks.length, content_block: block }];
  }

  #add(text: string, delta: Record<string, unknown>): BlockEvent[] {
    if (this.#open === null) return [];
    this.#open.text += text;
    return [{ type: "content_block_delta", index: this.blocks.length, delta }];
  }

  #close(): BlockEvent[] {
    if (this.#open === null) return [];
    const { block, text } = this.#open, index = this.blocks.length;
    this.#open = null;
    this.blocks.push(block.type === "tool_use" ? callBlock(block, text) : { ...block, [block.type]: text });
    // clients send a thought back where it was signed, and nothing is checked here
    const signed = { type: "content_block_delta", index, delta: { type: "signature_delta", signature: "" } };
    return [...block.type === "thinking" ? [signed] : [], { type: "content_block_stop", index }];
  }
}

/** A whole call; what the model wrote, as text, where its arguments are no JSON object: clients take nothing else, and `{}` is another call. */
function callBlock(block: ContentBlock, text: string): ContentBlock {
  const input = objectIn(text === "" ? "{}" : text);
  if (input !== null) return { ...block, input };
  const written = `{"name": ${JSON.stringify(block["name"])}, "arguments": ${text}`;
  return { type: "text", text: written, citations: null };
}

/** What is written so in JSON: of numbers and their texts the newest JavaScript knows, and TypeScript doesn't yet. */
const { parse, rawJSON } = JSON as unknown as {
  parse(text: string, read: (name: string, value: unknown, at: { source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
};

/** The object that a text is; numbers stay as they are written, as ids of 19 digits are others once JavaScript has read them. */
function objectIn(text: string): Record<string, unknown> | null {
  if (!/^\s*\{/.test(text)) return null;
  try {
    return parse(
      text,
      (_, value, { source }) =>
        typeof value === "number" && source !== undefined && String(value) !== source
          ? rawJSON(source)
          : value,
    ) as Record<string, unknown>;
  } catch {
    return null;
  }
}
