/**
 * The chat template that is saved with what was trained: rendered by transformers or a server, without any variables, it gives
 * the text of the training.
 * @module
 */
import type { EditableTokenizer } from "../../formats/tokenizer/tokenizer.ts";
import { formatDay } from "./jinja/mod.ts";
import type { TemplateOptions } from "./options.ts";
import { compileOwn, renderWith } from "./rendered.ts";

/**
 * A model's own chat template with the options of the training set in front of it: system text, day, thinking.
 * @returns null if the model has none.
 */
export function trainedOwn(tokenizer: EditableTokenizer, options: TemplateOptions): string | null {
  const own = tokenizer.chatTemplate;
  if (own === null) return null;
  // each line ends in a tag, whose line break trim_blocks takes away, so that the template itself begins a line as before
  const lines = [
    ...(options.default_system ? [systemLine(options.default_system)] : []),
    ...dayLines(own, options.date),
    ...(thinkingMatters(tokenizer, options)
      ? [`{% set enable_thinking = ${options.enable_thinking} %}\n`]
      : []),
  ];
  return lines.join("") + own;
}

function systemLine(system: string): string {
  const message = `{'role': 'system', 'content': ${jinjaLiteral(system)}}`;
  return `{% if not messages or messages[0]['role'] != 'system' %}{% set messages = [${message}] + messages %}{% endif %}\n`;
}

/** \`strftime_now\` and \`date_string\` with the day of the training, where the template asks for them. */
function dayLines(own: string, date: string): string[] {
  const formats = [...own.matchAll(/\bstrftime_now\(\s*(?:format\s*=\s*)?("[^"\\]*"|'[^'\\]*')/g)].map((
    [, text],
  ) => text!.slice(1, -1));
  const days = [...new Set(formats)].flatMap((format) => {
    const day = formatDay(date, format);
    return day === null ? [] : [`${jinjaLiteral(format)}: ${jinjaLiteral(day)}`];
  });
  return [
    ...(days.length === 0
      ? []
      : [`{% macro strftime_now(format) %}{{ {${days.join(", ")}}[format] }}{% endmacro %}\n`]),
    ...(/\bdate_string\b/.test(own) ? [`{% set date_string = ${jinjaLiteral(date)} %}\n`] : []),
  ];
}

/** True if the template writes something else without \`enable_thinking\`. */
function thinkingMatters(tokenizer: EditableTokenizer, { enable_thinking, date }: TemplateOptions): boolean {
  if (enable_thinking === null || !/\benable_thinking\b/.test(tokenizer.chatTemplate!)) return false;
  if (enable_thinking === false) return true;
  const jinja = compileOwn(tokenizer);
  const question = new Map([["role", "user"], ["content", "q"]]),
    answer = new Map([["role", "assistant"], ["content", "a"]]);
  const rendered = (messages: Map<string, string>[], addPrompt: boolean, thinking: [string, boolean][]) => {
    try {
      return renderWith(
        jinja,
        tokenizer,
        date,
        new Map<string, boolean | Map<string, string>[]>([["messages", messages], [
          "add_generation_prompt",
          addPrompt,
        ], ...thinking]),
      );
    } catch {
      return null;
    }
  };
  return [[question], [question, answer], [question, answer, question]].some((messages, i) =>
    rendered(messages, i !== 1, []) !== rendered(messages, i !== 1, [["enable_thinking", enable_thinking]])
  );
}

/** A text as a literal of Jinja. */
export function jinjaLiteral(text: string): string {
  const escapes: Readonly<Record<string, string>> = {
    "\\": "\\\\",
    "'": "\\'",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
  };
  return `'${text.replace(/[\\'\n\r\t]/g, (char) => escapes[char]!)}'`;
}
