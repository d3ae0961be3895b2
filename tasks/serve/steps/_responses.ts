/**
 * Steps of the server's test: responses, whole and as events, as OpenAI's client reads and adds them up.
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import OpenAI, { APIError } from "openai";

import { asked, SERVED_KEY, type ServedClient, type ServedSteps } from "./_client.ts";

type Params = OpenAI.Responses.ResponseCreateParamsNonStreaming;

/** The request of {@linkcode asked}. */
const request = (more: Partial<Params> = {}): Params => ({
  model: "random",
  instructions: "Be brief.",
  input: "Name a river.",
  temperature: 0,
  max_output_tokens: 12,
  ...more,
});

const TOOLS: OpenAI.Responses.FunctionTool[] = [{
  type: "function",
  name: "count",
  description: "Counts",
  parameters: { type: "object", properties: { city: { enum: ["Rome", "Oslo"] } }, required: ["city"] },
  strict: false,
}];

/** A response without what differs from one to the next. */
function lasting(response: OpenAI.Responses.Response): unknown {
  const { id: _, created_at: __, completed_at: ___, output_text: _____, usage, output, ...rest } = response;
  const items = output.map((item) => ({ ...item, id: "", ...("call_id" in item && { call_id: "" }) }));
  // what an earlier request left in memory isn't read again
  const { input_tokens_details: ____, ...counts } = usage!;
  return { ...rest, output: items, usage: counts };
}

/** At a server that answers. */
export const responseSteps: ServedSteps = {
  "a response says what the chat does, and its events add up to it": saysTheSame,
  "a response's call, its result sent back, and JSON": callsAndGoesOn,
  "tokens of a response's input are those that its prompt has": countsInput,
  "what a response can't be is refused in words of its own fields": refusesByName,
};

async function saysTheSame({ client }: ServedClient): Promise<void> {
  const chat = await client.chat.completions.create(asked("Name a river."));
  const whole = await client.responses.create(request());
  assertEquals(whole.output_text, chat.choices[0]?.message.content);
  assertEquals([whole.status, whole.incomplete_details?.reason], ["incomplete", "max_output_tokens"]);
  assertEquals(
    [whole.usage?.input_tokens, whole.usage?.output_tokens, whole.usage?.total_tokens],
    [chat.usage?.prompt_tokens, 12, chat.usage?.total_tokens],
  );
  const stream = client.responses.stream(
    request({ include: ["message.output_text.logprobs"], top_logprobs: 2 }) as never,
  );
  const events: OpenAI.Responses.ResponseStreamEvent[] = [];
  for await (const event of stream) events.push(event);
  assertEquals(events.map(({ sequence_number }) => sequence_number), events.map((_, i) => i));
  assertEquals(
    [...new Set(events.map(({ type }) => type))].map((type) => type.slice("response.".length)),
    [
      "created",
      "in_progress",
      "output_item.added",
      "content_part.added",
      "output_text.delta",
      "output_text.done",
      "content_part.done",
      "output_item.done",
      "incomplete",
    ],
  );
  const again = await client.responses.create(
    request({ include: ["message.output_text.logprobs"], top_logprobs: 2 }),
  );
  const last = events.at(-1);
  assert(last?.type === "response.incomplete");
  assertEquals(lasting(last.response), lasting(again));
  const [message] = again.output;
  assert(message?.type === "message" && message.content[0]?.type === "output_text");
  assertEquals(message.content[0].text, whole.output_text);
  const told = await client.chat.completions.create(
    asked("Name a river.", { logprobs: true, top_logprobs: 2 }),
  );
  assertEquals(message.content[0].logprobs as unknown, told.choices[0]?.logprobs?.content);
}

async function callsAndGoesOn({ client }: ServedClient): Promise<void> {
  const must = request({ tools: TOOLS, tool_choice: "required", max_output_tokens: 120 });
  const whole = await client.responses.create(must);
  const [call] = whole.output;
  assert(call?.type === "function_call" && call.call_id.startsWith("call_"));
  assertEquals([whole.status, call.name, call.status], ["completed", "count", "completed"]);
  assert(["Rome", "Oslo"].includes(JSON.parse(call.arguments).city));
  const stream = client.responses.stream(must as never), pieces: string[] = [];
  for await (const event of stream) {
    if (event.type === "response.function_call_arguments.delta") pieces.push(event.delta);
  }
  const streamed = await stream.finalResponse();
  assert(pieces.length > 1, `${pieces.length} pieces`);
  assertEquals(pieces.join(""), call.arguments);
  const [same] = streamed.output;
  assert(same?.type === "function_call");
  assertEquals([same.name, same.arguments], [call.name, call.arguments]);
  // as the chat's own: the same prompt, so the same answer
  const more: Params["input"] = [
    { role: "user", content: [{ type: "input_text", text: "Name a river." }] },
    call,
    { type: "function_call_output", call_id: call.call_id, output: "3" },
  ];
  const back = await client.responses.create(request({ input: more, tools: TOOLS }));
  const chat = await client.chat.completions.create({
    ...asked("x"),
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Name a river." },
      {
        role: "assistant",
        content: null,
        tool_calls: [{
          id: call.call_id,
          type: "function",
          function: { name: call.name, arguments: call.arguments },
        }],
      },
      { role: "tool", tool_call_id: call.call_id, content: "3" },
    ],
    tools: TOOLS.map(({ type, ...fields }) => ({ type, function: fields })) as never,
  });
  assertEquals(
    [back.output_text, back.usage?.input_tokens],
    [chat.choices[0]?.message.content, chat.usage?.prompt_tokens],
  );
  const schema = {
    type: "object",
    properties: { kind: { enum: ["a", "b"] }, ok: { type: "boolean" } },
    required: ["kind", "ok"],
    additionalProperties: false,
  };
  const format = { type: "json_schema" as const, name: "thing", schema, strict: true };
  const parsed = await client.responses.parse(
    request({ text: { format }, temperature: 1, max_output_tokens: 80 }),
  );
  assertEquals([parsed.status, Object.keys(JSON.parse(parsed.output_text))], ["completed", ["kind", "ok"]]);
}

