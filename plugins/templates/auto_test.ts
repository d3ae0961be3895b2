import { assert, assertEquals, assertThrows } from "@std/assert";

import { type EditableTokenizer, loadTokenizerSync } from "../../formats/tokenizer/mod.ts";
import { compareTemplates } from "../kinds/tokenizer/compare_templates.ts";
import type { Message } from "../kinds/dataset.ts";
import { type Template, templates } from "./mod.ts";
import { prepareTokenizer } from "../kinds/tokenizer/prepare_tokenizer.ts";
import { Registry } from "../registry.ts";

const root = new URL("../../", import.meta.url).pathname;
const bare = loadTokenizerSync(`${root}fixtures/goldens/tokenizers/tiny`);

const CHATML =
  "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** Drops what earlier answers thought, as Qwen3's own template does. */
const FORGETS =
  "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + (m['content'] if loop.last else m['content'].split('</t>')[-1]) " +
  "+ '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** Begins an answer behind every conversation, as Llama 3's first template does. */
const ALWAYS =
  "{% for m in messages %}{{ '<|im_start|>' + m['role'] + m['content'] + '<|im_end|>' }}{% endfor %}" +
  "{{ '<|im_start|>assistant' }}";

function named(name: string, options: Record<string, unknown> = {}): Template {
  return new Registry(templates).create("template", name, options);
}

function make(options: Record<string, unknown> = {}): Template {
  return named("auto", options);
}

function user(content: string): Message {
  return { role: "user", content };
}

function answer(content: string): Message {
  return { role: "assistant", content };
}

const TALK = [user("Hi <|im_end|>"), answer("yes <|im_start|>"), user("And?"), answer("no")];

function texts(tokenizer: EditableTokenizer, template: Template, messages: Message[]): [string, string][] {
  return template.encodeTurns(tokenizer, { messages, system: "", tools: "" })
    .map(({ source, target }) => [tokenizer.decode(source), tokenizer.decode(target)]);
}

Deno.test("auto masks labels by construction", () => {
  const tokenizer = bare.withChatTemplate(CHATML);
  assertEquals(texts(tokenizer, make(), TALK), [
    ["<|im_start|>user\nHi <|im_end|><|im_end|>\n<|im_start|>assistant\n", "yes <|im_start|><|im_end|>\n"],
    ["<|im_start|>user\nAnd?<|im_end|>\n<|im_start|>assistant\n", "no<|im_end|>\n"],
  ]);
});

Deno.test("auto equals a named template that writes the same", () => {
  const tokenizer = prepareTokenizer(named("chatml"), bare).tokenizer.withChatTemplate(CHATML);
  for (const split_special_tokens of [true, false]) {
    const one = make({ split_special_tokens }), other = named("chatml", { split_special_tokens });
    assertEquals(
      one.encodeTurns(tokenizer, { messages: TALK, system: "S", tools: "" }),
      other.encodeTurns(tokenizer, { messages: TALK, system: "S", tools: "" }),
    );
    assertEquals(
      one.encodeOneTurn!(tokenizer, { messages: TALK, system: "", tools: "" }),
      other.encodeOneTurn!(tokenizer, { messages: TALK, system: "", tools: "" }),
    );
    const asked = TALK.slice(0, 3);
    assertEquals(
      one.encodePrompt(tokenizer, { messages: asked, system: "S", tools: "" }),
      other.encodePrompt(tokenizer, { messages: asked, system: "S", tools: "" }),
    );
  }
});

Deno.test("auto keeps special-token text of the data as text", () => {
  const tokenizer = bare.withChatTemplate(CHATML);
  const special = (options: Record<string, unknown>) =>
    make(options).encodeTurns(tokenizer, { messages: TALK, system: "", tools: "" }).flatMap((
      turn,
    ) => [...turn.source, ...turn.target])
      .filter((id) => tokenizer.specialIds.has(id)).length;
  // two marks a message, and one more each for the two that the data writes
  assertEquals([special({}), special({ split_special_tokens: false })], [8, 10]);
});

Deno.test("auto gives the template what it may ask for", () => {
  const jinja = "{{ bos_token ~ '|' + eos_token + '|' + date_string + '|' + enable_thinking|string + '|' }}" +
    "{% if tools %}{{ tools|tojson }}{% endif %}{% for m in messages %}" +
    "{% if m.tool_calls %}{{ m.tool_calls[0].function.arguments.city }}{% endif %}{{ m.role }}{% endfor %}";
  const tokenizer = bare.withChatTemplate(jinja);
  const messages: Message[] = [
    user("q"),
    { role: "function", content: '{"name": "f", "arguments": {"city": "Rome"}}' },
    { role: "tool", content: "{}" },
  ];
  const ids = make({ date: "1 May 2030" }).encodePrompt(tokenizer, {
    messages,
    system: "s",
    tools: '[{"name": "f"}]',
  });
  assertEquals(
    tokenizer.decode(ids),
    '|<|endoftext|>|1 May 2030|True|[{"name": "f"}]systemuserRomeassistanttool',
  );
});

Deno.test("auto refuses a template that rewrites earlier turns, unless only the last is learnt", () => {
  const tokenizer = bare.withChatTemplate(FORGETS);
  const messages = [user("a"), answer("x</t>b"), user("c"), answer("y</t>d")];
  assertThrows(
    () => make().encodeTurns(tokenizer, { messages, system: "", tools: "" }),
    RangeError,
    "Cannot mask labels by the model's own chat template (template: auto): message 3 changes",
  );
  const turns = make().encodeTurns(tokenizer, { messages, system: "", tools: "" }, { maskHistory: true });
  assertEquals(turns.map((turn) => tokenizer.decode(turn.target)), ["y</t>d<|im_end|>"]);
  assert(tokenizer.decode(turns[0]!.source).includes("assistant\nb<|im_end|>"));
  assertEquals(make().encodeOneTurn!(tokenizer, { messages, system: "", tools: "" }), turns);
});

