/** Endpoint `openai` on what vLLM, llama.cpp's server and `transformers serve` answered (fixtures/goldens/servers). */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { mockServer } from "../../tasks/bench/eval/mock_server.ts";
import type { Completion } from "../kinds/endpoint.ts";
import openaiPlugin, { openaiEndpoint } from "./openai.ts";

interface Recorded {
  server: string;
  case: string;
  status: number;
  type: string;
  body: string;
}
const wire: Recorded[] = JSON.parse(
  Deno.readTextFileSync(new URL("../../fixtures/goldens/servers/wire.json", import.meta.url)),
);

async function replay(
  { status, type, body }: Recorded,
  stream = false,
  name = "m",
): Promise<Completion> {
  await using server = mockServer({
    respond: () => new Response(body, { status, headers: { "content-type": type } }),
  });
  const endpoint = openaiEndpoint(
    openaiPlugin.options.parse({ name, api_base: server.base, key: "none", stream }),
  );
  return await endpoint.complete(
    { messages: [{ role: "user", content: "hi" }], temperature: 0, top_p: 1, max_tokens: 16 },
    new AbortController().signal,
  );
}
const of = (what: string) => wire.filter((row) => row.case === what);

Deno.test("openai: a prompt that is too long for vLLM or llama.cpp is the outcome context_length, streamed or not", async () => {
  const rows = of("context");
  assertEquals(rows.length, 3);
  for (const row of [...rows, ...of("stream context")]) {
    const answer = await replay(row, row.case.startsWith("stream"));
    assertEquals(
      [answer.outcome, answer.text, answer.failure],
      ["context_length", "", undefined],
      row.server,
    );
    assertStringIncludes(answer.error!, "2048");
  }
});

Deno.test("openai: max_tokens beyond vLLM's context is an error of the configuration, not an outcome of every item", async () => {
  const rows = of("context by max_tokens").filter(({ status }) => status !== 200);
  assertEquals(rows.length, 2);
  for (const row of rows) {
    const answer = await replay(row);
    assertEquals([answer.outcome, answer.failure?.kind], ["error", "bad_request"], row.server);
    assertStringIncludes(answer.error!, "lower run_args.max_tokens");
  }
});

Deno.test("openai: a model or path that vLLM or llama.cpp doesn't have is not_found", async () => {
  for (const row of [...of("wrong model"), ...of("no path")].filter(({ status }) => status !== 200)) {
    const answer = await replay(row);
    assertEquals([answer.failure?.kind, answer.failure?.fatal], ["not_found", true], row.server);
    assertStringIncludes(answer.error!, "args.name");
  }
});

Deno.test("openai: llama.cpp's server answers whatever model is asked for: the answer has the name that it gives", async () => {
  const [row] = of("wrong model").filter(({ status }) => status === 200);
  assertEquals((await replay(row!)).answeredBy, "smollm2-135m-instruct-q4_1.gguf");
  assertEquals((await replay(row!, false, "smollm2-135m-instruct-q4_1.gguf")).answeredBy, undefined);
});

Deno.test("openai: JSON by schema and streams of vLLM and llama.cpp are read with their token counts", async () => {
  for (const row of of("schema")) {
    const answer = await replay(row);
    assertEquals([answer.outcome, answer.promptTokens], ["stop", 32], row.server);
    assertEquals(JSON.parse(answer.text).scores, [1.1]);
  }
  const texts: Record<string, string> = { vLLM: "Hello there,", "llama.cpp": "I'm glad" };
  for (const row of of("stream")) {
    const answer = await replay(row, true);
    const text = texts[row.server.split(" ")[0]!];
    assert(text !== undefined, row.server);
    const answeredBy = row.server.startsWith("vLLM") ? "smollm2" : "smollm2-135m-instruct-q4_1.gguf";
    assertEquals(
      answer,
      { outcome: "length", text, promptTokens: 32, completionTokens: 3, answeredBy },
      row.server,
    );
    // the same when it wasn't asked for
    assertEquals(await replay(row), answer, row.server);
  }
});

Deno.test("openai: transformers serve streams unasked, ends a stream when it fails, and refuses fields it doesn't know", async () => {
  const [whole, cut, field] = [of("not streamed"), of("a fault while it answers"), of("unknown field")].map((
    r,
  ) => r[0]!);
  assertEquals(await replay(whole!), {
    outcome: "stop",
    text: "Hello there,",
    // it counts nothing: "hi" is a token and four around it, twelve characters are three
    promptTokens: 5,
    completionTokens: 3,
    estimated: true,
    answeredBy: "smollm2@main",
  });
  assertEquals((await replay(whole!, true)).text, "Hello there,");
  for (const stream of [false, true]) assertEquals((await replay(cut!, stream)).failure?.kind, "stopped");
  const refused = await replay(field!);
  assertEquals(refused.failure?.kind, "bad_request", refused.error);
  assertStringIncludes(refused.error!, "bogus");
});

Deno.test("openai: an error inside of a stream is the server's", async () => {
  const stream = (error: unknown): Recorded => ({
    server: "",
    case: "",
    status: 200,
    type: "text/event-stream",
    body: `data: {"choices":[{"delta":{"content":"a"},"index":0}]}\n\ndata: ${
      JSON.stringify({ error })
    }\n\ndata: [DONE]\n\n`,
  });
  for (const asked of [false, true]) {
    const answer = await replay(
      stream({ message: "EngineCore died", type: "InternalServerError", code: 500 }),
      asked,
    );
    assertEquals([answer.failure?.kind, answer.text], ["server", ""], answer.error);
    assertStringIncludes(answer.error!, "EngineCore died");
  }
});
