/**
 * Messages of a chat while the blocks come that they are made of.
 * @module
 */
import { writePyJson } from "../../../formats/python_json.ts";
import { jsonOf } from "../chat/messages.ts";
import type { ChatRequest } from "../fields/fields.ts";
import { type Block, BLOCKS, readBlock, SYSTEM_BLOCKS } from "./blocks.ts";
import type { CountRequest } from "./fields.ts";

type Role = "user" | "assistant";

/** A message of the chat while its blocks come. */
export interface Turn {
  role: "system" | "user" | "assistant" | "tool";
  /** Where it begins, for errors. */
  place: string;
  texts: string[];
  thought: string;
  calls: { id: string; type: "function"; function: { name: string; arguments: string } }[];
  /** Of a tool's result. */
  fields: Record<string, unknown>;
}

/** What one side says in a row is one turn; results of tools are turns of their own. */
export class Turns {
  /** In order. */
  readonly list: Turn[] = [];
  /** Names of given fields of blocks that have no effect. */
  readonly unused: Set<string> = new Set();

  /** Adds the text of the system that stands in front of all messages. */
  addSystem(system: NonNullable<CountRequest["system"]>): void {
    const texts = typeof system === "string" ? [system] : system.map(({ text }) => text);
    this.#begin("system", "system").texts.push(...texts);
  }

  /** Adds a message. @throws {ApiError} 400 if a block is none that is read here */
  addMessage({ role, content }: CountRequest["messages"][number], place: string): void {
    if (role === "system") {
      this.#begin("system", place).texts.push(...this.#textsOf(content, `${place}.content`));
      return;
    }
    if (content.length === 0) this.#turnOf(role, place);
    const blocks = typeof content === "string" ? [{ type: "text", text: content }] : content;
    blocks.forEach((each, i) => {
      const inside = `${place}.content[${i}]`;
      this.#addBlock(this.#noted(readBlock(BLOCKS[role], each, inside)), role, { place, inside });
    });
  }

  /** @param places Of the message, and of the block in it */
  #addBlock(block: Block, role: Role, { place, inside }: { place: string; inside: string }): void {
    switch (block.type) {
      case "text":
        this.#turnOf(role, place).texts.push(block.text);
        return;
      case "thinking":
        this.#turnOf("assistant", place).thought += block.thinking;
        return;
      case "tool_use": {
        const { id, name, input } = block;
        this.#turnOf("assistant", place).calls.push({
          id,
          type: "function",
          function: { name, arguments: inputText(input, inside) },
        });
        return;
      }
      case "tool_result": {
        const { tool_use_id: tool_call_id, is_error } = block;
        this.#begin("tool", inside, { tool_call_id, ...(is_error === true && { is_error }) })
          .texts.push(...this.#textsOf(block.content ?? "", `${inside}.content`));
        return;
      }
      case "mid_conv_system":
        this.#begin("system", inside).texts.push(...this.#textsOf(block.content, `${inside}.content`));
    }
  }

  #begin(role: Turn["role"], place: string, fields: Turn["fields"] = {}): Turn {
    const turn: Turn = { role, place, texts: [], thought: "", calls: [], fields };
    this.list.push(turn);
    return turn;
  }

  #turnOf(role: Role, place: string): Turn {
    const last = this.list.at(-1);
    return last?.role === role ? last : this.#begin(role, place);
  }

  #textsOf(content: string | readonly unknown[], place: string): string[] {
    if (typeof content === "string") return [content];
    return content.map((each, i) => {
      const block = this.#noted(readBlock(SYSTEM_BLOCKS, each, `${place}[${i}]`));
      return block.type === "text" ? block.text : "";
    });
  }

  #noted(block: Block): Block {
    if (block.type !== "thinking" && block.cache_control != null) {
      this.unused.add("messages.content.cache_control");
    }
    if (block.type === "text" && block.citations != null) this.unused.add("messages.content.citations");
    if (block.type === "thinking" && (block.signature ?? "") !== "") {
      this.unused.add("messages.content.signature");
    }
    return block;
  }
}

/** A call's arguments as the client wrote them. @throws {ApiError} 400 if they are nested too deep, or aren't texts */
function inputText(input: Record<string, unknown>, place: string): string {
  return writePyJson(jsonOf(input, `${place}.input`));
}

/** A turn as a message of the chat. */
export function messageOf({ role, texts, thought, calls, fields }: Turn): ChatRequest["messages"][number] {
  const [only] = texts;
  const content = texts.length > 1 ? texts.map((text) => ({ type: "text", text })) : only;
  return {
    role,
    content: content ?? (role === "assistant" ? null : ""),
    ...fields,
    ...(thought !== "" && { reasoning: thought }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}
