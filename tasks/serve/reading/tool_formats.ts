/**
 * Ways in which models write calls of tools, found by what the model's own template writes.
 * @module
 */
import type { Tokenizer } from "../../../formats/tokenizer/mod.ts";
import type { Template } from "../../../plugins/kinds/template.ts";
import { listOrNamed, objectsOrList, oneObject, type SectionReader } from "./sections.ts";

/** A way in which models write calls. */
export interface AnswerFormat {
  /** `hermes`: `<tool_call>`; `mistral`: `[TOOL_CALLS]`; `llama`: JSON and nothing else. */
  name: "hermes" | "mistral" | "llama";
  /** Texts that may begin calls; "" with a check of the first character: see {@linkcode AnswerFormat.bare}. */
  begin: readonly string[];
  /** Text that ends one call; null: calls go on to the answer's end. */
  end: string | null;
  /** True if an answer that begins with `{` may be a call. */
  bare: boolean;
  /** Texts around name and arguments of one call that an answer is held to; null where such a call begins with a special token. */
  around: readonly [begin: string, middle: string, end: string] | null;
  /** Special tokens inside of calls. */
  inside: readonly string[];
  /** Reads what stands behind `begin`. */
  read: SectionReader;
}

const HERMES: AnswerFormat = {
  name: "hermes",
  begin: ["<tool_call>"],
  end: "</tool_call>",
  bare: false,
  around: ['<tool_call>\n{"name": ', ', "arguments": ', "}\n</tool_call>"],
  inside: [],
  read: oneObject,
};

const MISTRAL: AnswerFormat = {
  name: "mistral",
  begin: ["[TOOL_CALLS]"],
  end: null,
  bare: false,
  around: null,
  inside: ["[CALL_ID]", "[ARGS]"],
  read: listOrNamed,
};

const LLAMA: AnswerFormat = {
  name: "llama",
  begin: ["<|python_tag|>"],
  end: null,
  bare: true,
  around: ['{"name": ', ', "parameters": ', "}"],
  inside: [],
  read: objectsOrList,
};

/** The formats that can be read. */
export const ANSWER_FORMATS: readonly AnswerFormat[] = Object.freeze([HERMES, MISTRAL, LLAMA]);

const PROBE_TOOL = JSON.stringify([{
  type: "function",
  function: {
    name: "probe_tool",
    description: "A probe",
    parameters: { type: "object", properties: { value: { type: "string" } } },
  },
}]);
const PROBE_CALL = '{"name": "probe_tool", "arguments": {"value": "probe_value"}}';

/**
 * The format of a template, found by what it writes for a call; null where it writes none, or in a way that isn't read here.
 */
export function answerFormatOf(template: Template, tokenizer: Tokenizer): AnswerFormat | null {
  const unwritten = template.ignores?.(tokenizer) ?? [];
  if (unwritten.includes("tools") || unwritten.includes("tool calls")) return null;
  let written: string;
  try {
    // an id of nine characters is what Mistral's templates insist on
    const call = {
      id: "probecall",
      type: "function",
      function: { name: "probe_tool", arguments: { value: "probe_value" } },
    };
    const turns = template.encodeTurns(
      tokenizer,
      {
        messages: [{ role: "user", content: "probe" }, {
          role: "function",
          content: PROBE_CALL,
          fields: JSON.stringify({ tool_calls: [call] }),
        }],
        system: "",
        tools: PROBE_TOOL,
      },
    );
    written = tokenizer.decode(turns.flatMap((turn) => turn.target));
  } catch {
    return null;
  }
  if (!written.includes("probe_tool") || !written.includes("probe_value")) return null;
  return ANSWER_FORMATS.find((format) => format.begin.some((text) => written.includes(text))) ??
    (/^\s*(\[\s*)?\{\s*"name"\s*:\s*"probe_tool"\s*,\s*"parameters"/.test(written) ? LLAMA : null);
}
