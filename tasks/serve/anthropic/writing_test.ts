/** Events of a message with thoughts, words and calls, added up by Anthropic's own client, and conversations that it sends. */
import Anthropic from "@anthropic-ai/sdk";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { THOUGHT_TAGS } from "../../../plugins/kinds/thoughts/thoughts.ts";
import { ANSWER_PIECES, COUNTED_ANSWER, SECOND_CALL } from "../../../tests/helpers/answer_pieces.ts";
import type { WholeAnswer } from "../answers/answers.ts";
import { ApiError } from "../api_error.ts";
import type { ChatAsked } from "../chat/chat_asked.ts";
import { ANSWER_FORMATS } from "../reading/tool_formats.ts";
import { messageAsChat } from "./as_chat.ts";
import { MessageFields, type MessageRequest } from "./fields.ts";
import { readBlocks } from "./input.ts";
import { MessageWriting } from "./writing.ts";

// the parts of a served model that a reply reads
const chat = {
  asked: {
    model: { id: "m", local: { generator: { info: { endIds: [] } } } },
    prompt: [1, 2, 3, 4],
    sampling: {},
    shown: [],
  },
  opened: undefined,
  format: ANSWER_FORMATS.find(({ name }) => name === "hermes") ?? null,
  offered: new Set(),
  unused: [],
} as unknown as ChatAsked;
const needed = { max_tokens: 5, messages: [{ role: "user", content: "x" }] };
const request = (more: Record<string, unknown> = {}): MessageRequest =>
  MessageFields.parse({ ...needed, ...more });
/** What Anthropic's client makes of a stream. */
async function added(
  texts: readonly string[],
  more: Record<string, unknown> = {},
  ending: Partial<WholeAnswer> = {},
  fault?: ApiError,
) {
  const ended = { ...COUNTED_ANSWER, ...ending };
  const writing = new MessageWriting(request(more), chat, { tags: THOUGHT_TAGS, requestId: "req_1" });
  const news = texts.flatMap((text, i) =>
    writing.news(0, { index: 0, text, logprobs: [], end: !fault && i === texts.length - 1 ? ended : null })
  );
  const events = [
    ...writing.begin(),
    ...news,
    ...fault ? writing.failed(fault) : writing.end([[ended]]),
  ] as { type: string; index?: number }[];
  const body = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
  const client = new Anthropic({
    apiKey: "none",
    baseURL: "http://127.0.0.1:1",
    maxRetries: 0,
    fetch: () => Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } })),
  });
  const stream = client.messages.stream({ ...needed, model: "m" } as Anthropic.MessageStreamParams);
  const final = await stream.finalMessage().then((message) => message, (error: Error) => error);
  return { events, final };
}

/** A message that was added up. */
async function message(...asked: Parameters<typeof added>) {
  const { events, final } = await added(...asked);
  assert(!(final instanceof Error), String(final));
  return { events, final };
}

/** Blocks in short. */
const short = (content: readonly Anthropic.ContentBlock[]) =>
  content.map((block) => {
    if (block.type === "thinking") return [block.type, block.thinking, block.signature];
    if (block.type === "text") return [block.type, block.text];
    return block.type === "tool_use" ? [block.type, block.name, block.input] : block;
  });

