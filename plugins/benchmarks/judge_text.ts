/**
 * Shared by judge prompts and judge answers of all benchmarks: templates that nothing can be injected into, and answers
 * that are JSON as a whole.
 * @module
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

import { counted } from "../../formats/counted.ts";
import { shown } from "../../formats/message.ts";
import { decodeUtf8 } from "../../formats/utf8.ts";

/**
 * Reads a judge prompt.
 *
 * @param path the user's own, relative to the working folder; undefined: the built-in one.
 * @param slots Names that the text must hold as `{{name}}`.
 * @throws {RangeError} If a slot is missing in the text.
 * @throws {SyntaxError} If it isn't UTF-8; names file, line and column
 */
export function readTemplate(path: string | undefined, builtIn: URL, slots: readonly string[]): string {
  const file = path ?? fileURLToPath(builtIn), text = decodeUtf8(Deno.readFileSync(file), file, "a prompt");
  const missing = slots.filter((slot) => !text.includes(`{{${slot}}}`));
  if (missing.length > 0) {
    throw new RangeError(
      `Cannot use ${path ?? builtIn.pathname} as a judge prompt: it lacks ${
        missing.map((s) => `{{${s}}}`).join(", ")
      }`,
    );
  }
  return text;
}

/** Fills `{{name}}` in one pass: text that is put in is never looked at again. Unknown names stay as they are. */
export function fillTemplate(template: string, slots: Readonly<Record<string, string>>): string {
  return template.replace(
    /\{\{(\w+)\}\}/g,
    (whole, name: string) => Object.hasOwn(slots, name) ? slots[name] ?? whole : whole,
  );
}

/** A mark to fence a text with, which the text can't hold because it is made from it: 12 hexadecimal digits. */
export function fence(...texts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(texts)).digest("hex").slice(0, 12);
}

/** Why an answer that stopped at its token limit gives no score. */
export const CUT_AT_LIMIT =
  "the judge's answer stopped at its token limit (run_args.max_tokens of the judge)";

/** Longest reply that is quoted, in characters: a refusal or a remark. Evaluations are longer, and no two are alike. */
const MAX_QUOTED = 400;

/**
 * Why a judge's whole text gives no score, with what it says instead where that is short.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { withReply } from "./judge_text.ts";
 *
 * assertEquals(withReply("the judge gave no score", "I can't help."), `the judge gave no score: its reply is "I can't help."`);
 * ```
 */
export function withReply(reason: string, text: string): string {
  const said = text.trim();
  return said.length > MAX_QUOTED
    ? reason
    : `${reason}: its reply is ${said === "" ? "empty" : shown(said, 120)}`;
}

/** Stands behind a phrase that a response uses, so that no reader takes it for the judge's own. */
const QUOTED = " (quoted)";

/** Phrases as {@linkcode disarm} looks for them, in a text whose characters have no disguise: made once for all texts. */
export function phrasePattern(phrases: readonly string[]): RegExp {
  const plain = phrases.map((phrase) => [...phrase].map(plainOf).join(""));
  return new RegExp(`(?:${plain.join("|")})`, "g");
}

/**
 * The text with " (quoted)" behind a phrase wherever a reader could take it for the phrase, however it is disguised: other widths,
 * cases, alphabets that look alike, accents, invisible characters, markup in between. Only a phrase that its
 * sentence continues stays as it is. Marks of chat templates are broken too.
 * @param phrases Of {@linkcode phrasePattern}
 */
export function disarm(text: string, phrases: RegExp): string {
  const shown = [...breakMarks(text)];
  const places: number[] = [];
  let plain = "";
  // a long text has few different characters
  const letters = new Map<string, string>();
  shown.forEach((char, place) => {
    let letter = letters.get(char);
    if (letter === undefined) letters.set(char, letter = plainOf(char));
    if (letter === "") return;
    plain += letter;
    places.push(place);
  });
  const marked = new Map<number, string>();
  for (const { 0: found, index } of plain.matchAll(phrases)) {
    const last = places[index + found.length - 1] ?? 0;
    const next = places[index + found.length] ?? shown.length;
    const sentenceGoesOn = /^\p{L}$/u.test(shown[next] ?? "") && plain[index + found.length] !== ":" &&
      !shown.slice(last, next).includes("\n");
    if (!sentenceGoesOn) marked.set(last, shown[last] + QUOTED);
  }
  return shown.map((char, place) => marked.get(place) ?? char).join("");
}

