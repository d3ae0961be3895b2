/**
 * Formats of tools and their calls: LLaMA-Factory's formats default, glm4, llama3, mistral and qwen.
 * @module
 */
import { item } from "../../formats/elements.ts";
import { parsedOnce, parsePyJson, type PyJson, PyNumber, writePyJson } from "../../formats/python_json.ts";
import { data, ownText, type TextPart } from "./text.ts";

/** One call of a tool. */
export interface ToolCall {
  /** Of the tool. */
  name: string;
  /** Usually an object. */
  arguments: PyJson;
}

/** A way to write tools and calls. Tools' and calls' JSON is data, what stands around it the template's own. */
export interface ToolFormat {
  /** The description of the tools, put behind the system text. */
  describe(tools: readonly PyJson[], options: { date: string }): TextPart[];
  /** The assistant's text that makes the calls. */
  call(calls: readonly ToolCall[]): TextPart[];
}

/** Names of the formats. */
export const TOOL_FORMATS = ["default", "glm4", "llama3", "mistral", "qwen"] as const;

/** Name of a format. */
export type ToolFormatName = typeof TOOL_FORMATS[number];

/** The formats by name. */
export const toolFormats: Readonly<Record<ToolFormatName, ToolFormat>> = {
  default: { describe: describeDefault, call: callDefault },
  glm4: { describe: describeGlm4, call: callGlm4 },
  llama3: { describe: describeLlama3, call: callLlama3 },
  mistral: { describe: describeMistral, call: callMistral },
  qwen: { describe: describeQwen, call: callQwen },
};

/**
 * Parses tool definitions.
 * @throws {SyntaxError} If the text isn't a JSON list.
 */
