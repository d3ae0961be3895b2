/** Streamed answers: put together, silent, broken off. */
import { assertEquals, assertMatch } from "@std/assert";
import { askOnce } from "./_openai_requests.ts";

const chunk = (delta: unknown, finish: string | null = null) =>
  `data: ${
    JSON.stringify({
      id: "c",
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, finish_reason: finish }],
    })
  }\n\n`;
const stream = (...parts: string[]) => () =>
  new Response(parts.join(""), { headers: { "content-type": "text/event-stream" } });

Deno.test("openai: comments and bytes that drip don't keep a stream open", async () => {
  for (
    const [type, text] of [["text/event-stream", ": wait\n\n"], ["application/json", " "], [
      "text/event-stream",
      "data: ",
    ]]
  ) {
    let timer: ReturnType<typeof setInterval> | undefined;
    const body = new ReadableStream({
      start(to) {
        timer = setInterval(() => to.enqueue(new TextEncoder().encode(text)), 20);
      },
      cancel: () => clearInterval(timer),
    });
    const reply = () => new Response(body, { headers: { "content-type": type! } });
    const { failure, error } = await askOnce(reply, { stream: true, timeout: 0.4 });
    assertEquals(failure?.kind, "timeout", error);
  }
});

Deno.test("openai: streamed pieces are put together; one that stops, or isn't JSON, is a failure", async () => {
  const usage = `data: ${
    JSON.stringify({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 2 } })
  }\n\n`;
  const whole = await askOnce(
    stream(chunk({ content: "Hel" }), chunk({ content: "lo" }), chunk({}, "stop"), usage, "data: [DONE]\n\n"),
    { stream: true },
  );
  assertEquals(whole, { outcome: "stop", text: "Hello", promptTokens: 7, completionTokens: 2 });
  const cut = await askOnce(stream(chunk({ content: "Hel" })), { stream: true });
  assertEquals([cut.failure?.kind, cut.failure?.retryable, cut.text], ["stopped", true, ""], cut.error);
  const broken = await askOnce(stream("data: {not json}\n\n"), { stream: true });
  assertEquals(broken.failure?.kind, "malformed", broken.error);
  const long = await askOnce(stream(chunk({ content: "x".repeat(5000) }), chunk({}, "stop")), {
    stream: true,
    max_bytes: 2048,
  });
  assertEquals(long.failure?.kind, "too_large", long.error);
});

Deno.test("openai: a stream that goes silent is given up", async () => {
  const silent = (timeout: number) =>
    askOnce(() => {
      let timer: ReturnType<typeof setTimeout>;
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(chunk({ content: "a" })));
          timer = setTimeout(() => controller.close(), 60_000);
        },
        cancel: () => clearTimeout(timer),
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    }, { stream: true, timeout });
  let answer = await silent(0.3);
  // a busy machine may take longer to the first piece
  for (const longer of [2, 20]) if (answer.error?.startsWith("no answer")) answer = await silent(longer);
  assertEquals(answer.failure?.kind, "timeout", answer.error);
  assertMatch(answer.error ?? "", /the stream stopped for [\d.]+ s \(args\.timeout\)/);
});
