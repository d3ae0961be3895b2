/** Events of a response with thoughts, words and calls, added up by OpenAI's own client. */
import { assert, assertEquals } from "@std/assert";
import OpenAI from "openai";

import { loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import { THOUGHT_TAGS } from "../../../plugins/kinds/thoughts/thoughts.ts";
import { ANSWER_PIECES, COUNTED_ANSWER, SECOND_CALL } from "../../../tests/helpers/answer_pieces.ts";
import type { AnswerNews, WholeAnswer } from "../answers/answers.ts";
import { ApiError, badRequest } from "../api_error.ts";
import type { ChatAsked } from "../chat/chat_asked.ts";
import { ANSWER_FORMATS } from "../reading/tool_formats.ts";
import { ResponseFields, type ResponseRequest } from "./fields.ts";
import { inputMessages } from "./input.ts";
import type { Item } from "./items.ts";
import { ResponseWriting } from "./writing.ts";

const tokenizer = loadTokenizerSync(
  new URL("../../../fixtures/goldens/llamafactory/model", import.meta.url).pathname,
);
const hermes = ANSWER_FORMATS.find(({ name }) => name === "hermes") ?? null;
// the parts of a served model that a reply reads
const chat = {
  asked: {
    model: { id: "m", local: { tokenizer, generator: { info: { endIds: [] } } } },
    prompt: [1],
    sampling: {},
    shown: [],
  },
  opened: undefined,
  format: hermes,
  offered: new Set(),
  unused: [],
} as unknown as ChatAsked;
const request: ResponseRequest = ResponseFields.parse({ input: "x", metadata: { run: "a" } });
/** What OpenAI's client makes of a stream. */
async function added(
  texts: readonly string[],
  more: Partial<ResponseRequest> = {},
  fault?: ApiError,
  finish: WholeAnswer["finish"] = "stop",
) {
  const ended = { ...COUNTED_ANSWER, finish };
  const writing = new ResponseWriting({ ...request, ...more }, chat, { tags: THOUGHT_TAGS });
  const news = texts.flatMap((text, i) =>
    writing.news(
      0,
      {
        index: 0,
        text,
        logprobs: [],
        end: fault === undefined && i === texts.length - 1 ? ended : null,
      } satisfies AnswerNews,
    )
  );
  const events = [
    ...writing.begin(),
    ...news,
    ...fault ? writing.failed(fault) : writing.end([[ended]]),
  ] as {
    type: string;
  }[];
  const body = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
  const client = new OpenAI({
    apiKey: "none",
    baseURL: "http://127.0.0.1:1/v1",
    fetch: () => Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } })),
  });
  const stream = client.responses.stream({ model: "m", input: "x" });
  /** The response as the deltas alone add up, item by item. */
  const summed: string[] = [];
  for await (const event of stream) {
    if ("delta" in event && "output_index" in event) {
      summed[event.output_index] = (summed[event.output_index] ?? "") + event.delta;
    }
  }
  return { events, final: fault ? null : await stream.finalResponse(), summed };
}

Deno.test("OpenAI's client adds up thoughts, words and calls of a response, each an item in its place", async () => {
  const { final, summed, events } = await added([...ANSWER_PIECES, ...SECOND_CALL]);
  assertEquals(summed, ["So then", "Looking.", '{"a": 1}', "{}"]);
  assertEquals(
    final?.output.map((item) => {
      if (item.type === "reasoning") return [item.type, item.status, item.content?.[0]?.text];
      if (item.type === "message") {
        return [item.type, item.status, (item.content[0] as { text: string }).text];
      }
      return item.type === "function_call" ? [item.type, item.status, item.name, item.arguments] : item;
    }),
    [
      ["reasoning", "completed", "So then"],
      ["message", "completed", "Looking."],
      ["function_call", "completed", "f", '{"a": 1}'],
      ["function_call", "completed", "g", "{}"],
    ],
  );
  assertEquals([final?.output_text, final?.status, final?.metadata], ["Looking.", "completed", { run: "a" }]);
  // the tag that opens them, and two words
  assertEquals(final?.usage?.output_tokens_details.reasoning_tokens, 3);
  const done = events.filter(({ type }) => type === "response.output_item.done") as unknown as {
    item: unknown;
  }[];
  const last = events.at(-1) as unknown as { response: { output: unknown[] } };
  assertEquals(done.map(({ item }) => item), last.response.output);
});

