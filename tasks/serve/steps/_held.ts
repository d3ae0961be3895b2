/**
 * Steps of the server's test: answers held to schemas and tools, and grammars that take long.
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import OpenAI, { APIError } from "openai";
import { asked, type ServedClient, type ServedSteps } from "./_client.ts";
import { compilesBeside, freesThePlace } from "./_slow_grammars.ts";

/** Short: the model has a token for a letter, and a context of 1024. */
const TOOLS: OpenAI.Chat.ChatCompletionTool[] = [
  {
    type: "function",
    function: {
      name: "count",
      parameters: { type: "object", properties: { city: { enum: ["Rome", "Oslo"] } }, required: ["city"] },
    },
  },
  { type: "function", function: { name: "look_up" } },
];

/** At a server that answers. */
export const heldSteps: ServedSteps = {
  "answers held to JSON, streamed and whole": holdsToJson,
  "answers held by vLLM's fields: an expression, a list, a schema; in texts and responses too": holdsByVllm,
  "an answer held to JSON beside tools is one of their calls or that JSON": holdsBesideTools,
  "while a slow grammar is made, tokens of others keep coming, and a small one is ready before it":
    compilesBeside,
  "a client that leaves while its grammar is compiled frees its place before that is done": freesThePlace,
  "tools: offered by the template, a call that must come is one": callsTools,
  "a call's arguments come in pieces that add up to the whole call, cut or not": streamsCalls,
  "a strict tool: answers stay free, and calls are held to it": callsStrictTools,
};

async function holdsToJson({ client }: ServedClient): Promise<void> {
  const schema = {
    type: "object",
    properties: {
      kind: { enum: ["a", "b"] },
      size: { type: "integer", minimum: 1, maximum: 20 },
      ok: { type: "boolean" },
    },
    required: ["kind", "size", "ok"],
    additionalProperties: false,
  };
  const format = { type: "json_schema" as const, json_schema: { name: "thing", schema, strict: true } };
  const request = asked("A thing.", {
    response_format: format,
    max_tokens: 80,
    temperature: 1,
    n: 3,
    seed: 3,
  });
  const reply = await client.chat.completions.create(request);
  for (const { message, finish_reason } of reply.choices) {
    const thing = JSON.parse(message.content ?? "");
    assertEquals([Object.keys(thing), finish_reason], [["kind", "size", "ok"], "stop"]);
    assert(
      ["a", "b"].includes(thing.kind) && thing.size >= 1 && thing.size <= 20 &&
        typeof thing.ok === "boolean",
    );
  }
  const parsed = await client.chat.completions.parse({ ...request, n: 1 });
  assertEquals(
    Object.keys(parsed.choices[0]?.message.parsed ?? JSON.parse(parsed.choices[0]?.message.content ?? "")),
    ["kind", "size", "ok"],
  );
  const streamed = await client.chat.completions.stream({ ...request, n: 1 } as never).finalContent();
  assertEquals(streamed, reply.choices[0]?.message.content);
  const object = await client.chat.completions.create(
    asked("A thing.", { response_format: { type: "json_object" }, max_tokens: 6, temperature: 1, seed: 1 }),
  );
  assertStringIncludes(object.choices[0]?.message.content ?? "", "{");
  // a schema that the library can't follow is refused, and the next one is followed nevertheless
  for (
    const wrong of [{ type: "banana" }, { type: "object", properties: { a: { $ref: "#/nowhere" } } }, {
      not: {},
    }]
  ) {
    const refused = asked("x", {
      response_format: { type: "json_schema", json_schema: { name: "x", schema: wrong } },
    });
    await assertRejects(() => client.chat.completions.create(refused), APIError, "400");
    await assertRejects(
      async () => await client.chat.completions.create({ ...refused, stream: true }),
      APIError,
      "400",
    );
  }
  assertEquals((await client.chat.completions.create(request)).choices, reply.choices);
}

async function holdsByVllm({ client }: ServedClient): Promise<void> {
  const drawn = asked("A thing.", { temperature: 1, max_tokens: 60, seed: 5 });
  const said = async (more: Record<string, unknown>) =>
    (await client.chat.completions.create({ ...drawn, ...more })).choices[0]?.message.content ?? "";
  const regex = "[a-c]{2}-\\d{3}", choice = ["yes, sir", "no"];
  const schema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] };
  for (
    const more of [{ guided_regex: regex }, { structured_outputs: { regex, disable_any_whitespace: true } }]
  ) {
    assertMatch(await said(more), /^[a-c]{2}-\d{3}$/);
  }
  for (const more of [{ guided_choice: choice }, { structured_outputs: { choice } }]) {
    assert(choice.includes(await said(more)));
  }
  for (const more of [{ guided_json: schema }, { structured_outputs: { json: JSON.stringify(schema) } }]) {
    assertEquals(typeof JSON.parse(await said(more)).ok, "boolean");
  }
  assertEquals((await said({ structured_outputs: { json_object: true } }))[0], "{");
  const text = await client.completions.create(
    { model: "random", prompt: "A thing.", max_tokens: 20, structured_outputs: { choice } } as never,
  ) as OpenAI.Completion;
  assert(choice.includes(text.choices[0]?.text ?? ""));
  const response = await client.responses.create(
    { model: "random", input: "A thing.", structured_outputs: { regex } } as never,
  ) as OpenAI.Responses.Response;
  assertMatch(response.output_text, /^[a-c]{2}-\d{3}$/);
}

