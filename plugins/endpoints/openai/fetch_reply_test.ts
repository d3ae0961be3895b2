/** Replies that an endpoint doesn't follow or doesn't read. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import openaiPlugin, { openaiEndpoint } from "../openai.ts";

const SECRET = "sk-test-do-not-show-0123456789";
const request = {
  messages: [{ role: "user" as const, content: "hello" }],
  temperature: 0,
  top_p: 1,
  max_tokens: 64,
};

async function ask(base: string, options: Record<string, unknown> = {}) {
  const endpoint = openaiEndpoint(
    openaiPlugin.options.parse({ name: "m", api_base: base, ...options }),
    { env: (name) => name === "OPENAI_API_KEY" ? SECRET : undefined },
  );
  return await endpoint.complete(request, new AbortController().signal);
}

function serve(handler: (request: Request) => Response | Promise<Response>) {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, handler);
  return { base: `http://127.0.0.1:${server.addr.port}/v1`, [Symbol.asyncDispose]: () => server.shutdown() };
}

for (const stream of [false, true]) {
  for (const status of [301, 302, 303, 307, 308]) {
    Deno.test(`openai: HTTP ${status} isn't followed${stream ? ", streamed" : ""}; the error names the target, without its secrets`, async () => {
      let reached = 0;
      await using thief = serve(
        () => (reached++, Response.json({ choices: [{ message: { content: "stolen" } }] })),
      );
      const target = thief.base.replace("//", "//user:hunter2@") + "/chat/completions?token=hunter3";
      let authorization: string | null = null;
      await using server = serve((http) => {
        authorization = http.headers.get("authorization");
        return new Response(null, { status, headers: { location: target } });
      });
      const answer = await ask(server.base, { stream });
      assertEquals([answer.failure?.kind, answer.failure?.fatal, answer.failure?.retryable], [
        "redirect",
        true,
        false,
      ]);
      assertStringIncludes(answer.error!, `leads to ${thief.base}/chat/completions, which isn't followed`);
      assertStringIncludes(answer.error!, "args.api_base");
      assert(!/hunter|sk-test/.test(answer.error!), answer.error);
      // to its own origin the key goes, to the other one nothing at all
      assertEquals([authorization, reached], [`Bearer ${SECRET}`, 0]);
    });
  }
}

/** Bytes without an end, and how many were taken. */
function endless(start: string, more: string) {
  const chunk = new TextEncoder().encode(more.repeat(Math.ceil(65536 / more.length)));
  const taken = { bytes: 0 };
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(start)),
    pull(controller) {
      taken.bytes += chunk.length;
      if (taken.bytes > 200e6) return controller.close();
      controller.enqueue(chunk);
    },
  });
  return { body, taken };
}

const piece = (content: string) => `data: {"choices":[{"index":0,"delta":{"content":"${content}"}}]}\n\n`;
const bodies: [name: string, type: string, start: string, more: string][] = [
  ["a text", "application/json", '{"choices":[{"message":{"content":"', "x"],
  ["pieces of text", "text/event-stream", piece("a"), piece("a")],
  [
    "pieces without text",
    "text/event-stream",
    piece("a"),
    'data: {"choices":[],"filler":"................"}\n\n',
  ],
  ["comments", "text/event-stream", piece("a"), ": waiting\n\n"],
  ["one line", "text/event-stream", piece("a"), "data"],
  ["white space", "application/json", "", " "],
];
for (const [name, type, start, more] of bodies) {
  Deno.test(`openai: ${name} without an end is given up at max_bytes, streamed or not`, async () => {
    for (const stream of [false, true]) {
      const { body, taken } = endless(start, more);
      await using server = serve(() => new Response(body, { headers: { "content-type": type } }));
      const answer = await ask(server.base, { stream, max_bytes: 1 << 20 });
      assertEquals([answer.failure?.kind, answer.failure?.retryable], ["too_large", false], answer.error);
      assertStringIncludes(answer.error!, "longer than 1048576 bytes (args.max_bytes)");
      // what the network holds in between is a few megabytes
      assert(taken.bytes < 50e6, `${taken.bytes}`);
      // a budget counts what may have been made
      assertEquals([answer.completionTokens, answer.estimated], [64, true]);
    }
  });
}

Deno.test("openai: an error's text is limited too", async () => {
  const { body, taken } = endless("{", " ");
  await using server = serve(() => new Response(body, { status: 500 }));
  assertEquals((await ask(server.base, { max_bytes: 1 << 20 })).failure?.kind, "too_large");
  assert(taken.bytes < 50e6, `${taken.bytes}`);
});

Deno.test("openai: what is packed is limited by what it unpacks to", async () => {
  const zeros = new Blob([JSON.stringify({ choices: [{ message: { content: "0".repeat(8 << 20) } }] })]);
  const packed = await new Response(zeros.stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
  await using server = serve(() =>
    new Response(packed, { headers: { "content-type": "application/json", "content-encoding": "gzip" } })
  );
  assert(packed.byteLength < 1 << 20);
  assertEquals((await ask(server.base, { max_bytes: 1 << 20 })).failure?.kind, "too_large");
  assertEquals((await ask(server.base)).text.length, 8 << 20);
});

for (
  const [name, bytes] of [["in the middle", [0xff, 0xc3, 0x28]], ["cut off at the end", [
    0xe5,
    0xa5,
  ]]] as const
) {
  Deno.test(`openai: an answer with bytes that no character has ${name} is no answer, streamed or not`, async () => {
    const part = (text: string) => new TextEncoder().encode(text);
    const whole = '{"choices":[{"message":{"content":"a';
    const rest = name === "in the middle" ? '"},"finish_reason":"stop"}]}' : "";
    for (
      const [start, end] of [[whole, rest], [
        `data: ${whole.replace("message", "delta")}`,
        `${rest}\n\n`,
      ]] as const
    ) {
      const body = new Blob([part(start), new Uint8Array(bytes), part(end)]);
      await using server = serve(() => new Response(body.stream()));
      const answer = await ask(server.base);
      assertEquals([answer.failure?.kind, answer.text], ["malformed", ""]);
      assertStringIncludes(answer.error!, "isn't UTF-8");
    }
  });
}