Deno.test("a response has one call where parallel ones aren't wanted, and a message where nothing was said", async () => {
  const { final } = await added([...ANSWER_PIECES, ...SECOND_CALL], { parallel_tool_calls: false });
  assertEquals(final?.output.map(({ type }) => type), ["reasoning", "message", "function_call"]);
  for (
    const [texts, types] of [[[""], ["message"]], [["<think>", "So", "</think>"], [
      "reasoning",
      "message",
    ]]] as const
  ) {
    const { final } = await added(texts);
    assertEquals([final?.output.map(({ type }) => type), final?.output_text], [types, ""]);
  }
});

Deno.test("a call's arguments are told as they come, and a call that was cut is incomplete", async () => {
  const told = async (texts: readonly string[], finish: "stop" | "length") => {
    const { final, events } = await added(texts, {}, undefined, finish);
    const calls = events.slice(2).filter(({ type }) => type !== "response.incomplete").map((event) => {
      const { type, delta, item, arguments: given } = event as { [field: string]: unknown; item?: Item };
      return [
        (type as string).slice("response.".length),
        delta ?? given ?? [item?.["arguments"], item?.["status"]],
      ];
    });
    const last = final?.output.at(-1);
    return { calls, whole: last?.type === "function_call" && [last.arguments, last.status, final?.status] };
  };
  const cut = await told(['<tool_call>{"name": "f", "arguments"', ': {"a', '": 1'], "length");
  assertEquals(cut.calls, [
    ["output_item.added", ["", "in_progress"]],
    ["function_call_arguments.delta", '{"a'],
    ["function_call_arguments.delta", '": 1'],
    ["function_call_arguments.done", '{"a": 1'],
    ["output_item.done", ['{"a": 1', "incomplete"]],
  ]);
  assertEquals(cut.whole, ['{"a": 1', "incomplete", "incomplete"]);
  const whole = await told(['<tool_call>{"name": "f", "arguments": {"a', '": 1}', "}"], "stop");
  assertEquals(whole.calls.slice(1, 4), [
    ["function_call_arguments.delta", '{"a'],
    ["function_call_arguments.delta", '": 1}'],
    // with the last bracket of the arguments, not with the mark behind it
    ["function_call_arguments.done", '{"a": 1}'],
  ]);
  assertEquals(whole.whole, ['{"a": 1}', "completed", "completed"]);
});

Deno.test("an error within a response's stream is its failure, with what was said before", async () => {
  const { events } = await added(["Look"], {}, badRequest("Cannot go on"));
  const last = events.at(-1) as unknown as { type: string; response: OpenAI.Responses.Response };
  assertEquals([last.type, last.response.status], ["response.failed", "failed"]);
  assertEquals(last.response.error, { code: "invalid_prompt", message: "Cannot go on" });
  const server = await added(["Look"], {}, new ApiError("No", { status: 500, type: "server_error" }));
  assert(JSON.stringify(server.events.at(-1)).includes('"code":"server_error"'));
});

Deno.test("items of a turn are one message of the chat, and results follow their calls", () => {
  const text = (text: string) => [{ type: "output_text", text, annotations: [], logprobs: [] }];
  const call = (call_id: string) => ({
    type: "function_call",
    id: "fc",
    call_id,
    name: "f",
    arguments: "{}",
  });
  const called = (id: string) => ({ id, type: "function", function: { name: "f", arguments: "{}" } });
  const { messages, places } = inputMessages(ResponseFields.parse({
    instructions: "Be brief.",
    input: [
      { role: "user", content: [{ type: "input_text", text: "a" }, { type: "input_text", text: "b" }] },
      { type: "reasoning", id: "rs", summary: [], content: [{ type: "reasoning_text", text: "so" }] },
      { type: "message", id: "msg", status: "completed", role: "assistant", content: text("Look") },
      call("1"),
      call("2"),
      { type: "function_call_output", call_id: "1", output: "x" },
      { type: "function_call_output", call_id: "2", output: [{ type: "input_text", text: "y" }] },
      { role: "assistant", content: "Done" },
      { role: "assistant", content: text("Twice") },
      { type: "reasoning", id: "rs", summary: [] },
      { role: "developer", content: "c" },
    ],
  }));
  assertEquals(messages as unknown[], [
    { role: "system", content: "Be brief." },
    { role: "user", content: [{ type: "input_text", text: "a" }, { type: "input_text", text: "b" }] },
    { role: "assistant", content: "Look", reasoning: "so", tool_calls: [called("1"), called("2")] },
    { role: "tool", tool_call_id: "1", content: "x" },
    { role: "tool", tool_call_id: "2", content: [{ type: "input_text", text: "y" }] },
    { role: "assistant", content: "Done" },
    { role: "assistant", content: "Twice" },
    { role: "developer", content: "c" },
  ]);
  assertEquals(places, [
    "instructions",
    "input[0]",
    "input[1]",
    "input[5]",
    "input[6]",
    "input[7]",
    "input[8]",
    "input[10]",
  ]);
});
