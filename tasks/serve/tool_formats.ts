/**
 * Calls of tools in answers, read as the model's own template writes them.
 * @module
 */
import { parsePyJson, type PyJson, writePyJson } from "../../formats/python_json.ts";
import type { Tokenizer } from "../../formats/tokenizer/mod.ts";
import type { Template } from "../../plugins/kinds/template.ts";

/** A call that an answer makes. */
export interface AnsweredCall {
  /** Of the tool. */
  name: string;
  /** JSON text, as the model wrote the values. */
  arguments: string;
}

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
  /** Calls in a text between `begin` and `end`; null where it holds none that can be read. */
  read(text: string): AnsweredCall[] | null;
}

const HERMES: AnswerFormat = {
  name: "hermes",
  begin: ["<tool_call>"],
  end: "</tool_call>",
  bare: false,
  around: ['<tool_call>\n{"name": ', ', "arguments": ', "}\n</tool_call>"],
  read: (text) => one(parsed(text), "arguments"),
};

const MISTRAL: AnswerFormat = {
  name: "mistral",
  begin: ["[TOOL_CALLS]"],
  end: null,
  bare: false,
  around: null,
  read: (text) => {
    const value = parsed(text);
    if (Array.isArray(value)) return all(value.map((call) => one(call, "arguments")));
    // since tokenizer version 11: the name, then the arguments, for every call
    const calls = text.split("[TOOL_CALLS]").map((call) => {
      const found = /^\s*([\w.-]+)\s*(?:\[ARGS\])?\s*(\{[^]*\})\s*$/.exec(call);
      const args = found?.[2] === undefined ? undefined : parsed(found[2]);
      return found?.[1] === undefined || !(args instanceof Map)
        ? null
        : [{ name: found[1], arguments: writePyJson(args) }];
    });
    return all(calls);
  },
};

const LLAMA: AnswerFormat = {
  name: "llama",
  begin: ["<|python_tag|>"],
  end: null,
  bare: true,
  around: ['{"name": ', ', "parameters": ', "}"],
  read: (text) => {
    const value = parsed(text);
    if (Array.isArray(value)) return all(value.map((call) => one(call, "parameters")));
    if (value !== undefined) return one(value, "parameters");
    // several calls are written with semicolons between them
    const parts = text.split(/;\s*(?=\{)/);
    return parts.length < 2 ? null : all(parts.map((part) => one(parsed(part), "parameters")));
  },
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
      [{ role: "user", content: "probe" }, {
        role: "function",
        content: PROBE_CALL,
        fields: JSON.stringify({ tool_calls: [call] }),
      }],
      "",
      PROBE_TOOL,
    );
    written = tokenizer.decode(turns.flatMap((turn) => turn.target));
  } catch {
    return null;
  }
  if (!written.includes("probe_tool") || !written.includes("probe_value")) return null;
  return ANSWER_FORMATS.find((format) => format.begin.some((text) => written.includes(text))) ??
    (/^\s*(\[\s*)?\{\s*"name"\s*:\s*"probe_tool"\s*,\s*"parameters"/.test(written) ? LLAMA : null);
}

function parsed(text: string): PyJson | undefined {
  try {
    return parsePyJson(text.trim());
  } catch {
    return undefined;
  }
}

function one(call: PyJson | undefined, field: "arguments" | "parameters"): AnsweredCall[] | null {
  if (!(call instanceof Map)) return null;
  const name = call.get("name");
  const other = field === "arguments" ? "parameters" : "arguments";
  const args = call.get(field) ?? call.get(other) ?? new Map<string, PyJson>();
  if (typeof name !== "string" || name === "") return null;
  // some models write the arguments as a text of their own
  if (typeof args === "string") return parsed(args) instanceof Map ? [{ name, arguments: args }] : null;
  return args instanceof Map ? [{ name, arguments: writePyJson(args) }] : null;
}

function all(calls: readonly (AnsweredCall[] | null)[]): AnsweredCall[] | null {
  const found = calls.filter((call) => call !== null);
  return found.length === calls.length && found.length > 0 ? found.flat() : null;
}
