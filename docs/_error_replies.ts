/**
 * Replies of docs/errors.md that no server should give, and what is said to them.
 * @module
 */
import openaiPlugin, { openaiEndpoint } from "../plugins/endpoints/openai.ts";

/** In the page's order. */
export const BAD_REPLIES: readonly [what: string, reply: () => Response][] = [
  [
    "a redirect (301 to 308)",
    () => new Response(null, { status: 307, headers: { location: "https://elsewhere.example/v1/chat" } }),
  ],
  [
    "400 MB in a stream (32 MiB are read)",
    () => new Response(manyBytes(400e6), { headers: { "content-type": "text/event-stream" } }),
  ],
  [
    "400 MB in one piece of JSON",
    () => new Response(manyBytes(400e6), { headers: { "content-type": "application/json" } }),
  ],
];

function manyBytes(count: number): ReadableStream<Uint8Array> {
  const content = "a".repeat(1000);
  const piece = new TextEncoder().encode(
    `data: {"choices":[{"delta":{"content":"${content}"}}]}\n\n`.repeat(90),
  );
  let left = count;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      left -= piece.length;
      controller.enqueue(piece);
    },
  });
}

/** The message of an item whose server gives this reply. */
export async function saidToReply(reply: () => Response): Promise<string> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, reply);
  const origin = `http://127.0.0.1:${server.addr.port}`;
  try {
    const endpoint = openaiEndpoint(
      openaiPlugin.options.parse({ name: "m", api_base: `${origin}/v1`, key: "none" }),
    );
    const request = {
      messages: [{ role: "user" as const, content: "hello" }],
      temperature: 0,
      top_p: 1,
      max_tokens: 64,
    };
    const { error } = await endpoint.complete(request, new AbortController().signal);
    await endpoint.close();
    return (error ?? "no error").replaceAll(origin, "http://127.0.0.1:8000");
  } finally {
    await server.shutdown();
  }
}
