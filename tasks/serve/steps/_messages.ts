/**
 * Steps of the server's test: messages, whole and as events, as Anthropic's client reads and adds them up.
 * @module
 */
import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { assert, assertEquals, assertRejects } from "@std/assert";

import { asked, type ServedClient, type ServedSteps } from "./_client.ts";
import { refusesByName, speaksItsShape } from "./_message_faults.ts";
import { MESSAGE_TOOLS, messageClient, type MessageParams, messageRequest } from "./_message_request.ts";

/** At a server that answers. */
export const messageSteps: ServedSteps = {
  "a message says what the chat does, and its events add up to it": saysTheSame,
  "a message's call, its result sent back, and JSON": callsAndGoesOn,
  "tokens of a message's prompt are those that it has": countsPrompt,
  "what a message can't be is refused in words of its own fields": refusesByName,
  "models, keys and errors are in the shape that Anthropic's client reads": speaksItsShape,
};

async function saysTheSame(served: ServedClient): Promise<void> {
  const client = messageClient(served);
  const chat = await served.client.chat.completions.create(asked("Name a river."));
  const words = chat.choices[0]?.message.content ?? "";
  const whole = await client.messages.create(messageRequest());
  assertEquals(whole.content, [{ type: "text", text: words, citations: null }]);
  assertEquals([whole.stop_reason, whole.stop_sequence, whole.role], ["max_tokens", null, "assistant"]);
  const { input_tokens, cache_read_input_tokens, output_tokens } = whole.usage;
  assertEquals([input_tokens + (cache_read_input_tokens ?? NaN), output_tokens], [
    chat.usage?.prompt_tokens,
    12,
  ]);

  const stream = client.messages.stream(messageRequest()), events: Anthropic.RawMessageStreamEvent[] = [];
  for await (const event of stream) events.push(event);
  assertEquals([...new Set(events.map(({ type }) => type))], [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
  const { id: _, usage: __, ...streamed } = await stream.finalMessage(),
    { id: ___, usage: ____, ...same } = whole;
  assertEquals(streamed, { ...same, parsed_output: null } as unknown as typeof streamed);
  // two texts of one side are one message: the model's template joins them as parts of one
  const twice = await client.messages.create(messageRequest({
    system: [{ type: "text", text: "Be brief." }],
    messages: [{ role: "user", content: [{ type: "text", text: "Name a river." }] }],
  }));
  assertEquals(twice.content, whole.content);
  // it ends at a text of the client's
  const stop = words.slice(4, 6),
    ended = await client.messages.create(messageRequest({ stop_sequences: [stop] }));
  assertEquals([ended.stop_reason, ended.stop_sequence], ["stop_sequence", stop]);
  assertEquals(ended.content, [{ type: "text", text: words.split(stop)[0] ?? "", citations: null }]);
}

async function callsAndGoesOn(served: ServedClient): Promise<void> {
  const client = messageClient(served);
  const must = messageRequest({ tools: MESSAGE_TOOLS, tool_choice: { type: "any" }, max_tokens: 120 });
  const whole = await client.messages.create(must), [call] = whole.content;
  assert(call?.type === "tool_use" && call.id.startsWith("toolu_"));
  assertEquals([whole.stop_reason, call.name, call.caller], ["tool_use", "count", { type: "direct" }]);
  assert(["Rome", "Oslo"].includes((call.input as { city: string }).city));
  const stream = client.messages.stream(must), pieces: string[] = [];
  for await (const event of stream) {
    if (event.type === "content_block_delta" && event.delta.type === "input_json_delta") {
      pieces.push(event.delta.partial_json);
    }
  }
  assert(pieces.length > 1, `${pieces.length} pieces`);
  const [same] = (await stream.finalMessage()).content;
  assert(same?.type === "tool_use");
  assertEquals([same.name, same.input, JSON.parse(pieces.join(""))], [call.name, call.input, call.input]);
  // as the chat's own: the same prompt, so the same answer
  const back = await client.messages.create(messageRequest({
    tools: MESSAGE_TOOLS,
    messages: [
      { role: "user", content: "Name a river." },
      { role: "assistant", content: whole.content },
      { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "3" }] },
    ],
  }));
  const chat = await served.client.chat.completions.create({
    ...asked("x"),
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Name a river." },
      {
        role: "assistant",
        content: null,
        tool_calls: [{
          id: call.id,
          type: "function",
          function: { name: call.name, arguments: JSON.stringify(call.input) },
        }],
      },
      { role: "tool", tool_call_id: call.id, content: "3" },
    ],
    tools: MESSAGE_TOOLS.map(({ input_schema, ...fields }) => ({
      type: "function" as const,
      function: { ...fields, parameters: input_schema },
    })) as never,
  });
  const [text] = back.content;
  assertEquals(text?.type === "text" && text.text, chat.choices[0]?.message.content);
  const schema = {
    type: "object",
    properties: { kind: { enum: ["a", "b"] }, ok: { type: "boolean" } },
    required: ["kind", "ok"],
    additionalProperties: false,
  };
  const held = await client.messages.create(
    messageRequest({
      output_config: { format: { type: "json_schema", schema } },
      temperature: 1,
      max_tokens: 80,
    }),
  );
  const [json] = held.content;
  assert(json?.type === "text");
  assertEquals([held.stop_reason, Object.keys(JSON.parse(json.text))], ["end_turn", ["kind", "ok"]]);
}

async function countsPrompt(served: ServedClient): Promise<void> {
  const client = messageClient(served);
  const { max_tokens: _, temperature: __, ...counted } = messageRequest();
  const asked: Partial<MessageParams>[] = [{}, { tools: MESSAGE_TOOLS }, {
    tools: MESSAGE_TOOLS,
    tool_choice: { type: "none" },
  }];
  for (const more of asked) {
    const { usage } = await client.messages.create(messageRequest({ ...more, max_tokens: 1 }));
    const { input_tokens } = await client.messages.countTokens({ ...counted, ...more } as never);
    assertEquals(input_tokens, usage.input_tokens + (usage.cache_read_input_tokens ?? NaN));
  }
  const long = { ...counted, messages: [{ role: "user" as const, content: "word ".repeat(2000) }] };
  assert((await client.messages.countTokens(long)).input_tokens > 1024);
  await assertRejects(
    () => client.messages.countTokens({ ...counted, model: "rondom" }),
    APIError,
    "isn't served",
  );
}
