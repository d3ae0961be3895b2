/**
 * What judge prompts and judge answers of all benchmarks share: templates that nothing can be injected into, and answers
 * that are JSON as a whole.
 * @module
 */
import { createHash } from "node:crypto";

/**
 * Reads a judge prompt.
 *
 * @param path A person's own, relative to the working folder; undefined: the built-in one.
 * @param slots Names that the text must hold as `{{name}}`.
 * @throws {RangeError} If a slot is missing in the text.
 */
export function readTemplate(path: string | undefined, builtIn: URL, slots: readonly string[]): string {
  const text = Deno.readTextFileSync(path ?? builtIn);
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
    (whole, name: string) => Object.hasOwn(slots, name) ? slots[name]! : whole,
  );
}

/** A mark to fence a text with, which the text can't hold because it is made from it: 12 hexadecimal digits. */
export function fence(...texts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(texts)).digest("hex").slice(0, 12);
}

/**
 * The text with a phrase's colon taken away wherever a reader could take it for the phrase, however it is disguised: other widths,
 * cases, alphabets that look alike, accents, invisible characters, markup in between. Marks of chat templates are broken too.
 */
export function disarm(text: string, phrases: readonly string[]): string {
  const shown = [...breakMarks(text)];
  const places: number[] = [];
  let plain = "";
  shown.forEach((char, place) => {
    const letter = plainOf(char);
    if (letter === "") return;
    plain += letter;
    places.push(place);
  });
  const wanted = phrases.map((phrase) => [...phrase].map(plainOf).join(""));
  for (const { 0: found, 1: phrase, index } of plain.matchAll(new RegExp(`(${wanted.join("|")}):+`, "g"))) {
    for (let i = phrase!.length; i < found.length; i++) {
      shown[places[index + i]!] = i === phrase!.length ? " -" : "";
    }
  }
  return shown.join("");
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

/** JSON schema of `{explanations, scores, overall}` with one score a constraint. */
export function scoresSchema(
  constraints: number,
  scores: readonly number[] | { max: number },
): Record<string, unknown> {
  const score = "max" in scores
    ? { type: "number", minimum: 0, maximum: scores.max }
    : { type: "integer", enum: [...scores] };
  const list = (items: unknown) => ({ type: "array", minItems: constraints, maxItems: constraints, items });
  return {
    type: "object",
    properties: {
      explanations: list({ type: "string" }),
      scores: list(score),
      ...("max" in scores ? { overall: score } : {}),
    },
    required: ["explanations", "scores", ..."max" in scores ? ["overall"] : []],
    additionalProperties: false,
  };
}

/** Reads an answer that is one JSON object with `scores` as a whole; undefined when it isn't. */
export function readScoresJson(
  text: string,
  constraints: number,
): { scores: number[]; overall?: number } | undefined {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { scores, overall } = (data ?? {}) as { scores?: unknown; overall?: unknown };
  if (!Array.isArray(scores) || scores.length !== constraints) return undefined;
  if (!scores.every((score) => typeof score === "number")) return undefined;
  return typeof overall === "number" ? { scores, overall } : { scores };
}
