/**
 * Templates as data, checked: a slot that is misspelt would leave every message out of what is learnt, and say nothing.
 * @module
 */
import { didYouMean } from "../../formats/did_you_mean.ts";
import { shown } from "../../formats/message.ts";
import type { TemplateSpec } from "./spec.ts";

/** Fields of a spec, true of those whose slots are written around a message. */
const FIELDS = {
  name: false,
  description: false,
  prefix: false,
  system: true,
  user: true,
  assistant: true,
  call: true,
  tool: true,
  tools: false,
  aroundTools: false,
  defaultSystem: false,
  stopWords: false,
  efficientEos: false,
  replaceEos: false,
  replaceJinja: false,
  endOfText: false,
  systemInUser: false,
  thought: false,
} satisfies Record<keyof TemplateSpec, boolean>;

/**
 * Makes sure that a template has a place for each message, and fields that are read.
 * @throws {TypeError} If not; names template, field and value
 */
export function checkSpec(spec: TemplateSpec): void {
  for (const [field, value] of Object.entries(spec)) {
    const refuse = (need: string, hint = ""): never => {
      throw new TypeError(
        `Cannot use ${field} of template ${spec.name} as ${need} is needed${hint}: current value is ${
          shown(named(value))
        }`,
      );
    };
    if (!Object.hasOwn(FIELDS, field)) {
      const known = Object.keys(FIELDS);
      refuse(`a field that is read (${known.join(", ")})`, didYouMean(field, known));
    }
    const isAround = FIELDS[field as keyof typeof FIELDS];
    if (value === undefined || !(isAround || field === "prefix")) continue;
    if (!Array.isArray(value) || !value.every(isSlot)) refuse("a list of texts, BOS and EOS");
    const marks = (value as unknown[]).map((slot) => String(slot).match(/\{\{[^{}]*\}\}/g) ?? []);
    const filled = marks.flat();
    if (filled.some((mark) => mark !== "{{content}}")) refuse("{{content}} as the only mark in a slot");
    if (marks.some(({ length }) => length > 1)) refuse("{{content}} once in a slot at most");
    if (isAround !== filled.length > 0) {
      refuse(isAround ? "a slot with {{content}}, where the message stands," : "a list without {{content}}");
    }
  }
}

/** Slots with their tokens by the names that they are written with; what is called a token is hidden elsewhere. */
function named(value: unknown): unknown {
  return Array.isArray(value)
    ? value.map((slot) => isSlot(slot) && typeof slot !== "string" ? slot.token.toUpperCase() : slot)
    : value;
}

function isSlot(value: unknown): boolean {
  const token = (value as { token?: unknown } | null)?.token;
  return typeof value === "string" || token === "bos" || token === "eos";
}
