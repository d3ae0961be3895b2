/**
 * The chat template that is saved with what was trained by a template described by data, where the model's own writes something
 * else: Jinja text that gives the same for a conversation, with tools and thoughts.
 * @module
 */
import type { Tokenizer } from "../../formats/tokenizer/tokenizer.ts";
import { type Blocks, terms } from "./jinja_text.ts";
import { type Slot, type TemplateSpec, THOUGHT } from "./spec.ts";
import type { TemplateOptions } from "./options.ts";
import { toolJinja } from "./tool_jinja.ts";
import { jinjaLiteral } from "./trained.ts";

/** Blocks of a template, calls and results of tools among them. */
export type AllBlocks = Blocks & { call: readonly Slot[]; tool: readonly Slot[] };

/** What a run makes of a specification. */
export interface SpecSettings {
  /** Its blocks, as they are encoded. */
  blocks: AllBlocks;
  /** Used where an example has none; "" for none. */
  defaultSystem: string;
  /** Of the template plugin. */
  options: TemplateOptions;
}

/**
 * The text. What follows the last message is the header of an answer where that message is a user's, whether
 * `add_generation_prompt` is set or not.
 */
export function trainedSpec(
  spec: TemplateSpec,
  tokenizer: Tokenizer,
  { blocks, defaultSystem, options }: SpecSettings,
): string {
  const write = (slots: readonly Slot[], content: string) =>
    slots.flatMap((slot) => terms(slot, content, tokenizer)).join(" + ") || "''";
  const format = toolJinja[options.tool_format ?? spec.tools ?? "default"];
  const inUser = spec.systemInUser === true, around = options.tool_format ? undefined : spec.aroundTools;
  const described = around === undefined
    ? format.describe(options.date)
    : `{{ ${jinjaLiteral(around[0])} + tools | tojson + ${jinjaLiteral(around[1])} }}`;
  const system = write(blocks.system, "system");
  const lines = [
    blocks.prefix.length === 0 ? "" : `{{ ${write(blocks.prefix, "''")} }}`,
    `{% set system = ${jinjaLiteral(defaultSystem)} %}`,
    "{% set turns = messages %}",
    "{% if messages and messages[0]['role'] == 'system' %}{% set turns = messages[1:] %}",
    "{% if messages[0]['content'] %}{% set system = messages[0]['content'] %}{% endif %}{% endif %}",
    `{% if tools %}{% set described %}${described}{% endset %}{% set system = system + described %}{% endif %}`,
    inUser ? "" : `{% if system %}{{ ${system} }}{% endif %}`,
    "{% set found = namespace(results='') %}",
    "{% for message in turns %}",
    "{% set content = message['content'] or '' %}",
    "{% if message['role'] == 'user' %}",
    inUser ? `{% if loop.first and system %}{% set content = ${system} + content %}{% endif %}` : "",
    `{{ ${write(blocks.user, "content")} }}`,
    "{% elif message['role'] == 'tool' %}",
    "{% if loop.nextitem is defined and loop.nextitem['role'] == 'tool' %}",
    "{% set found.results = found.results + content + '\\n</tool_response>\\n<tool_response>\\n' %}",
    `{% else %}{% set content = found.results + content %}{% set found.results = '' %}{{ ${
      write(blocks.tool, "content")
    } }}{% endif %}`,
    "{% elif message['role'] == 'assistant' %}",
    ...thoughtLines(spec, options.enable_thinking === false),
    "{% if message['tool_calls'] %}",
    `{% set calls %}${format.call}{% endset %}`,
    `{% set content = thought + (said + '\\n' if said else '') + calls %}{{ ${
      write(blocks.call, "content")
    } }}`,
    `{% else %}{% set content = thought + said %}{{ ${write(blocks.assistant, "content")} }}{% endif %}`,
    "{% endif %}",
    spec.thought !== undefined && options.enable_thinking !== true
      ? `{% if loop.last and message['role'] in ['user', 'tool'] %}{{ ${
        jinjaLiteral(spec.thought.join(""))
      } }}{% endif %}`
      : "",
    "{% endfor %}",
  ];
  return lines.join("");
}

/** Sets `thought`, with its marks, and `said`, the rest of an answer. */
function thoughtLines({ thought }: TemplateSpec, dropAll: boolean): string[] {
  const [open, close] = thought ?? THOUGHT;
  const inFront =
    "{% set reason = message['reasoning_content'] or message['thinking'] or message['reasoning'] %}" +
    "{% set said = content %}{% set thought = '' %}" +
    `{% if reason %}{% set thought = ${jinjaLiteral(open)} + reason.strip('\\n') + ${
      jinjaLiteral(close)
    } %}` +
    "{% set said = content.lstrip('\\n') %}{% endif %}";
  if (thought === undefined) return [inFront];
  const [mark, end] = [jinjaLiteral(open.trim()), jinjaLiteral(close.trim())];
  return [
    inFront,
    // a thought of an earlier answer is left out, an answer without one gets an empty one
    `{% if ${dropAll ? "true" : "not loop.last"} %}{% set thought = '' %}`,
    `{% if ${end} in said %}{% set said = said.split(${end})[-1].lstrip('\\n') %}{% endif %}{% endif %}`,
    `{% if loop.last and not thought and ${mark} not in said and ${end} not in said %}`,
    `{% set thought = ${jinjaLiteral(open + close)} %}{% endif %}`,
  ];
}