/**
 * Puts a space into what chat templates are made of (`<|im_end|>`, `[INST]`, `</s>`): a server would take it in a message for the end of
 * the message, and what follows for the judge's own words.
 */
export function breakMarks(text: string): string {
  return text.replace(
    /<(?=[|｜][^<>|｜\n]{1,60}[|｜]>|<\/?SYS>>|\/?(?:s|bos|eos|(?:start|end)_of_turn|think(?:ing)?)>)|\[(?=\/?INST\])/gi,
    "$& ",
  );
}

/** Letters of other alphabets and digits that look like ours; i and l are one, as I and l are. */
const LOOKALIKES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    a: "аαɑΑ",
    c: "сϲᴄⅽ",
    d: "ԁɗⅾ",
    e: "еεєҽΕ",
    f: "ƒϝ",
    g: "ɡԍց",
    l: "iıіιӏΙІ1|ⅰⅼ",
    n: "ոпΝ",
    o: "оοσօΟ0",
    r: "гᴦ",
    s: "ѕʂ",
    v: "ѵνⅴ",
    ":": "：﹕︓꞉∶ː˸׃։",
  }).flatMap(([letter, others]) => [...others].map((other): [string, string] => [other, letter])),
);

/** A character without its disguise: one UTF-16 unit, or none where it is blank, invisible, an accent or markup. */
function plainOf(char: string): string {
  if (/[\s\p{Cf}\p{Mn}\p{Me}*_`~"'“”-]/u.test(char)) return "";
  const known = LOOKALIKES.get(char);
  if (known !== undefined) return known;
  const bare = char.normalize("NFKD")[Symbol.iterator]().next().value!.toLowerCase();
  const letter = LOOKALIKES.get(bare) ?? bare;
  return letter.length === 1 ? letter : "\ufffd";
}

/**
 * JSON schema of `{tag, explanations, scores, overall}` with one score per constraint.
 * @param tag The only value of `tag`: made from the response, so that no response can hold it ({@linkcode fence}).
 */
export function scoresSchema(
  constraints: number,
  scores: readonly number[] | { max: number },
  tag: string,
): Record<string, unknown> {
  const score = "max" in scores
    ? { type: "number", minimum: 0, maximum: scores.max }
    : { type: "integer", enum: [...scores] };
  const list = (items: unknown) => ({ type: "array", minItems: constraints, maxItems: constraints, items });
  return {
    type: "object",
    properties: {
      tag: { type: "string", enum: [tag] },
      explanations: list({ type: "string" }),
      scores: list(score),
      ...("max" in scores ? { overall: score } : {}),
    },
    required: ["tag", "explanations", "scores", ..."max" in scores ? ["overall"] : []],
    additionalProperties: false,
  };
}

/**
 * Reads an answer that is one JSON object with this tag and as many `scores`, as a whole.
 * @returns The scores; a text: why there are none, the same for all answers that fail alike, as the tag differs from one to the next
 */
export function readScoresJson(
  text: string,
  constraints: number,
  tag: string,
): { scores: number[]; overall?: number } | string {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return withReply("the judge's answer isn't the JSON asked for", text.replaceAll(tag, "…"));
  }
  const { tag: given, scores, overall } = (data ?? {}) as {
    tag?: unknown;
    scores?: unknown;
    overall?: unknown;
  };
  if (given !== tag) return "the judge's JSON doesn't repeat the mark that its prompt asks for (tag)";
  if (!Array.isArray(scores)) return "the judge's JSON has no list of scores";
  if (scores.length !== constraints) {
    return `the judge's JSON has ${counted(scores.length, "score")} for ${
      counted(constraints, "constraint")
    }`;
  }
  const other = scores.find((score) => typeof score !== "number");
  if (other !== undefined) return `the judge's JSON has a score that is no number: ${shown(other, 40)}`;
  return typeof overall === "number" ? { scores, overall } : { scores };
}
