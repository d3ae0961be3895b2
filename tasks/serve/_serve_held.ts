/**
 * Steps of the server's test: answers held to schemas and tools, and grammars that take long.
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import OpenAI, { APIError } from "openai";
import { until } from "../../tests/helpers/until.ts";
import { asked, completionLines, loggedSoFar, metricsOf, type ServedClient } from "./_serve_client.ts";

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

/** Tries of what a machine that stands still in between keeps from being seen. */
const TRIES = 8;

/** The steps, at a server that answers. */
export async function heldSteps(t: Deno.TestContext, { served, client }: ServedClient): Promise<void> {
  await t.step("answers held to JSON, streamed and whole", async () => {
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
  });

  await t.step(
    "while a slow grammar is made, tokens of others keep coming, and a small one is ready before it",
    async () => {
      const texts = Array.from(
        { length: 40 },
        (_, i) => [`p${i}`, { type: "string", maxLength: 400 + 61 * i }],
      );
      // tenths of a second each until they are texts
      const wide = [4, 5, 6, 7].map((
        most,
      ) => [`w${most}`, { pattern: `^([a-z]{2,5}x?[0-9]{1,3}-){1,${most}}$` }]);
      const held = (schema: Record<string, unknown>) =>
        asked("A thing.", {
          response_format: { type: "json_schema", json_schema: { name: "thing", schema } },
          max_tokens: 1,
        });
      // two at once start both Workers
      const middling = ["a", "b"].map((name) =>
        held({
          type: "object",
          properties: Object.fromEntries(texts.slice(0, 9).map(([p, t]) => [`${name}${p}`, t])),
        })
      );
      await Promise.all(middling.map((request) => client.chat.completions.create(request)));
      const other = {
        ...asked("Go on.", { max_tokens: 300 }),
        ignore_eos: true,
        stream: true as const,
        stream_options: { include_usage: true, continuous_usage_stats: true },
      };
      /** Tokens between the request and its answer, and which answer came first. */
      const seen = async (turn: number) => {
        const slow = held({
          type: "object",
          properties: Object.fromEntries([[`t${turn}`, { type: "null" }], ...texts, ...wide]),
        });
        const small = held({ enum: [`a small one ${turn}`] });
        let tokens = 0, answer: Promise<unknown> | undefined, before = NaN, after = NaN;
        const order: string[] = [];
        for await (const { usage } of await client.chat.completions.create(other)) {
          tokens = usage?.completion_tokens ?? tokens;
          if (tokens < 5 || answer !== undefined) continue;
          before = tokens;
          const slowly = client.chat.completions.create(slow).then(() => {
            after = tokens;
            order.push("slow");
          });
          answer = Promise.all([
            slowly,
            client.chat.completions.create(small).then(() => order.push("small")),
          ]);
        }
        await answer;
        return { order: order.join(), many: after - before > 120, tokens: after - before };
      };
      let turn = 0, { order, many, tokens } = await seen(turn);
      // where this process stood still, both answers were there before it read the first token
      while (++turn < TRIES && !(many && order === "small,slow")) {
        ({ order, many, tokens } = await seen(turn));
      }
      assertEquals(order, "small,slow");
      assert(many, `${tokens} tokens came between the request and its answer`);
    },
  );

  await t.step(
    "a client that leaves while its grammar is compiled frees its place before that is done",
    async () => {
      const slow = (turn: number) => {
        const texts = Array.from(
          { length: 8 },
          (_, i) => [`${turn}p${i}`, { type: "string", maxLength: 230 + i }],
        );
        const schema = { type: "object", properties: Object.fromEntries(texts) };
        return asked("A thing.", {
          response_format: { type: "json_schema", json_schema: { name: "thing", schema } },
          max_tokens: 2,
        });
      };
      const running = async () =>
        Number(/^dinotune_answers_running (\d+)$/m.exec(await metricsOf(served))?.[1]);
      /** Ends as they are logged; of one that leaves after the other's answer has come, where both have been answered: 200 and 200. */
      const ends = async (turn: number) => {
        const before = await loggedSoFar(served), leaving = new AbortController();
        let over = false;
        const both = [
          client.chat.completions.create(slow(turn)).finally(() => over = true),
          client.chat.completions.create(slow(turn), { signal: leaving.signal }).catch(() => null),
        ];
        await until("two answers under way", async () => await running() >= 2 || over, { said: served.log });
        leaving.abort();
        const [stayed] = await Promise.all(both);
        assertEquals(stayed?.choices[0]?.finish_reason, "length");
        const told = () => completionLines(served).slice(before);
        await until("two lines of the log", () => told().length >= 2, { said: served.log });
        return told().map((line) => line.replace(/ .* /, " ")).join();
      };
      let turn = 0, found = await ends(turn);
      // this process stood still while both were answered
      while (++turn < TRIES && found !== "499 gone,200 length") found = await ends(turn);
      assertEquals(found, "499 gone,200 length", "in the order in which they were logged");
    },
  );

  await t.step("tools: offered by the template, a call that must come is one", async () => {
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
  });

  await t.step("a strict tool: answers stay free, and calls are held to it", async () => {
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
  });
}
