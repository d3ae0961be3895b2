/**
 * The formats of tools as Jinja text, the same as {@linkcode toolFormats} writes.
 * @module
 */
import { type ToolFormatName, toolFormats } from "./tool_formats.ts";
import type { TextPart } from "./text.ts";
import { jinjaLiteral } from "./trained.ts";

/** Texts of a format. */
export interface ToolJinja {
  /** Writes `tools` behind the system text. */
  describe(date: string): string;
  /** Writes the calls of `message`. */
  call: string;
}

const WRAPPED =
  "{% set tool = tool if tool['type'] == 'function' else {'type': 'function', 'function': tool} %}";
const UNWRAPPED = "{% set tool = tool['function'] if tool['type'] == 'function' else tool %}";

/** Walks over the calls; `call` has name and arguments. */
function eachCall(body: string): string {
  return `{% for call in message['tool_calls'] %}{% set call = call['function'] or call %}${body}{% endfor %}`;
}

/** Calls as a list of objects, the arguments under a name. */
function callList(name: string): string {
  return "{% set all = namespace(calls=[]) %}" +
    eachCall(`{% set all.calls = all.calls + [{'name': call['name'], '${name}': call['arguments']}] %}`);
}

/** Text that a format's code writes before and after the tools: that of an empty list. */
function around(name: ToolFormatName, date: string): string[] {
  return toolFormats[name].describe([], { date }).filter((part: TextPart) => part.own).map(({ text }) =>
    text
  );
}

// keys are asked for by get where a dict has a method of that name
/** The texts by name. */
export const toolJinja: Readonly<Record<ToolFormatName, ToolJinja>> = {
  default: {
    describe: (date) => {
      const [start, list, end] = around("default", date);
      const parameter = "  - {{ name }} ({{ p['type'] or '' }}" +
        "{% if name in (parameters['required'] or []) %}, required{% endif %}): {{ p['description'] or '' }}" +
        "{% if p['enum'] %}, should be one of [{{ p['enum'] | join(', ') }}]{% endif %}" +
        "{% if p.get('items') %}, where each item should be {{ p.get('items').get('type') or '' }}{% endif %}{{ '\\n' }}";
      return `{{ ${
        jinjaLiteral(start!)
      } }}{% set all = namespace(names=[]) %}{% for tool in tools %}${UNWRAPPED}` +
        "{% set all.names = all.names + [tool['name']] %}{% set parameters = tool['parameters'] or {} %}" +
        "{{ '> Tool Name: ' + tool['name'] + '\\nTool Description: ' + (tool['description'] or '') + '\\nTool Args:\\n' }}" +
        `{% for name, p in (parameters['properties'] or {}).items() if p is not none %}${parameter}{% endfor %}{{ '\\n' }}{% endfor %}` +
        `{{ ${jinjaLiteral(list!)} + all.names | join(', ') + ${jinjaLiteral(end!)} }}`;
    },
    call: eachCall(
      "{{ '' if loop.first else '\\n' }}{{ 'Action: ' + call['name'] + '\\nAction Input: ' + call['arguments'] | tojson }}",
    ),
  },
  glm4: {
    describe: (date) =>
      `{{ ${jinjaLiteral(around("glm4", date)[0]!)} }}{% for tool in tools %}${UNWRAPPED}` +
      "{{ '\\n\\n## ' + tool['name'] + '\\n\\n' + tool | tojson(indent=4) + '\\n在调用上述函数时，请使用 Json 格式表示调用的参数。' }}{% endfor %}",
    call: eachCall("{{ call['name'] + '\\n' + call['arguments'] | tojson }}"),
  },
  llama3: {
    describe: (date) =>
      `{{ ${jinjaLiteral(around("llama3", date)[0]!)} }}{% for tool in tools %}${WRAPPED}` +
      "{{ tool | tojson(indent=4) + '\\n\\n' }}{% endfor %}",
    call: `${callList("parameters")}{{ (all.calls[0] if all.calls | length == 1 else all.calls) | tojson }}`,
  },
  mistral: {
    describe: () =>
      `{% set all = namespace(tools=[]) %}{% for tool in tools %}${WRAPPED}{% set all.tools = all.tools + [tool] %}{% endfor %}` +
      "{{ '[AVAILABLE_TOOLS] ' + all.tools | tojson + '[/AVAILABLE_TOOLS]' }}",
    call: `${callList("arguments")}{{ all.calls | tojson }}`,
  },
  qwen: {
    describe: (date) => {
      const [start, end] = around("qwen", date);
      return `{{ ${
        jinjaLiteral(start!)
      } }}{% for tool in tools %}${WRAPPED}{{ '\\n' + tool | tojson }}{% endfor %}{{ ${
        jinjaLiteral(end!)
      } }}`;
    },
    call: eachCall(
      "{{ '' if loop.first else '\\n' }}{{ '<tool_call>\\n' + {'name': call['name'], 'arguments': call['arguments']} | tojson + '\\n</tool_call>' }}",
    ),
  },
};