Deno.test("Anthropic's client adds up thoughts, words and calls of a message, each a block in its place", async () => {
  const { final, events } = await message([...ANSWER_PIECES, ...SECOND_CALL]);
  assertEquals(short(final.content), [
    ["thinking", "So then", ""],
    ["text", "Looking."],
    ["tool_use", "f", { a: 1 }],
    ["tool_use", "g", {}],
  ]);
  assertEquals([final.stop_reason, final.stop_sequence], ["tool_use", null]);
  const { input_tokens, cache_read_input_tokens, output_tokens, output_tokens_details } = final.usage;
  assertEquals([input_tokens, cache_read_input_tokens, output_tokens], [3, 1, 3]);
  // the tag that opens them, and two words
  assertEquals(output_tokens_details?.thinking_tokens, 3);
  // a block ends before the next one begins, and places count up
  const blocks = events.filter(({ type }) => /^content_block_(start|stop)$/.test(type));
  assertEquals(
    blocks.map(({ type, index }) => [type.slice("content_block_".length), index]),
    [0, 1, 2, 3].flatMap((index) => [["start", index], ["stop", index]]),
  );
  assertEquals(events.map(({ type }) => type).filter((type) => type.startsWith("message")), [
    "message_start",
    "message_delta",
    "message_stop",
  ]);
  const omitted = await message(ANSWER_PIECES, { thinking: { type: "adaptive", display: "omitted" } });
  assertEquals(short(omitted.final.content)[0], ["thinking", "", ""]);
});

Deno.test("a message has one call where parallel ones are disabled, and a text where nothing was said", async () => {
  const { final } = await message([...ANSWER_PIECES, ...SECOND_CALL], {
    tool_choice: { type: "auto", disable_parallel_tool_use: true },
  });
  assertEquals(final.content.map(({ type }) => type), ["thinking", "text", "tool_use"]);
  assertEquals(short((await message([""])).final.content), [["text", ""]]);
  assertEquals(short((await message(["<think>", "So", "</think>"])).final.content), [
    ["thinking", "So", ""],
    ["text", ""],
  ]);
});

Deno.test("why a message ended: the model's own end, a text of the client's, a call, its limit", async () => {
  const why = async (texts: readonly string[], ending: Partial<WholeAnswer>) => {
    const { final } = await message(texts, {}, ending);
    return [final.stop_reason, final.stop_sequence];
  };
  assertEquals(await why(["Hi"], { stop: 7 }), ["end_turn", null]);
  assertEquals(await why(["Hi"], { stop: "END" }), ["stop_sequence", "END"]);
  assertEquals(await why(ANSWER_PIECES, { stop: 7 }), ["tool_use", null]);
  assertEquals(await why(ANSWER_PIECES, { finish: "length" }), ["max_tokens", null]);
});

Deno.test("a call whose arguments are no JSON object is text in a whole message, as clients take nothing else", () => {
  const whole = (text: string, finish: "stop" | "length") => {
    const writing = new MessageWriting(request(), chat, { tags: THOUGHT_TAGS, requestId: "req_1" });
    writing.news(0, {
      index: 0,
      text: `<tool_call>{"name": "f", "arguments": ${text}`,
      logprobs: [],
      end: { finish, stop: null },
    });
    const answer = { ...COUNTED_ANSWER, ids: [], finish };
    const { content, stop_reason } = writing.whole([[answer]]) as Anthropic.Message;
    return [...short(content), stop_reason];
  };
  const written = (text: string) => ["text", `{"name": "f", "arguments": ${text}`];
  assertEquals(whole('{"a": 1', "length"), [written('{"a": 1'), "max_tokens"]);
  assertEquals(whole('{"a": nope}', "stop"), [written('{"a": nope}'), "end_turn"]);
  assertEquals(whole('{"a": 1}', "stop"), [["tool_use", "f", { a: 1 }], "tool_use"]);
});

Deno.test("numbers of a whole message's call are those that the model wrote, ids of 19 digits too", () => {
  const writing = new MessageWriting(request(), chat, { tags: THOUGHT_TAGS, requestId: "req_1" });
  const given = '{"id":1234567890123456789,"list":[1.0,-0,1e400,3],"deep":{"half":0.5}}';
  writing.news(0, {
    index: 0,
    text: `<tool_call>{"name": "f", "arguments": ${given}}`,
    logprobs: [],
    end: { finish: "stop", stop: null },
  });
  const body = JSON.stringify(writing.whole([[{ ...COUNTED_ANSWER, ids: [] }]]));
  assertStringIncludes(body, `"input":${given}`);
});