async function countsInput({ client }: ServedClient): Promise<void> {
  const count = async (body: OpenAI.Responses.InputTokenCountParams) => {
    const { object, input_tokens } = await client.responses.inputTokens.count({ model: "random", ...body });
    assertEquals(object, "response.input_tokens");
    return input_tokens;
  };
  const { instructions, input } = request(),
    asked: Partial<Params>[] = [{}, { instructions: null }, {
      tools: TOOLS,
      tool_choice: "auto",
    }, { tools: TOOLS, tool_choice: "none" }];
  for (const more of asked) {
    const { usage } = await client.responses.create(request({ ...more, max_output_tokens: 1 }));
    assertEquals(
      await count({ instructions, input, ...more } as OpenAI.Responses.InputTokenCountParams),
      usage?.input_tokens,
    );
  }
  // a letter is a token at most: counted, though no answer to it has room
  assert(await count({ input: "word ".repeat(2000) }) > 1024);
  await assertRejects(() => count({}), APIError, "give input or instructions");
  await assertRejects(() => count({ model: "rondom", input: "x" }), APIError, "isn't served");
  await assertRejects(
    () => count({ input: [{ type: "item_reference", id: "msg_1" }] }),
    APIError,
    "send the item itself",
  );
}

async function refusesByName({ client, baseURL }: ServedClient): Promise<void> {
  const cases: [Partial<Params> & Record<string, unknown>, number, string | null][] = [
    [{ previous_response_id: "resp_1" }, 400, "previous_response_id"],
    [{ store: true }, 400, "store"],
    [{ model: "rondom" }, 404, "model"],
    [{ max_output_tokens: 401 }, 400, "max_output_tokens"],
    [{ tools: [{ type: "web_search" }] }, 400, "tools[0].type"],
    [{ input: [{ type: "item_reference", id: "msg_1" }] }, 400, "input[0].type"],
    [{ input: [{ role: "tool" as "user", content: "x" }] }, 400, "input[0].role"],
    [
      {
        input: [
          { role: "user", content: "x" },
          { type: "function_call", call_id: "a", name: "f" } as never,
        ],
      },
      400,
      "input[1].arguments",
    ],
    [
      {
        input: [{ role: "user", content: [{ type: "input_image", detail: "low", image_url: "data:," }] }],
      },
      400,
      "input[0].content[0]",
    ],
    [{ top_logprobs: 2 }, 400, "top_logprobs"],
    [
      { text: { format: { type: "json_schema", name: "x", schema: { not: {} } } } },
      400,
      "text.format",
    ],
    [{ reasoning: { effort: "high" } }, 400, "reasoning.effort"],
    [{ input: "word ".repeat(2000) }, 400, "input"],
    [{ temprature: 1 }, 400, "temprature"],
  ];
  for (const [more, status, param] of cases) {
    const error = await assertRejects(() => client.responses.create(request(more)), APIError);
    assertEquals([error.status, error.param], [status, param], error.message);
    assert(!/messages\[|response_format|max_tokens|reasoning_effort/.test(error.message), error.message);
  }
  await assertRejects(() => client.responses.retrieve("resp_1"), APIError, "aren't kept");
  const { response } = await client.responses.create(
    request({ user: "somebody", reasoning: { summary: "auto" }, include: ["reasoning.encrypted_content"] }),
  ).withResponse();
  assertEquals(
    response.headers.get("x-dinotune-unused"),
    "user, reasoning.summary, include.reasoning.encrypted_content",
  );
  const raw = await fetch(`${baseURL}/responses`, {
    method: "POST",
    headers: { authorization: `Bearer ${SERVED_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ ...request(), stream: true }),
  });
  const text = await raw.text();
  // as OpenAI's: each event by name, and no [DONE]
  assert(text.startsWith("event: response.created\ndata: {") && !text.includes("[DONE]"));
}
