/**
 * Rules that decide by plain text inspection whether a response keeps a constraint. Ids are IFEval's where the check is
 * IFEval's (`keywords:`, `startend:`, …); ids of our own are marked in {@linkcode CONSTRAINT_RULES}. Two differences
 * from IFEval's own checker, which is the `ifeval` benchmark's: the two case rules don't look at the language (its
 * detector needs more text than "cat, dog"), and keywords are plain text, never regular expressions.
 *
 * Source of the IFEval checks: Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models".
 * @module
 */
import { distance } from "fastest-levenshtein";
import { z } from "zod";
import type { Verdict } from "./judge.ts";

/** A check and the arguments that it needs. */
export interface ConstraintRule {
  /** Strict schema of the arguments. */
  readonly kwargs: z.ZodObject;
  /** Whether a non-blank response keeps the constraint; arguments were validated by `kwargs`. */
  readonly check: (response: string, kwargs: Record<string, unknown>) => boolean;
}

const count = z.number().int().positive();
const phrase = z.string().trim().min(1);
const relation = z.enum(["less than", "at least"]);
const listFormat = z.enum(["comma", "semicolon", "slash", "lines", "numbered", "bullets"]);

/** How the items of a list are set apart. */
export type ListFormat = z.output<typeof listFormat>;

/** Every known rule by id. Frozen. */
export const CONSTRAINT_RULES: Readonly<Record<string, ConstraintRule>> = Object.freeze({
  "keywords:existence": rule(
    { keywords: z.array(phrase).min(1) },
    (text, { keywords }) => keywords.every((keyword) => occurrences(text, keyword) > 0),
  ),
  "keywords:frequency": rule(
    { keyword: phrase, frequency: count, relation },
    (text, k) => holds(occurrences(text, k.keyword), k.relation, k.frequency),
  ),
  "keywords:forbidden_words": rule(
    { forbidden_words: z.array(phrase).min(1) },
    (text, { forbidden_words }) =>
      !forbidden_words.some((word) =>
        new RegExp(`(?<!${WORD})${escapeRegExp(word)}(?!${WORD})`, "iu").test(text)
      ),
  ),
  "length_constraints:number_words": rule(
    { num_words: count, relation },
    (text, k) => holds(text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0, k.relation, k.num_words),
  ),
  "detectable_content:postscript": rule(
    { postscript_marker: z.literal("P.S.") },
    (text) => /\s*p\.\s?s\..*$/mu.test(text.toLowerCase()),
  ),
  "detectable_format:number_bullet_lists": rule(
    { num_bullets: count },
    (text, { num_bullets }) => matches(text, /^\s*\*[^*].*$/gm) + matches(text, /^\s*-.*$/gm) === num_bullets,
  ),
  "detectable_format:title": rule(
    {},
    (text) =>
      [...text.matchAll(/<<[^\n]+>>/g)].some(([t]) => t.replace(/^<+/, "").replace(/>+$/, "").trim() !== ""),
  ),
  "startend:end_checker": rule(
    { end_phrase: phrase },
    (text, { end_phrase }) => unquoted(text).toLowerCase().endsWith(end_phrase.toLowerCase()),
  ),
  "startend:quotation": rule({}, (text) => wrappedIn(text, '"', '"')),
  "change_case:english_capital": rule({}, (text) => /\p{Lu}/u.test(text) && !/\p{Ll}/u.test(text)),
  "change_case:english_lowercase": rule({}, (text) => /\p{Ll}/u.test(text) && !/\p{Lu}/u.test(text)),
  "punctuation:no_comma": rule({}, (text) => !text.includes(",")),
  // From here on: ids of our own.
  "startend:start_checker": rule(
    { start_phrase: phrase },
    (text, { start_phrase }) =>
      new RegExp(`^${escapeRegExp(start_phrase)}(?!${WORD})`, "iu").test(unquoted(text)),
  ),
  "startend:brackets": rule({}, (text) => wrappedIn(text, "[", "]")),
  "sentences:exact_number": rule(
    { num_sentences: count },
    (text, { num_sentences }) => sentences(text) === num_sentences,
  ),
  "list:number_items": rule(
    { num_items: count },
    (text, { num_items }) => listItems(text).length === num_items,
  ),
  "list:format": rule({ format: listFormat }, (text, { format }) => isInFormat(text, format)),
});

