/** Prompts of chat requests under a model's own template: those that transformers writes, or its refusal. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Hono } from "hono";

import { loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import openai from "../../../plugins/datasets/openai.ts";
import { THOUGHT_TAGS } from "../../../plugins/kinds/thoughts/thoughts.ts";
import { Registry } from "../../../plugins/registry.ts";
import { templates } from "../../../plugins/templates/mod.ts";
import { messageAsChat } from "../anthropic/as_chat.ts";
import { MessageFields } from "../anthropic/fields.ts";
import { ApiError } from "../api_error.ts";
import { chatPrompt, openedTags } from "./chat_prompt.ts";
import { ChatFields, type ChatRequest, readFields } from "../fields/fields.ts";
import { jsonBody } from "../http/json_body.ts";
import { responseAsChat } from "../responses/as_chat.ts";
import { readMessages } from "./messages.ts";
import { ResponseFields } from "../responses/fields.ts";
import type { ServedModel } from "../models.ts";

interface Golden {
  requests: Record<string, unknown>[];
  runs: { name: string; template: string; cases: { text: string | null; error?: string }[] }[];
}

const fixtures = new URL("../../../fixtures/goldens/", import.meta.url).pathname;
// templates of models may be compared as well, see fixtures/goldens/jinja/make_asked.py
const file = Deno.env.get("DINOTUNE_ASKED") ?? `${fixtures}jinja/asked.json`;
const golden = JSON.parse(Deno.readTextFileSync(file)) as Golden;
const tiny = loadTokenizerSync(`${fixtures}tokenizers/tiny`);
const registry = new Registry([openai, ...templates]);

function promptOf(body: Record<string, unknown>, jinja: string, named = "auto") {
  return idsOf(readFields(ChatFields, body), jinja, named);
}

function idsOf(request: ChatRequest, jinja: string, named = "auto") {
  const tokenizer = tiny.withChatTemplate(jinja), local = { tokenizer } as unknown as ServedModel["local"];
  const template = registry.create("template", named, {});
  const { ids, ...others } = chatPrompt(request, { local }, template, registry);
  const opened = openedTags(request, ids, local, THOUGHT_TAGS);
  const special = ids.filter((id) => tokenizer.specialIds.has(id)).length;
  return { text: tokenizer.decode(ids), special, opened, ...others };
}

for (const { name, template, cases } of golden.runs) {
  Deno.test(`requests are written, or refused, as transformers does it: template ${name}`, () => {
    golden.requests.forEach((request, i) => {
      const { text, error = "" } = cases[i] ?? { text: null };
      const note = JSON.stringify(request);
      if (text !== null) return assertEquals(promptOf(request, template).text, text, note);
      const refused = assertThrows(() => promptOf(request, template), ApiError);
      assertEquals([refused.fields.status, refused.fields.param], [400, "messages"], note);
      // transformers has words of its own for what can't be continued
      if (!error.startsWith("continue_final_message")) assertStringIncludes(refused.message, error);
    });
  });
}

const PLAIN = "{% for m in messages %}{{ m.role }}: {{ m.content }}<|im_end|>{% endfor %}" +
  "{% if add_generation_prompt %}assistant: {{ mood }}{% endif %}";
const user = { role: "user", content: "Hi" };

Deno.test("a prompt's special tokens are the template's, its unused variables are told, an open thought is known", () => {
  const asked = (content: string) => ({ messages: [user, { role: "assistant", content }] });
  const open = { ...asked("<think>I <|im_end|>"), continue_final_message: true };
  const { text, special, opened } = promptOf(open, PLAIN);
  assertEquals([text, special, opened?.[0]], [
    "user: Hi<|im_end|>assistant: <think>I <|im_end|>",
    1,
    "<think>",
  ]);
  assertEquals(
    promptOf({ ...open, ...asked("<think>I</think>") }, PLAIN).opened,
    undefined,
  );
  const { unused } = promptOf({ messages: [user], chat_template_kwargs: { mood: "x", other: 1 } }, PLAIN);
  assertEquals(unused, ["chat_template_kwargs.other"]);
});

const WRITES_TOOLS = "{% for t in tools or [] %}{{ t.function.parameters | tojson }} {% endfor %}" +
  "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.arguments | tojson }} {% endfor %}{% endfor %}";

Deno.test("numbers of tools, calls and variables reach the template as the client wrote them", async () => {
  const given =
    '{"id": 1234567890123456789, "list": [1.0, 1e3, 0], "deep": {"10": 2.50, "a": 9007199254740993}}';
  const written =
    '{"id": 1234567890123456789, "list": [1.0, 1000.0, 0], "deep": {"10": 2.5, "a": 9007199254740993}}';
  // what a body's text becomes on the way of a request
  const bodyOf = async (body: string) => {
    let read: unknown;
    const app = new Hono().post("/", async (c) => {
      read = await jsonBody(c);
      return c.body(null);
    });
    const reply = await app.request("/", {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    assertEquals(reply.status, 200);
    return read as Record<string, unknown>;
  };
  const call = `{"id": "1", "type": "function", "function": {"name": "f", "arguments": ${given}}}`;
  const chat = await bodyOf(
    `{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [${call}]}],
      "temperature": 0.0, "tools": [{"type": "function", "function": {"name": "f", "parameters": ${given}}}],
      "chat_template_kwargs": {"more": ${given}, "top": 1.0, "id": 9007199254740993, "none": 2.50}}`,
  );
  const { text, unused } = promptOf(chat, `${WRITES_TOOLS}{{ more | tojson }} {{ top }} {{ id }}`);
  assertEquals(text, `${written} ${written} ${written} 1.0 9007199254740993`);
  assertEquals(unused.filter((name) => name.startsWith("chat_template")), ["chat_template_kwargs.none"]);
  const plain = await bodyOf(
    `{"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function", "function": {"name": "f", "parameters": ${given}}}]}`,
  );
  assertStringIncludes(readMessages(readFields(ChatFields, plain), registry).tools, written);
  const message = await bodyOf(
    `{"max_tokens": 5, "tools": [{"name": "f", "input_schema": ${given}}], "messages": [{"role": "user", "content": "x"},
      {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": ${given}}]},
      {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "3"}]}]}`,
  );
  const { chat: asked } = messageAsChat(readFields(MessageFields, message), { thinkingSwitch: false });
  assertEquals(idsOf(asked, WRITES_TOOLS).text, `${written} ${written} `);
  const response = await bodyOf(
    `{"input": "x", "tools": [{"type": "function", "name": "f", "parameters": ${given}}]}`,
  );
  assertEquals(
    idsOf(responseAsChat(readFields(ResponseFields, response)).chat, WRITES_TOOLS).text,
    `${written} `,
  );
});

Deno.test("what can't be a prompt is refused by name", () => {
  const WRONG: [body: Record<string, unknown>, param: string, words: string, template?: string][] = [
    [{ messages: [{ role: "robot", content: "x" }] }, "messages[0].role", "developer"],
    [{ messages: [user, { role: "user" }] }, "messages[1].content", "a text or a list of parts"],
    [
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: {} }] }] },
      "messages[0].content[0]",
      "not text",
    ],
    [{ messages: [{ role: "user", content: "\ud800" }] }, "messages[0].content", "lone surrogate"],
    [
      { messages: [user, { role: "assistant", tool_calls: [{ id: "1" }] }] },
      "messages[1].tool_calls[0]",
      "no function",
    ],
    [
      { messages: [user], continue_final_message: true, add_generation_prompt: true },
      "add_generation_prompt",
      "leave add_generation_prompt out",
    ],
    [
      { messages: [user], chat_template_kwargs: { tools: [] } },
      "chat_template_kwargs.tools",
      "says it itself",
    ],
    [{ messages: [user] }, "messages", "writes nothing", "{# #}"],
    [
      { messages: [user], continue_final_message: true },
      "messages",
      "leaves out its text",
      "{{ messages[0].role }}",
    ],
    [{ messages: [user], add_generation_prompt: false }, "add_generation_prompt", "no place", "named"],
    [{ messages: [user], continue_final_message: true }, "continue_final_message", "no place", "named"],
    [
      { messages: [user], chat_template_kwargs: { a: 1 } },
      "chat_template_kwargs.a",
      "template chatml",
      "named",
    ],
    [{ messages: [user, user] }, "messages", "take turns", "named"],
  ];
  for (const [body, param, words, jinja = PLAIN] of WRONG) {
    const error = assertThrows(
      () => promptOf(body, jinja === "named" ? PLAIN : jinja, jinja === "named" ? "chatml" : "auto"),
      ApiError,
    );
    assertStringIncludes(error.message, words);
    assertEquals([error.fields.status, error.fields.param], [400, param], words);
  }
});
