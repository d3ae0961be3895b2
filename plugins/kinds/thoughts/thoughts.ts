/**
 * Thoughts and answers. Many models think before they answer, some in tags inside of the text, some in a field of the reply's
 * own. What was thought is no part of the answer, so it is taken apart once, by {@linkcode withThoughtApart}, before any rule
 * or judge sees the text.
 * @module
 */
import type { Completion, ThoughtTags } from "../endpoint.ts";

/**
 * Tags that are known without being told: Qwen3, DeepSeek-R1 and many others; models that imitate Claude; EXAONE; Seed-OSS;
 * Magistral; Command A; Kimi-VL; gpt-oss with its special tokens, and without them; Granite 3.
 */
export const THOUGHT_TAGS: readonly ThoughtTags[] = Object.freeze([
  ["<think>", "</think>"],
  ["<thinking>", "</thinking>"],
  ["<thought>", "</thought>"],
  ["<reasoning>", "</reasoning>"],
  ["<seed:think>", "</seed:think>"],
  ["[THINK]", "[/THINK]"],
  ["<|START_THINKING|>", "<|END_THINKING|>"],
  ["◁think▷", "◁/think▷"],
  ["<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"],
  ["analysis", "assistantfinal"],
  ["Here is my thought process:", "Here is my response:"],
]);

/** A text taken apart. */
export interface Separated {
  /** Thoughts without tags, an empty line between them; "" without one. */
  thought: string;
  /** The rest. Without a thought, the text as it was; otherwise without white space at its start. */
  answer: string;
  /** False when the thought has no end: then there is no answer. */
  closed: boolean;
}

/**
 * Takes a text apart. A thought is
 * - a pair of tags at the start of the text, or several pairs in a row;
 * - all that stands before a closing tag without an opening one (which came with the chat template), unless it is in quotes;
 * - behind such a thought, further pairs of tags that begin a line outside of code fences;
 * - all of a text that opens a thought at its start and never closes it.
 *
 * A pair of tags anywhere else is text about tags. The known pairs that are words, such as `Here is my thought process:`,
 * count only whole and once, at the start of the text: alone each is a word like another. Capitals don't matter. Takes time linear in the length of the text.
 * @param tags Pairs that are looked for, none of them empty
 */
export function separateThought(text: string, tags: readonly ThoughtTags[] = THOUGHT_TAGS): Separated {
  const words = tags.filter(areWords).map(([open, close]) => ({
    lead: new RegExp(`\\s*${escaped(open)}`, "iy"),
    close: new RegExp(escaped(close), "ig"),
  }));
  const marks = tags.filter((pair) => !areWords(pair));
  const pairs = marks.map(([open, close]) => ({
    lead: new RegExp(`\\s*${escaped(open)}`, "iy"),
    open: new RegExp(escaped(open), "i"),
    close: new RegExp(escaped(close), "ig"),
  }));
  const thoughts: string[] = [];
  let from = 0;
  for (const { lead, close } of words) {
    lead.lastIndex = 0;
    const end = lead.test(text) ? found(close, text, lead.lastIndex) : null;
    if (end === null) continue;
    return {
      thought: text.slice(lead.lastIndex, end.index).trim(),
      answer: text.slice(end.index + end[0].length).trimStart(),
      closed: true,
    };
  }
  const closing = leading(0) === null ? loneClosing() : null;
  if (closing !== null) {
    thoughts.push(text.slice(0, closing.index));
    from = closing.index + closing[0].length;
  }
  for (let lead = leading(from); lead !== null; lead = leading(from)) {
    const end = found(lead.close, text, lead.end);
    if (end === null) {
      return { thought: joined([...thoughts, text.slice(lead.end)]), answer: "", closed: false };
    }
    thoughts.push(text.slice(lead.end, end.index));
    from = end.index + end[0].length;
  }
  if (from === 0) return { thought: "", answer: text, closed: true };
  const rest = withoutLater(text.slice(from), marks, thoughts);
  return { thought: joined(thoughts), answer: rest.trimStart(), closed: true };

  /** The first closing tag without an opening one before it, and not between quotes, where a text is about it. */
  function loneClosing(): RegExpExecArray | null {
    let first: RegExpExecArray | null = null;
    for (const { open, close } of pairs) {
      let end = found(close, text, 0);
      while (end !== null && isQuoted(text, end)) end = found(close, text, close.lastIndex);
      if (end === null || (first !== null && end.index > first.index)) continue;
      if (text.slice(0, end.index).search(open) < 0) first = end;
    }
    return first;
  }

  function leading(start: number): { end: number; close: RegExp } | null {
    for (const { lead, close } of pairs) {
      lead.lastIndex = start;
      if (lead.test(text)) return { end: lead.lastIndex, close };
    }
    return null;
  }
}