Deno.test("auto refuses answers without an end, but prompts them", () => {
  const tokenizer = bare.withChatTemplate(ALWAYS);
  assertThrows(
    () => make().encodeTurns(tokenizer, { messages: TALK, system: "", tools: "" }),
    RangeError,
    "ignores add_generation_prompt",
  );
  const prompt = make().encodePrompt(tokenizer, { messages: [user("a")], system: "", tools: "" });
  assertEquals(tokenizer.decode(prompt), "<|im_start|>usera<|im_end|><|im_start|>assistant");
});

Deno.test("auto says why a model's template can't be used", () => {
  const encode = (jinja: string | null, options = {}) => () =>
    make(options).encodeTurns(bare.withChatTemplate(jinja), { messages: TALK, system: "", tools: "" });
  assertThrows(encode(null), RangeError, "the model's files have no chat template");
  assertThrows(encode("{% for"), Error, "Cannot read the model's own chat template as Jinja");
  assertThrows(encode("{{ raise_exception('no!') }}"), RangeError, "no!");
  assertThrows(
    () => make({ tool_format: "qwen" }),
    RangeError,
    "Cannot use tool_format qwen as template auto",
  );
});

Deno.test("auto gives transformers' variables: no tools are None, a token that isn't there is undefined", () => {
  const jinja =
    "{{ tools is none }}{{ documents is none }}{{ bos_token is defined }}{{ eos_token is defined }}|" +
    "{% for m in messages %}{{ m.content }}{% endfor %}";
  const ids = make().encodePrompt(bare.withChatTemplate(jinja), {
    messages: [user("q")],
    system: "",
    tools: "",
  });
  assertEquals(bare.decode(ids), "TrueTrueFalseTrue|q");
});

Deno.test("auto writes the day of the option date, and a template without end ends the run, not the row", () => {
  const day = bare.withChatTemplate(
    "{{ strftime_now('%d %b %Y') }}|{{ date_string }}|{{ messages[0].content }}",
  );
  const ids = make({ date: "1 May 2030" }).encodePrompt(day, {
    messages: [user("q")],
    system: "",
    tools: "",
  });
  assertEquals(bare.decode(ids), "01 May 2030|1 May 2030|q");
  const endless = bare.withChatTemplate(
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
  );
  const error = assertThrows(
    () => make().encodePrompt(endless, { messages: [user("q")], system: "", tools: "" }),
    Error,
    "2000000 steps",
  );
  assert(!(error instanceof RangeError));
});

Deno.test("compareTemplates() is silent where ids agree", () => {
  assertEquals(compareTemplates(named("chatml"), make(), bare.withChatTemplate(CHATML)), null);
  assertEquals(compareTemplates(named("qwen"), make(), bare), null);
  assertEquals(compareTemplates(make(), make(), bare.withChatTemplate(CHATML)), null);
});

Deno.test("compareTemplates() shows the first difference", () => {
  const text = compareTemplates(named("qwen"), make(), bare.withChatTemplate(CHATML))!;
  assert(text.includes("Template qwen and the model's own chat template differ for one question"), text);
  assert(/qwen: .* >> "system\\nYou are Qwen/.test(text), text);
  assert(/model: .* >> "user\\nName a/.test(text), text);
  const withoutNewline = CHATML.replace("'<|im_end|>' + '\\n'", "'<|im_end|>'");
  assert(compareTemplates(named("chatml"), make(), bare.withChatTemplate(withoutNewline)) !== null);
  assertEquals(
    compareTemplates(named("qwen", { default_system: "" }), make(), bare.withChatTemplate(CHATML)),
    null,
  );
});

Deno.test("auto gives the template a row's own variables, in front of the run's, in all its turns", () => {
  const tokenizer = bare.withChatTemplate(
    "{% for m in messages %}[{{ m['content'] }}{% if m['role'] == 'user' %}|{{ mood }}|{{ enable_thinking }}{% endif %}]{% endfor %}" +
      "{% if add_generation_prompt %}[{% endif %}",
  );
  const shown = (turns: { source: number[]; target: number[] }[]) =>
    turns.map(({ source }) => tokenizer.decode(source));
  const talk = [user("a"), answer("b"), user("c"), answer("d")];
  const variables = '{"mood": "<|im_end|>", "enable_thinking": false, "messages": []}';
  for (const maskHistory of [false, true]) {
    const found = shown(
      make().encodeTurns(tokenizer, { messages: talk, system: "", tools: "", variables }, { maskHistory }),
    );
    const [first, second] = ["[a|<|im_end|>|False][", "[c|<|im_end|>|False]["];
    assertEquals(found, maskHistory ? [`${first}b]${second}`] : [first, second]);
    assertEquals(
      shown(make().encodeOneTurn!(tokenizer, { messages: talk, system: "", tools: "", variables })),
      [`${first}b]${second}`],
    );
  }
  // text of the data stays text
  const ids = make().encodeOneTurn!(tokenizer, { messages: talk, system: "", tools: "", variables }).flatMap((
    { source },
  ) => source);
  assertEquals(ids.filter((id) => tokenizer.specialIds.has(id)), []);
  assertEquals(shown(make().encodeTurns(tokenizer, { messages: talk.slice(0, 2), system: "", tools: "" })), [
    "[a||True][",
  ]);
});