async function holdsBesideTools({ client }: ServedClient): Promise<void> {
  const schema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] };
  const format = { type: "json_schema" as const, json_schema: { name: "thing", schema } };
  const tools = TOOLS.slice(0, 1);
  const kinds = new Set<string>();
  for (let seed = 0; seed < 30 && kinds.size < 2; seed++) {
    const request = asked("A thing.", {
      tools,
      response_format: format,
      temperature: 3,
      seed,
      max_tokens: 120,
    });
    const [choice] = (await client.chat.completions.create(request)).choices;
    const { content, tool_calls: [call] = [] } = choice?.message ?? {};
    kinds.add(choice?.finish_reason ?? "");
    if (call === undefined) assertEquals(typeof JSON.parse(content ?? "").ok, "boolean");
    else {assert(
        call.type === "function" && ["Rome", "Oslo"].includes(JSON.parse(call.function.arguments).city),
      );}
  }
  assertEquals([...kinds].sort(), ["stop", "tool_calls"]);
  // a call that must come is no text
  const must = asked("A thing.", {
    tools,
    response_format: format,
    tool_choice: "required",
    max_tokens: 120,
  });
  assertEquals((await client.chat.completions.create(must)).choices[0]?.finish_reason, "tool_calls");
}

async function streamsCalls({ client }: ServedClient): Promise<void> {
  const choice = { type: "function" as const, function: { name: "count" } };
  const request = asked("How many?", { tools: TOOLS, tool_choice: choice, max_tokens: 120 });
  const whole = await client.chat.completions.create(request);
  const end = "}\n</tool_call>".length + '"Oslo"}'.length - 2;
  for (const max_tokens of [120, (whole.usage?.completion_tokens ?? 0) - end]) {
    const [expected] = (await client.chat.completions.create({ ...request, max_tokens })).choices;
    const [call] = expected?.message.tool_calls ?? [];
    assert(call?.type === "function");
    const heads: unknown[] = [], pieces: string[] = [];
    let finish: string | null = null;
    for await (
      const { choices: [chunk] } of await client.chat.completions.create({
        ...request,
        max_tokens,
        stream: true,
      })
    ) {
      finish = chunk?.finish_reason ?? finish;
      assertEquals(chunk?.delta.content ?? "", "");
      for (const { index, id, type, function: made } of chunk?.delta.tool_calls ?? []) {
        if (id === undefined) pieces.push(made?.arguments ?? "");
        else heads.push({ index, type, ...made });
      }
    }
    // as OpenAI's service: the name comes first, and what follows has its place alone
    assertEquals(heads, [{ index: 0, type: "function", name: "count", arguments: "" }]);
    assertEquals([pieces.join(""), finish], [call.function.arguments, expected?.finish_reason]);
    // the model has a token for a letter, and a reader that is slow gets several in a piece
    assert(pieces.length > 1, `${pieces.length} pieces`);
    assertEquals(call.function.arguments.endsWith("}"), max_tokens === 120);
  }
}

async function callsTools({ client }: ServedClient): Promise<void> {
  const choice = { type: "function" as const, function: { name: "count" } };
  const request = asked("How many?", { tools: TOOLS, tool_choice: choice, max_tokens: 120 });
  const { choices: [whole], usage } = await client.chat.completions.create(request);
  assertEquals([whole?.finish_reason, whole?.message.content], ["tool_calls", null]);
  const [call] = whole?.message.tool_calls ?? [];
  assert(call?.type === "function" && call.id.startsWith("call_"));
  assertEquals(call.function.name, "count");
  const args = JSON.parse(call.function.arguments);
  assert(["Rome", "Oslo"].includes(args.city));
  // cut in front of the end: the call is told, and that more might have come
  const cut = { ...request, max_tokens: (usage?.completion_tokens ?? 0) - 1 };
  const [short] = (await client.chat.completions.create(cut)).choices;
  assertEquals([short?.finish_reason, short?.message.tool_calls?.length], ["length", 1]);
  const streamed = await client.chat.completions.stream({ ...request, tool_choice: "required" } as never)
    .finalChatCompletion();
  const [again] = streamed.choices[0]?.message.tool_calls ?? [];
  assert(again?.type === "function" && ["count", "look_up"].includes(again.function.name));
  assertEquals(streamed.choices[0]?.finish_reason, "tool_calls");
  // tools are a part of the prompt; the call and its result can be sent back
  const plain = await client.chat.completions.create(asked("How many?"));
  const offered = await client.chat.completions.create(asked("How many?", { tools: TOOLS }));
  assert((offered.usage?.prompt_tokens ?? 0) > (plain.usage?.prompt_tokens ?? 0) + 50);
  const none = await client.chat.completions.create(
    asked("How many?", { tools: TOOLS, tool_choice: "none" }),
  );
  assertEquals(none.usage?.prompt_tokens, plain.usage?.prompt_tokens);
  const conversation = [...request.messages, whole!.message, {
    role: "tool" as const,
    tool_call_id: call.id,
    content: "3",
  }];
  const back = await client.chat.completions.create(asked("", { messages: conversation, tools: TOOLS }));
  assert((back.usage?.prompt_tokens ?? 0) > (offered.usage?.prompt_tokens ?? 0));
  await assertRejects(
    () => client.chat.completions.create(asked("x", { tool_choice: "required" })),
    APIError,
    "tools",
  );
}

async function callsStrictTools({ client }: ServedClient): Promise<void> {
  const strict = TOOLS.map((tool) =>
    tool.type === "function" ? { ...tool, function: { ...tool.function, strict: true } } : tool
  );
  const [choice] = (await client.chat.completions.create(asked("How many?", { tools: strict }))).choices;
  assertEquals([choice?.finish_reason, choice?.message.content?.length! > 0], ["length", true]);
  const wrong = [{
    type: "function" as const,
    function: { name: "f", strict: true, parameters: { not: {} } },
  }];
  await assertRejects(
    () => client.chat.completions.create(asked("x", { tools: wrong })),
    APIError,
    "follow not",
  );
}