/**
 * The outcome with thought and answer apart. An outcome without a text stays as it is. What is only a thought, because the
 * limit fell inside of it or it was never closed, is the outcome `thought_only`.
 * @param completion An endpoint's reply; its `thought` is the part that the server itself has set apart
 * @param tags Tags in its texts; none: texts are answers as they are
 */
export function withThoughtApart(completion: Completion, tags?: readonly ThoughtTags[]): Completion {
  const { outcome, text } = completion;
  if (outcome !== "stop" && outcome !== "length") return completion;
  const { thought: inText, answer, closed } = separateThought(text, tags);
  const thought = joined([completion.thought ?? "", inText]);
  const { thought: _, ...plain } = completion;
  const apart = { ...plain, text: answer, ...(thought !== "" && { thought }) };
  // with the tags in the text, an empty answer behind them is one that the model chose to give
  const endless = !closed || (completion.thought ?? "").trim() !== "" ||
    (thought !== "" && outcome === "length");
  if (answer.trim() !== "" || !endless) return apart;
  return { ...apart, outcome: "thought_only", text: "", error: whyNoAnswer(outcome) };
}

/** Why there is a thought and no answer. */
export function whyNoAnswer(outcome: "stop" | "length"): string {
  return outcome === "length"
    ? "the limit (max_tokens) fell inside the thought"
    : "the model stopped inside its thought";
}

/** Takes thoughts that begin a line out of an answer, as far as they are closed. */
function withoutLater(text: string, tags: readonly ThoughtTags[], thoughts: string[]): string {
  const opens = tags.map(([open]) => escaped(open)).join("|");
  if (opens === "") return text;
  const line = new RegExp(`^(?:[ \\t]*(${opens})|\`\`\`|~~~)`, "gim");
  const endless = new Set<string>();
  let kept = "", from = 0, fenced = false;
  for (let match = line.exec(text); match !== null; match = line.exec(text)) {
    const open = match[1]?.toLowerCase();
    if (open === undefined) fenced = !fenced;
    if (open === undefined || fenced || endless.has(open)) continue;
    const close = tags.find(([tag]) => tag.toLowerCase() === open)![1];
    const end = found(new RegExp(escaped(close), "ig"), text, line.lastIndex);
    if (end === null) {
      endless.add(open);
      continue;
    }
    thoughts.push(text.slice(line.lastIndex, end.index));
    kept += text.slice(from, match.index);
    line.lastIndex = from = end.index + end[0].length;
  }
  return kept + text.slice(from);
}

const WORDS = ["analysis", "Here is my thought process:"];

export function areWords([open]: ThoughtTags): boolean {
  return WORDS.includes(open);
}

const QUOTES = /[`'"“”‘’«»]/;

function isQuoted(text: string, { index, 0: tag }: RegExpExecArray): boolean {
  return QUOTES.test(text[index - 1] ?? "") && QUOTES.test(text[index + tag.length] ?? "");
}

function found(pattern: RegExp, text: string, from: number): RegExpExecArray | null {
  pattern.lastIndex = from;
  return pattern.exec(text);
}

function joined(thoughts: readonly string[]): string {
  return thoughts.map((thought) => thought.trim()).filter((thought) => thought !== "").join("\n\n");
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