export function parseTools(text: string): PyJson[] {
  const value = parse(text, "tools");
  if (!Array.isArray(value)) {
    throw new SyntaxError(
      `Cannot use tools as a list of tool definitions: current value is ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return value;
}

/**
 * Parses the calls of a `function` message: one `{name, arguments}` or a list of them.
 * @throws {SyntaxError} If the text isn't that.
 */
export function parseCalls(text: string): ToolCall[] {
  const value = parse(text, "a function message");
  return (Array.isArray(value) ? value : [value]).map((call) => {
    const name = call instanceof Map ? call.get("name") : undefined;
    const args = call instanceof Map ? call.get("arguments") : undefined;
    if (typeof name !== "string" || args === undefined) {
      throw new SyntaxError(
        `Cannot use a function message as tool calls: each needs a name and arguments, current value is ${
          JSON.stringify(text.slice(0, 80))
        }`,
      );
    }
    return { name, arguments: parsedOnce(args) };
  });
}

function parse(text: string, what: string): PyJson {
  try {
    return parsePyJson(text);
  } catch (error) {
    throw new SyntaxError(
      `Cannot use ${what} as JSON: ${(error as Error).message}, current value is ${
        JSON.stringify(text.slice(0, 80))
      }`,
    );
  }
}

/** The definition itself where it is wrapped as `{type: "function", function: ...}`. */
function unwrap(tool: PyJson): Map<string, PyJson> {
  const map = asMap(tool, "a tool");
  return map.get("type") === "function" ? asMap(map.get("function") ?? null, "a tool's function") : map;
}

function wrap(tool: PyJson): PyJson {
  const map = asMap(tool, "a tool");
  return map.get("type") === "function"
    ? map
    : new Map<string, PyJson>([["type", "function"], ["function", map]]);
}

function asMap(value: PyJson, what: string): Map<string, PyJson> {
  if (value instanceof Map) return value;
  throw new SyntaxError(
    `Cannot use ${what} as an object: current value is ${writePyJson(value).slice(0, 80)}`,
  );
}

function text(value: PyJson | undefined, otherwise: string = ""): string {
  if (value === undefined || value === null) return otherwise;
  return typeof value === "string" ? value : writePyJson(value);
}

function nameOf(tool: Map<string, PyJson>): string {
  const name = tool.get("name");
  if (typeof name === "string") return name;
  throw new SyntaxError(
    `Cannot describe a tool: it has no name, current value is ${writePyJson(tool).slice(0, 80)}`,
  );
}

/** Python's truth of a value. */
function truthy(value: PyJson | undefined): value is PyJson {
  if (value instanceof PyNumber) return Number(value.text) !== 0;
  if (value instanceof Map) return value.size > 0;
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

function describeDefault(tools: readonly PyJson[]): TextPart[] {
  const parts: TextPart[] = [ownText("You have access to the following tools:\n")];
  const names: string[] = [];
  for (const wrapped of tools) {
    const tool = unwrap(wrapped);
    const parameters = asMap(tool.get("parameters") ?? new Map(), "a tool's parameters");
    const required = parameters.get("required");
    // a null stands for a property of another row's tool, as Arrow has one type for all rows
    const lines = [...asMap(parameters.get("properties") ?? new Map(), "a tool's properties")]
      .filter(([, value]) => value !== null)
      .map(([name, value]) => describeParameter(name, asMap(value, "a parameter"), required));
    names.push(nameOf(tool));
    parts.push(
      ownText("> Tool Name: "),
      data(nameOf(tool)),
      ownText("\nTool Description: "),
      data(text(tool.get("description"))),
      ownText("\nTool Args:\n"),
      data(lines.join("")),
      ownText("\n"),
    );
  }
  return [
    ...parts,
    ownText("Use the following format if using a tool:\n```\nAction: tool name (one of ["),
    data(names.join(", ")),
    ownText(
      "])\nAction Input: the input to the tool, in a JSON format representing the kwargs " +
        '(e.g. ```{"input": "hello world", "num_beams": 5}```)\n```\n',
    ),
  ];
}

function describeParameter(
  name: string,
  parameter: Map<string, PyJson>,
  required: PyJson | undefined,
): string {
  const choices = parameter.get("enum"), items = parameter.get("items");
  const need = Array.isArray(required) && required.includes(name) ? ", required" : "";
  const oneOf = truthy(choices) && Array.isArray(choices)
    ? `, should be one of [${choices.map((choice) => text(choice)).join(", ")}]`
    : "";
  const each = truthy(items) && items instanceof Map
    ? `, where each item should be ${text(items.get("type"))}`
    : "";
  return `  - ${name} (${text(parameter.get("type"))}${need}): ${
    text(parameter.get("description"))
  }${oneOf}${each}\n`;
}

function callDefault(calls: readonly ToolCall[]): TextPart[] {
  return [
    data(
      calls.map((call) => `Action: ${call.name}\nAction Input: ${writePyJson(call.arguments)}`).join("\n"),
    ),
  ];
}

function describeGlm4(tools: readonly PyJson[]): TextPart[] {
  return [
    ownText(
      "你是一个名为 ChatGLM 的人工智能助手。你是基于智谱 AI 公司训练的语言模型 GLM-4 模型开发的，" +
        "你的任务是针对用户的问题和要求提供适当的答复和支持。\n\n# 可用工具",
    ),
    ...tools.map(unwrap).flatMap((tool) => [
      ownText("\n\n## "),
      data(`${nameOf(tool)}\n\n${writePyJson(tool, 4)}`),
      ownText("\n在调用上述函数时，请使用 Json 格式表示调用的参数。"),
    ]),
  ];
}

function callGlm4(calls: readonly ToolCall[]): TextPart[] {
  if (calls.length !== 1) {
    throw new RangeError(
      `Cannot write tool calls as glm4: one call at a time is possible, current value is ${calls.length}`,
    );
  }
  return [data(`${item(calls, 0).name}\n${writePyJson(item(calls, 0).arguments)}`)];
}

function describeLlama3(tools: readonly PyJson[], { date }: { date: string }): TextPart[] {
  return [
    ownText(
      `Cutting Knowledge Date: December 2023\nToday Date: ${date}\n\n` +
        "You have access to the following functions. To call a function, please respond with JSON for a function call. " +
        'Respond in the format {"name": function name, "parameters": dictionary of argument name and its value}. ' +
        "Do not use variables.\n\n",
    ),
    data(tools.map((tool) => `${writePyJson(wrap(tool), 4)}\n\n`).join("")),
  ];
}

function callLlama3(calls: readonly ToolCall[]): TextPart[] {
  const list = calls.map((call) =>
    new Map<string, PyJson>([["name", call.name], ["parameters", call.arguments]])
  );
  return [data(writePyJson(list.length === 1 ? item(list, 0) : list))];
}

function describeMistral(tools: readonly PyJson[]): TextPart[] {
  return [ownText("[AVAILABLE_TOOLS] "), data(writePyJson(tools.map(wrap))), ownText("[/AVAILABLE_TOOLS]")];
}

function callMistral(calls: readonly ToolCall[]): TextPart[] {
  return [data(writePyJson(calls.map(callObject)))];
}

function callObject(call: ToolCall): PyJson {
  return new Map<string, PyJson>([["name", call.name], ["arguments", call.arguments]]);
}

function describeQwen(tools: readonly PyJson[]): TextPart[] {
  return [
    ownText(
      "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n" +
        "You are provided with function signatures within <tools></tools> XML tags:\n<tools>",
    ),
    data(tools.map((tool) => `\n${writePyJson(wrap(tool))}`).join("")),
    ownText(
      "\n</tools>\n\nFor each function call, return a json object with function name and arguments within " +
        '<tool_call></tool_call> XML tags:\n<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>',
    ),
  ];
}

function callQwen(calls: readonly ToolCall[]): TextPart[] {
  return calls.flatMap((call, i) => [
    ownText(`${i > 0 ? "\n" : ""}<tool_call>\n`),
    data(writePyJson(callObject(call))),
    ownText("\n</tool_call>"),
  ]);
}