/**
 * Judges one constraint: 1 kept, 0 broken (a blank response breaks every one), null with a reason when the rule is
 * unknown or its arguments are not what it needs.
 */
export function checkRule(id: string, kwargs: Record<string, unknown>, response: string): Verdict {
  const found = Object.hasOwn(CONSTRAINT_RULES, id) ? CONSTRAINT_RULES[id] : undefined;
  if (found === undefined) {
    return { score: null, reason: `unknown rule "${id}": did you mean "${nearest(id)}"?` };
  }
  const parsed = found.kwargs.safeParse(kwargs);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { score: null, reason: `arguments of rule "${id}": ${issue?.path.join(".")} ${issue?.message}` };
  }
  if (response.trim() === "") return { score: 0, reason: "blank response" };
  return { score: found.check(response, parsed.data) ? 1 : 0 };
}

/**
 * Items of a list: its numbered or bulleted lines if it has any, else its lines, else what commas, semicolons or
 * slashes set apart. A title line, quotes and brackets around the whole and end punctuation don't belong to an item.
 */
export function listItems(text: string): string[] {
  const body = listBody(text);
  const lines = body.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const marked = lines.filter((line) => MARKER.test(line));
  const pieces = marked.length > 0 ? marked : lines.length > 1 ? lines : body.split(/[,;/]/);
  return pieces.map((p) => p.replace(MARKER, "").trim().replace(/[.!]+$/, "")).filter((p) =>
    /[\p{L}\p{N}]/u.test(p)
  );
}

const WORD = String.raw`[\p{L}\p{N}_]`;
const MARKER = /^(?:\d+[.)]|[*-])\s+/;

function rule<S extends z.core.$ZodLooseShape>(
  shape: S,
  check: (response: string, kwargs: z.output<z.ZodObject<S, z.core.$strict>>) => boolean,
): ConstraintRule {
  const kwargs = z.strictObject(shape);
  return Object.freeze({ kwargs: kwargs as unknown as z.ZodObject, check: check as ConstraintRule["check"] });
}

function isInFormat(text: string, format: ListFormat): boolean {
  const lines = listBody(text).split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const first = lines[0] ?? "";
  switch (format) {
    case "numbered":
      return lines.length > 0 && lines.every((line, i) => line.startsWith(`${i + 1}. `));
    case "bullets":
      return lines.length > 0 && lines.every((line) => /^\* \S/.test(line));
    case "lines":
      return lines.length > 1 && lines.every((line) => !MARKER.test(line) && !/[,;/]/.test(line));
    default: {
      const mark = { comma: ",", semicolon: ";", slash: "/" }[format];
      const others = [",", ";", "/"].filter((m) => m !== mark);
      return lines.length === 1 && first.includes(mark) && !MARKER.test(first) &&
        !others.some((m) => first.includes(m));
    }
  }
}

function sentences(text: string): number {
  return listBody(text).split(/[.!?]+(?=["'\])]*(?:\s|$))/).filter((s) => /[\p{L}\p{N}]/u.test(s)).length;
}

/** Without a title line at the top and without quotes or brackets around the whole. */
function listBody(text: string): string {
  const body = text.trim().replace(/^<<[^\n]+>>\n/, "").trim();
  return wrappedIn(body, '"', '"') || wrappedIn(body, "[", "]") ? body.slice(1, -1).trim() : body;
}

function wrappedIn(text: string, open: string, close: string): boolean {
  const t = text.trim();
  return t.length > 1 && t.startsWith(open) && t.endsWith(close);
}

function unquoted(text: string): string {
  return text.trim().replace(/^"+/, "").replace(/"+$/, "");
}

function occurrences(text: string, keyword: string): number {
  return text.toLowerCase().split(keyword.toLowerCase()).length - 1;
}

function matches(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

function holds(n: number, relation: "less than" | "at least", bound: number): boolean {
  return relation === "less than" ? n < bound : n >= bound;
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

function nearest(id: string): string {
  return Object.keys(CONSTRAINT_RULES).reduce((a, b) => distance(id, b) < distance(id, a) ? b : a);
}
