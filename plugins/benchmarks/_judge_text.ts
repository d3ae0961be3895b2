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

/** The text with a phrase's colon taken away wherever a reader could take it for the phrase, however it is disguised. */
export function disarm(text: string, phrases: readonly string[]): string {
  return phrases.reduce((current, phrase) => current.replace(disguised(phrase), "$1 -"), text);
}

/** Letters in both widths and cases, with white space, invisible characters and markup between them. */
function disguised(phrase: string): RegExp {
  const between = "[\\s\\p{Cf}*_`~\"'“”-]*";
  const letters = [...phrase.replaceAll(" ", "")].map((letter) => {
    const wide = (c: string) => /[!-~]/.test(c) ? String.fromCharCode(c.charCodeAt(0) + 0xfee0) : "";
    const [lower, upper] = [letter.toLowerCase(), letter.toUpperCase()];
    return `[${lower}${upper}${wide(lower)}${wide(upper)}]`;
  });
  return new RegExp(`(${letters.join(between)})${between}[:：﹕︓꞉∶]`, "gu");
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
