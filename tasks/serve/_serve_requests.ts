/**
 * Steps of the server's test: requests that are refused, or taken as other clients send them.
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import OpenAI, { APIError, AuthenticationError } from "openai";
import { readOrigins } from "./origins.ts";
import { asked, SERVED_KEY, type ServedClient, type WholeChat } from "./_serve_client.ts";

/** The steps, at a server that answers. */
export async function requestSteps(
  t: Deno.TestContext,
  { served, client, baseURL }: ServedClient,
): Promise<void> {
  await t.step("errors in OpenAI's shape", async () => {
    const wrong = async (request: unknown) =>
      await client.chat.completions.create(request as WholeChat).then(
        () => null,
        (error: APIError) => error,
      );
    const cases: [unknown, number, string | null, string][] = [
      [asked("x", { model: "rondom" }), 404, "model", 'did you mean "random"'],
      [{ ...asked("x"), guided_json: {} }, 400, "guided_json", "response_format"],
      [{ ...asked("x"), temprature: 1 }, 400, "temprature", 'did you mean "temperature"'],
      [asked("x", { temperature: -1 }), 400, "temperature", "-1"],
      [asked("x", { n: 0 }), 400, "n", "0"],
      [asked("x", { max_tokens: 401 }), 400, "max_tokens", "limit is 400"],
      [asked("x", { messages: [{ role: "assistant", content: "x" }] }), 400, "messages", "comes last"],
      [
        asked("x", { messages: [{ role: "robot" as "user", content: "x" }] }),
        400,
        "messages[0].role",
        "developer",
      ],
      [
        asked("x", {
          messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:," } }] }],
        }),
        400,
        "messages[0].content[0]",
        "not text",
      ],
      [asked("word ".repeat(2000)), 400, "messages", "maximum context length is 1024 tokens"],
      [
        asked("word ".repeat(190), { max_tokens: 100 }),
        400,
        "max_tokens",
        "context length is 1024 tokens. However, your",
      ],
      [
        asked("word ".repeat(190), { max_tokens: undefined as never, max_completion_tokens: 100 }),
        400,
        "max_completion_tokens",
        "max_completion_tokens asks for 100",
      ],
      [
        { ...asked("word ".repeat(190), { max_tokens: null }), min_tokens: 100 },
        400,
        "min_tokens",
        "100 tokens at least and",
      ],
      [asked("x", { logit_bias: { "99999": 1 } }), 400, "logit_bias", "token ids below 304"],
      [{ ...asked("x"), stop_token_ids: [999] }, 400, "stop_token_ids", "with stop_token_ids"],
      [{ ...asked("x"), min_tokens: 13 }, 400, "min_tokens", "13 tokens at least and 12 at most"],
      [asked("x", { stop: Array(17).fill("a") }), 400, "stop", "up to 16 texts"],
      [{ ...asked("x"), prompt: "x" }, 400, "prompt", "use messages"],
      [asked("x", { n: 7 }), 400, "n", "6 places"],
      // nothing is passed over inside of a field either
      [
        {
          ...asked("x"),
          stream: true,
          stream_options: { include_usage: true, continuous_usage: true },
        },
        400,
        "stream_options.continuous_usage",
        'did you mean "continuous_usage_stats"',
      ],
      [
        { ...asked("x"), response_format: { type: "json_schema", json_schema: { name: "a", schem: {} } } },
        400,
        "response_format.json_schema.schema",
        "a map is needed; current value is missing",
      ],
      [
        {
          ...asked("x"),
          response_format: { type: "json_schema", json_schema: { name: "a", schema: {}, stric: true } },
        },
        400,
        "response_format.json_schema.stric",
        'did you mean "strict"',
      ],
      [
        { ...asked("x"), response_format: { type: "json" } },
        400,
        "response_format.type",
        "one of text, json_object, json_schema is needed",
      ],
      [
        // as llama.cpp's server takes it
        { ...asked("x"), response_format: { type: "json_object", schema: {} } },
        400,
        "response_format.schema",
        'use type "json_schema" with',
      ],
      [asked("x", { logit_bias: { five: 1 } }), 400, "logit_bias.five", "needs token ids"],
      [
        { ...asked("x"), tools: [{ type: "function", function: { name: "f", parameter: {} } }] },
        400,
        "tools[0].function.parameter",
        'did you mean "parameters"',
      ],
      [asked("x", { reasoning_effort: "none" }), 400, "reasoning_effort", "no switch for thinking"],
      [
        asked("x", { max_completion_tokens: 5, max_tokens: 6 }),
        400,
        "max_tokens",
        "beside max_completion_tokens",
      ],
      [asked("x", { verbosity: "low" }), 400, "verbosity", "no such setting"],
      [{ ...asked("x"), return_token_ids: true }, 400, "return_token_ids", "told as texts"],
      [asked("y".repeat(200_001)), 413, null, "200000 bytes"],
    ];
    for (const [request, status, param, words] of cases) {
      const error = await wrong(request);
      assertEquals([error?.status, error?.param ?? null], [status, param], words);
      assertStringIncludes(error!.message, words);
      assertEquals(error!.type, "invalid_request_error");
    }
    await assertRejects(
      () => new OpenAI({ baseURL, apiKey: "sk-wrong", maxRetries: 0 }).models.list(),
      AuthenticationError,
    );
    await assertRejects(
      () => client.embeddings.create({ model: "random", input: "x" }),
      APIError,
      "Embeddings",
    );
    const headers = { authorization: `Bearer ${SERVED_KEY}` };
    const post = (body: BodyInit, type: string, more: Record<string, string> = {}) =>
      fetch(`${baseURL}/chat/completions`, {
        method: "POST",
        body,
        headers: { ...headers, "content-type": type, ...more },
      });
    const replies = await Promise.all([
      post("{}", "text/plain"),
      post("{", "application/json"),
      post("{}", "application/json", { "content-encoding": "gzip" }),
      post("{}", "application/json; charset=latin1"),
      post(new Uint8Array([0x22, 0xe9, 0x22]), "application/json"),
      fetch(`${baseURL}/chat/completions`, { headers }),
      fetch(`${served.base}/health`, { method: "POST", headers }),
      fetch(`${baseURL}/responses`, { method: "POST", headers }),
      fetch(`${baseURL}/completions`, {
        method: "POST",
        body: '{"prompt": [999]}',
        headers: { ...headers, "content-type": "application/json" },
      }),
      fetch(`${served.base}/v1/nothing`, { headers }),
      fetch(`${served.base}/v1/models`),
      fetch(`${served.base}/metrics`),
      fetch(`${served.base}/v1/models/tuned/`, { headers }),
      fetch(`${served.base}/v1/models/?x=1`, { headers }),
      fetch(`${served.base}/v1/models/tuned`, { method: "POST", headers }),
      fetch(`${served.base}/chat/completions`, { method: "POST", headers }),
    ]);
    assertEquals(replies.map(({ status }) => status), [
      415,
      400,
      415,
      415,
      400,
      405,
      405,
      501,
      400,
      404,
      401,
      401,
      200,
      200,
      405,
      404,
    ]);
    assertStringIncludes((await replies.pop()!.json()).error.message, "ask /v1/chat/completions");
    assertEquals((await replies[12]!.json()).id, "tuned");
    assertEquals((await replies[13]!.json()).data.length, 2);
    replies.splice(12, 2);
    assertEquals(replies.slice(5, 7).map(({ headers }) => headers.get("allow")), ["POST", "GET, HEAD"]);
    for (const reply of replies) assertEquals(typeof (await reply.json()).error.message, "string");
  });

  await t.step(
    "requests as other clients send them: nulls, empty lists, texts in lists, seeds of 64 bits",
    async () => {
      const ask = async (request: unknown) => {
        const reply = await fetch(`${baseURL}/chat/completions`, {
          method: "POST",
          body: JSON.stringify(request),
          headers: { authorization: `Bearer ${SERVED_KEY}`, "content-type": "application/json" },
        });
        return [reply.status, (await reply.json()).choices?.[0].message.content];
      };
      const plain = asked("Name a river.", { max_tokens: 4 }), expected = await ask(plain);
      const said = (...content: unknown[]) => [plain.messages[0], { role: "user", content }];
      const same: Record<string, unknown>[] = [
        {
          model: null,
          guided_json: null,
          mm_processor_kwargs: null,
          tools: null,
          stop: null,
          logit_bias: null,
        },
        { tools: [], tool_choice: "auto" },
        { stop: ["zz", "yy", "xx", "ww"], logit_bias: {}, response_format: { type: "text" } },
        { seed: 2 ** 63 - 1 },
        { seed: -(2 ** 63) },
        { messages: said("Name a river.") },
        ...["text", "input_text", "output_text"].map((type) => ({
          messages: said({ type, text: "Name a river." }),
        })),
      ];
      for (const more of same) assertEquals(await ask({ ...plain, ...more }), expected, JSON.stringify(more));
      // the same seed is the same answer, another is another, beyond 53 bits as well
      const drawn = (seed: number) => ask({ ...plain, temperature: 2, max_tokens: 12, seed });
      assertEquals(await drawn(2 ** 60), await drawn(2 ** 60));
      assert((await drawn(2 ** 60))[1] !== (await drawn(2 ** 60 + 4096))[1]);
      const refused: Record<string, unknown>[] = [
        { tool_choice: "auto" },
        { tools: [], tool_choice: "required" },
        { seed: 2 ** 65 },
        { seed: 0.5 },
        { stop: "" },
        { messages: said(5) },
      ];
      for (const more of refused) {
        assertEquals(
          (await ask({ ...plain, ...more }))[0],
          400,
          JSON.stringify(more),
        );
      }
    },
  );

  await t.step("pages of this machine may ask from any port, and those of others may not", async () => {
    const ask = (origin: string, method: string, more: Record<string, string> = {}) =>
      fetch(`${baseURL}/models`, { method, headers: { origin, ...more } });
    const before = {
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type",
    };
    const mine = "http://localhost:3000", other = "https://example.org";
    const replies = await Promise.all([
      ask(mine, "OPTIONS", before),
      ask(other, "OPTIONS", before),
      ask(mine, "GET", { authorization: `Bearer ${SERVED_KEY}` }),
      ask(other, "GET", { authorization: `Bearer ${SERVED_KEY}` }),
      ask("http://localhost.example.org", "OPTIONS", before),
    ]);
    assertEquals(
      replies.map(({ status, headers }) => [status, headers.get("access-control-allow-origin")]),
      [[204, mine], [403, null], [200, mine], [200, null], [403, null]],
    );
    const [first, , read] = replies;
    assertEquals(first?.headers.get("access-control-allow-headers"), "authorization,content-type");
    assertStringIncludes(first?.headers.get("access-control-allow-methods") ?? "", "POST");
    assertStringIncludes(read?.headers.get("access-control-expose-headers") ?? "", "x-dinotune-unused");
    for (const reply of replies) await reply.body?.cancel();
    assertEquals(readOrigins(["https://a.org", "http://b:80/", "*"]), ["https://a.org", "http://b", "*"]);
    for (const wrong of ["a.org", "https://a.org/x", "file:///x", ""]) {
      assertThrows(() => readOrigins([wrong]), RangeError, "needs a scheme");
    }
  });

  await t.step("fields without effect are named in a header", async () => {
    const named = asked("x", { user: "u", service_tier: "flex", max_tokens: 1 });
    named.messages = [
      {
        role: "user",
        content: [{ type: "text", text: "x", cache: 1 } as { type: "text"; text: string }],
        name: "Ada",
      },
      { role: "assistant", content: "y", reasoning: "z" } as OpenAI.Chat.ChatCompletionMessageParam,
      { role: "user", content: "x" },
    ];
    for (const stream of [false, true]) {
      const { data, response } = await client.chat.completions.create({ ...named, stream }).withResponse();
      assertEquals(
        response.headers.get("x-dinotune-unused"),
        "user, messages.name, messages.content.cache",
      );
      if ("choices" in data) assertEquals(data.service_tier, "default");
      else for await (const chunk of data) assertEquals(chunk.service_tier, "default");
    }
    const { response } = await client.chat.completions.create(asked("x", { max_tokens: 1 })).withResponse();
    assertEquals(response.headers.get("x-dinotune-unused"), null);
    const text = { model: "random", prompt: "x", max_tokens: 1, user: "u" };
    const told = (await client.completions.create(text).withResponse()).response;
    assertEquals(told.headers.get("x-dinotune-unused"), "user");
  });
}