Deno.test("an error within a message's stream is an event of its own, and the client's error", async () => {
  const { events, final } = await added(
    ["Look"],
    {},
    {},
    new ApiError("No", { status: 503, type: "server_error" }),
  );
  assertEquals(events.at(-1) as unknown, {
    type: "error",
    error: { type: "overloaded_error", message: "No" },
    request_id: "req_1",
  });
  assert(final instanceof Anthropic.APIError, String(final));
});

Deno.test("blocks become messages of a chat: turns of one side together, results behind their calls", () => {
  const { messages, places, continues, unused } = readBlocks(request({
    system: [{ type: "text", text: "Be" }, { type: "text", text: "brief." }],
    messages: [
      { role: "user", content: "a" },
      { role: "user", content: [{ type: "text", text: "b" }, { type: "text", text: "c" }] },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "so", signature: "s" },
          { type: "text", text: "Look" },
          { type: "tool_use", id: "1", name: "f", input: { x: 1 }, cache_control: { type: "ephemeral" } },
          { type: "tool_use", id: "2", name: "g", input: {} },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "1", content: [{ type: "text", text: "one" }] },
          { type: "tool_result", tool_use_id: "2", is_error: true },
          { type: "text", text: "d" },
        ],
      },
      { role: "system", content: "e" },
      { role: "assistant", content: "The answer is (" },
    ],
  }));
  const call = (id: string, name: string, given: string) => ({
    id,
    type: "function",
    function: { name, arguments: given },
  });
  const parts = (...texts: string[]) => texts.map((text) => ({ type: "text", text }));
  assertEquals(messages as unknown[], [
    { role: "system", content: parts("Be", "brief.") },
    { role: "user", content: parts("a", "b", "c") },
    {
      role: "assistant",
      content: "Look",
      reasoning: "so",
      tool_calls: [call("1", "f", '{"x": 1}'), call("2", "g", "{}")],
    },
    { role: "tool", content: "one", tool_call_id: "1" },
    { role: "tool", content: "", tool_call_id: "2", is_error: true },
    { role: "user", content: "d" },
    { role: "system", content: "e" },
    { role: "assistant", content: "The answer is (" },
  ]);
  assertEquals(places, [
    "system",
    "messages[0]",
    "messages[2]",
    "messages[3].content[0]",
    "messages[3].content[1]",
    "messages[3]",
    "messages[4]",
    "messages[5]",
  ]);
  assertEquals([continues, unused], [true, ["messages.content.signature", "messages.content.cache_control"]]);
});

Deno.test("a last message of the assistant's is the answer's beginning, an empty one is none, a call is refused", () => {
  const last = (content: unknown) =>
    messageAsChat(request({ messages: [...needed.messages, { role: "assistant", content }] }), {
      thinkingSwitch: false,
    }).chat;
  const begun = last("A"), empty = last([]);
  assertEquals([begun.continue_final_message, begun.messages.length], [true, 2]);
  assertEquals([empty.continue_final_message, empty.messages.length], [false, 1]);
  assertEquals(last("").messages.length, 1);
  assertThrows(
    () => readBlocks(request({ messages: [{ role: "assistant", content: "" }] })),
    ApiError,
    "nothing is said",
  );
  assertThrows(() => last([{ type: "tool_use", id: "1", name: "f", input: {} }]), ApiError, "messages[1]");
  assertThrows(
    () => last([{ type: "thinking", thinking: "so", signature: "" }]),
    ApiError,
    "ends in a thought",
  );
});

Deno.test("thinking switches what the model's template can switch, and is told of as unused elsewhere", () => {
  const effort = (thinking: unknown, thinkingSwitch: boolean) =>
    messageAsChat(request({ thinking }), { thinkingSwitch }).chat.reasoning_effort;
  const enabled = { type: "enabled", budget_tokens: 1024 };
  assertEquals([effort(enabled, true), effort({ type: "disabled" }, true)], ["medium", "none"]);
  assertEquals([effort({ type: "adaptive" }, true), effort(undefined, true), effort(enabled, false)], [
    null,
    null,
    null,
  ]);
});
