/**
 * Answers held to JSON: which mask a `response_format` asks for.
 * @module
 */
import type { MaskSource } from "../../../kernels/engine/generate/generator.ts";
import { badRequest } from "../api_error.ts";
import type { SamplingRequest } from "../fields/fields.ts";

/** A text that an answer is held to: JSON of a schema, what an expression matches whole, or one of a list. */
export type HeldText = { schema: unknown } | { expression: string } | { list: readonly string[] };

/** A held text between two others. */
export interface GrammarChoice {
  begin: string;
  /** What stands there. */
  held: HeldText;
  /** Of the schema or expression in the request, for errors. */
  place: string;
  end: string;
}

/** Levels of a schema, at most: much deeper ones get lost on their way to the Worker, without a word (`findings/deep_message_that_is_lost.sh`). */
const MOST_LEVELS = 500;

/** Grammar of a mask, see grammar/mask.ts. */
export interface GrammarOptions {
  /** Field of the request that asks for it, for errors. */
  param: string;
  /** The answer is one of these. */
  choices: GrammarChoice[];
  /** The answer is free up to this text, which begins every choice, and free behind each; null: it is one choice. */
  trigger: string | null;
  /** True if it ends with the first choice. */
  once: boolean;
}

/**
 * The mask of a `response_format`; null where the text is free. What the grammar can't hold an answer to is found where it is
 * made: that may take a second.
 */
export function grammarMask(format: SamplingRequest["response_format"]): MaskSource | null {
  if (format == null || format.type === "text") return null;
  const schema = format.type === "json_object" ? { type: "object" } : format.json_schema.schema;
  const place = "response_format.json_schema.schema";
  return textMask("response_format", { schema }, place);
}

/** The mask of an answer that is such a text and nothing else. */
export function textMask(param: string, held: HeldText, place: string): MaskSource {
  return maskOf(param, [{ begin: "", held, place, end: "" }]);
}

/** A tool that may be called. */
export interface CallableTool {
  /** Name of the function, as `tools` has it. */
  name: string;
  /** JSON schema of its arguments; null: any object. */
  parameters: Record<string, unknown> | null;
}

/**
 * The mask of an answer that is one call, as a format writes it: text, name, text, arguments, text.
 * @param free Where the answer may be words as well: the text that begins a call, and whether it ends with the first one
 * @throws {ApiError} 400 if a tool's parameters aren't those of an object
 */
export function callMask(
  tools: readonly CallableTool[],
  [begin, middle, end]: readonly [begin: string, middle: string, end: string],
  free: Pick<GrammarOptions, "trigger" | "once"> = { trigger: null, once: true },
): MaskSource {
  return maskOf(
    "tools",
    tools.map(({ name, parameters }) => {
      // arguments are an object, whether or not the schema says so
      const schema = { type: "object", ...parameters }, place = `tools.${name}.parameters`;
      if (schema.type !== "object") {
        throw badRequest(`Cannot hold calls to ${place}: its type has to be object`, "tools");
      }
      return { begin: `${begin}${JSON.stringify(name)}${middle}`, held: { schema }, place, end };
    }),
    free,
  );
}

/** The mask of an answer that is one of two kinds; null for the second: there is no other. */
export function eitherMask(one: MaskSource, other: MaskSource | null): MaskSource {
  if (other === null) return one;
  const [first, second] = [one, other].map(({ options }) => options as GrammarOptions);
  return maskOf(first?.param ?? "", [...first?.choices ?? [], ...second?.choices ?? []]);
}

function maskOf(
  param: GrammarOptions["param"],
  choices: GrammarOptions["choices"],
  free: Pick<GrammarOptions, "trigger" | "once"> = { trigger: null, once: true },
): MaskSource {
  for (const { held, place } of choices) {
    if ("schema" in held && isDeeper(held.schema, MOST_LEVELS)) {
      throw badRequest(
        `Cannot hold an answer to ${place}: it is nested more than ${MOST_LEVELS} levels deep`,
        param,
      );
    }
  }
  const options: GrammarOptions = { param, choices, ...free };
  return { module: new URL("./mask.ts", import.meta.url).href, options };
}

/** True if objects and lists stand within each other by more than so many levels. Level by level, as calls within calls would end the stack. */
function isDeeper(value: unknown, levels: number): boolean {
  const isNested = (each: unknown): each is object => typeof each === "object" && each !== null;
  let level = [value].filter(isNested);
  for (let depth = 0; depth < levels; depth++) {
    level = level.flatMap((each): unknown[] => Object.values(each)).filter(isNested);
  }
  return level.length > 0;
}
