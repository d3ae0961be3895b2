/**
 * Answers held to JSON: which mask a `response_format` asks for.
 * @module
 */
import type { MaskSource } from "../../kernels/engine/generate/generator.ts";
import { badRequest } from "./api_error.ts";
import type { SamplingRequest } from "./fields.ts";
import { heldGrammar } from "./schema/held.ts";

/** Grammar of a mask, see grammar/mask.ts. */
export interface GrammarOptions {
  /** The answer is one of these: what a grammar (EBNF) takes between two texts. */
  choices: { begin: string; grammar: string; end: string }[];
  /** The answer is free up to this text, which begins every choice, and free behind each; null: it is one choice. */
  trigger: string | null;
  /** True if it ends with the first choice. */
  once: boolean;
}

/**
 * The mask of a `response_format`; null where the text is free.
 * @throws {ApiError} 400 if the schema says something that the grammar wouldn't hold an answer to
 */
export function grammarMask(format: SamplingRequest["response_format"]): MaskSource | null {
  if (format == null || format.type === "text") return null;
  const schema = format.type === "json_object" ? { type: "object" } : format.json_schema.schema;
  const grammar = heldGrammar(schema, "response_format.json_schema.schema", "response_format");
  return maskOf([{ begin: "", grammar, end: "" }]);
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
 * @throws {ApiError} 400 if a tool's parameters say something that the grammar wouldn't hold an answer to
 */
export function callMask(
  tools: readonly CallableTool[],
  [begin, middle, end]: readonly [begin: string, middle: string, end: string],
  free: Pick<GrammarOptions, "trigger" | "once"> = { trigger: null, once: true },
): MaskSource {
  return maskOf(
    tools.map(({ name, parameters }) => {
      // arguments are an object, whether or not the schema says so
      const grammar = held(name, { type: "object", ...parameters });
      return { begin: `${begin}${JSON.stringify(name)}${middle}`, grammar, end };
    }),
    free,
  );
}

function held(name: string, parameters: Record<string, unknown>): string {
  if (parameters["type"] !== "object") {
    throw badRequest(`Cannot hold calls to tools.${name}.parameters: its type has to be object`, "tools");
  }
  return heldGrammar(parameters, `tools.${name}.parameters`, "tools");
}

function maskOf(
  choices: GrammarOptions["choices"],
  free: Pick<GrammarOptions, "trigger" | "once"> = { trigger: null, once: true },
): MaskSource {
  const options: GrammarOptions = { choices, ...free };
  return { module: new URL("./grammar/mask.ts", import.meta.url).href, options };
}
