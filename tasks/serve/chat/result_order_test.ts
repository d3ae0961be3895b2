/** Results of tools that come in another order than their calls, in each interface and for both kinds of template. */
import { assertEquals, assertThrows } from "@std/assert";

import openai from "../../../plugins/datasets/openai.ts";
import { Registry } from "../../../plugins/registry.ts";
import { messageAsChat } from "../anthropic/as_chat.ts";
import { MessageFields } from "../anthropic/fields.ts";
import { ApiError } from "../api_error.ts";
import { ChatFields, type ChatRequest, readFields } from "../fields/fields.ts";
import { responseAsChat } from "../responses/as_chat.ts";
import { ResponseFields } from "../responses/fields.ts";
import { readMessages, templateMessages } from "./messages.ts";

const IDS = ["1", "2", "3"], user = { role: "user", content: "x" };
const resultOf = (id: string, content: unknown = `of ${id}`) => ({ role: "tool", tool_call_id: id, content });
const calling = {
  role: "assistant",
  tool_calls: IDS.map((id) => ({ id, type: "function", function: { name: "f", arguments: "{}" } })),
};
const chatOf = (...behind: unknown[]) => readFields(ChatFields, { messages: [user, calling, ...behind] });

/** A conversation whose results come in this order, as a chat. */
const INTERFACES: Record<string, (sent: readonly string[]) => ChatRequest> = {
  "chat completions": (sent) => chatOf(...sent.map((id) => resultOf(id))),
  responses: (sent) =>
    responseAsChat(readFields(ResponseFields, {
      input: [
        user,
        ...IDS.map((call_id) => ({ type: "function_call", call_id, name: "f", arguments: "{}" })),
        ...sent.map((call_id) => ({ type: "function_call_output", call_id, output: `of ${call_id}` })),
      ],
    })).chat,
  messages: (sent) =>
    messageAsChat(
      readFields(MessageFields, {
        max_tokens: 5,
        messages: [
          user,
          { role: "assistant", content: IDS.map((id) => ({ type: "tool_use", id, name: "f", input: {} })) },
          {
            role: "user",
            content: sent.map((tool_use_id) => ({
              type: "tool_result",
              tool_use_id,
              content: `of ${tool_use_id}`,
            })),
          },
        ],
      }),
      { thinkingSwitch: false },
    ).chat,
};

/** Contents of the results as the model's own template gets them. */
const results = (chat: ChatRequest) =>
  templateMessages(chat).filter((message) => message.get("role") === "tool").map((message) =>
    message.get("content")
  );
/** Those of a named template's one turn of results. */
const joined = (chat: ChatRequest) =>
  readMessages(chat, new Registry([openai])).messages.at(-1)?.content.match(/of \w+/g);

for (const [name, asChat] of Object.entries(INTERFACES)) {
  Deno.test(`results of tools stand in the order of their calls, by which templates without ids tell them apart: ${name}`, () => {
    for (const sent of [["3", "1", "2"], ["2", "1"], ["2", "3", "1", "3"], IDS]) {
      const expected = sent.toSorted().map((id) => `of ${id}`);
      assertEquals([results(asChat(sent)), joined(asChat(sent))], [expected, expected], sent.join());
    }
    // one that names no call has no place among them
    const foreign = ["2", "other", "1"];
    assertEquals(results(asChat(foreign)), foreign.map((id) => `of ${id}`));
  });
}

Deno.test("results behind the next message are those of other calls", () => {
  const chat = chatOf(resultOf("2"), resultOf("1"), user, calling, resultOf("3"), resultOf("1", "again"));
  assertEquals(results(chat), ["of 1", "of 2", "again", "of 3"]);
});

Deno.test("a fault of a result is told by the place at which it was sent", () => {
  const chat = chatOf(resultOf("2", [{ type: "image_url" }]), resultOf("1"));
  for (const read of [() => templateMessages(chat), () => readMessages(chat, new Registry([openai]))]) {
    assertEquals(
      assertThrows(read, ApiError).fields.param?.slice(0, "messages[2].content".length),
      "messages[2].content",
    );
  }
});
