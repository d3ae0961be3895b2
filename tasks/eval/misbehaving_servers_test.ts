/**
 * A whole run against servers that answer in every way that real ones do, as the model under test and as its judge: each item ends with
 * an answer, an outcome without one, or an error with its reason, and no score comes of anything but an answer.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { inFolder, rowsConfig, rowsText, runConfig } from "../../tests/helpers/evaluation_run.ts";
import { asksJudge, errorResponse } from "../../tests/helpers/mocked_judge.ts";
import { mockServer, mockText } from "../bench/eval/mock_server.ts";

const usage = { prompt_tokens: 11, completion_tokens: 7 };
const json = (value: unknown) => Response.json(value);
const whole = (message: unknown, finish: string | null = "stop", more: object = { usage }) =>
  json({ id: "same", choices: [{ index: 0, message, finish_reason: finish }], ...more });
const piece = (delta: unknown, finish: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const events = (text: string) => new Response(text, { headers: { "content-type": "text/event-stream" } });
const packed = (text: string, cut: boolean) => {
  const stream = new Blob([
    JSON.stringify({ choices: [{ message: { content: text }, finish_reason: "stop" }] }),
  ])
    .stream().pipeThrough(new CompressionStream("gzip"));
  return new Response(stream).bytes().then((bytes) =>
    new Response(cut ? bytes.subarray(0, -12) : bytes, { headers: { "content-encoding": "gzip" } })
  );
};

/** What an item ends with: a whole answer, one that is cut, an outcome without one, or an error of this kind. */
type End = "stop" | "length" | "content_filter" | "thought_only" | "context_length" | { error: string };
type Reply = (text: string, attempt: number) => Response | Promise<Response>;
const error = (kind: string) => ({ error: kind });
const once = (status: number, headers = {}): Reply => (text, attempt) =>
  attempt === 0 ? errorResponse(status, "for now", headers) : whole({ content: text });
const call = { tool_calls: [{ index: 0, function: { name: "look_up", arguments: "{}" } }] };

const WAYS: [name: string, reply: Reply, end: End][] = [
  ["text", (text) => whole({ content: text }), "stop"],
  ["429 once", once(429, { "retry-after": "0" }), "stop"],
  ["500 once", once(500), "stop"],
  ["429 always", () => errorResponse(429, "slow down", { "retry-after": "0" }), error("rate_limit")],
  ["500 always", () => new Response("Internal Server Error", { status: 500 }), error("server")],
  ["parts", (text) => whole({ content: [...text].map((char) => ({ type: "text", text: char })) }), "stop"],
  ["cut", (text) => whole({ content: text }, "length"), "length"],
  ["filter", () => whole({ content: null }, "content_filter"), "content_filter"],
  [
    "Azure's filter",
    () => errorResponse(400, "triggering Azure OpenAI's content management policy"),
    "content_filter",
  ],
  [
    "too long",
    () => errorResponse(400, "This model's maximum context length is 2048 tokens"),
    "context_length",
  ],
  ["thought alone", (text) => whole({ content: null, reasoning_content: text }), "thought_only"],
  ["thought in open tags", (text) => whole({ content: `<think>${text}` }), "thought_only"],
  ["call of a tool", () => whole({ content: null, ...call }, "tool_calls"), error("tool_call")],
  ["streamed call", () => events(piece(call) + piece({}, "tool_calls")), error("tool_call")],
  ["no usage", (text) => whole({ content: text }, "stop", {}), "stop"],
  ["another model", (text) => whole({ content: text }, "stop", { model: "other" }), "stop"],
  ["no end", (text) => whole({ content: text }, null), "stop"],
  ["end by an error", (text) => whole({ content: text }, "abort"), error("server")],
  ["no choices", () => json({ choices: [], usage }), error("malformed")],
  ["a choice of nothing", () => json({ choices: [null] }), error("malformed")],
  ["no message", () => json({ choices: [{}] }), error("malformed")],
  ["a number", () => whole({ content: 10 }), error("malformed")],
  ["a list", () => json([]), error("malformed")],
  ["an error with 200", () => json({ error: { message: "Provider failed", code: 502 } }), error("server")],
  ["HTML with 200", () => new Response("<html>10</html>"), error("malformed")],
  ["nothing with 200", () => new Response(""), error("malformed")],
  ["204", () => new Response(null, { status: 204 }), error("malformed")],
  ["JSON that ends early", () => new Response('{"choices":[{"message":{"content":"10'), error("malformed")],
  ["no UTF-8", () => new Response(new Uint8Array([123, 255, 125])), error("malformed")],
  ["gzip", (text) => packed(text, false), "stop"],
  ["gzip that ends early", (text) => packed(text, true), error("connection")],
  ["413", () => new Response("<html>too large</html>", { status: 413 }), error("bad_request")],
  ["a stream", (text) => events(piece({ content: text }) + piece({}, "stop") + "data: [DONE]\n\n"), "stop"],
  [
    "a stream in CRLF",
    (text) => events(`: hi\r\n\r\n${piece({ content: text }, "stop").replaceAll("\n", "\r\n")}`),
    "stop",
  ],
  ["half a stream", (text) => events(piece({ content: text })), error("stopped")],
  [
    "a stream with an error",
    (text) => events(`${piece({ content: text })}data: {"error": {"message": "died"}}\n\n`),
    error("server"),
  ],
  [
    "JSON as plain text",
    (text) =>
      new Response(JSON.stringify({ choices: [{ message: { content: text }, finish_reason: "stop" }] }), {
        headers: { "content-type": "text/plain" },
      }),
    "stop",
  ],
  [
    "JSON behind a byte order mark",
    (text) =>
      new Response(
        "\ufeff" + JSON.stringify({ choices: [{ message: { content: text }, finish_reason: "stop" }] }),
      ),
    "stop",
  ],
  [
    "several choices",
    (text) =>
      json({
        choices: [text, "Constraints Overall Score: [[0]]"].map((content, index) => ({
          index,
          message: { content },
          finish_reason: "stop",
        })),
      }),
    "stop",
  ],
  [
    "a stream with its usage behind the end, and [DONE] twice",
    (text) =>
      events(
        `${piece({ content: text }, "stop")}data: ${JSON.stringify({ choices: [], usage })}\n\n${
          "data: [DONE]\n\n".repeat(2)
        }`,
      ),
    "stop",
  ],
  [
    "a stream cut into bytes",
    (text) =>
      new Response(
        ReadableStream.from(
          (function* () {
            for (const byte of new TextEncoder().encode(piece({ content: text }, "stop"))) {
              yield Uint8Array
                .of(byte);
            }
          })(),
        ),
        { headers: { "content-type": "text/event-stream" } },
      ),
    "stop",
  ],
  ["a stream whose piece isn't JSON", (text) => events(`data: {"choices": [${text}\n\n`), error("malformed")],
  ["HTTP 502 in HTML", () => new Response("<html>Bad Gateway</html>", { status: 502 }), error("server")],
  [
    "a filter without a message",
    () => json({ choices: [{ finish_reason: "content_filter" }] }),
    "content_filter",
  ],
  ["Gemini's filter", () => whole({ role: "assistant" }, "content_filter: SAFETY"), "content_filter"],
  [
    "half an answer for want of room",
    (text) => whole({ content: text }, "insufficient_system_resource"),
    error("server"),
  ],
  ["half a stream of empty ends", (text) => events(piece({ content: text }, "")), error("stopped")],
  ["an unknown end and no text", () => whole({ content: null }, "OTHER"), error("server")],
  [
    "an event that is an error",
    (text) => events(`${piece({ content: text })}event: error\ndata: died\n\n`),
    error("server"),
  ],
  [
    "an empty field for errors",
    (text) => whole({ content: text }, "stop", { error: "", usage: null }),
    "stop",
  ],
  ["TGI's 424 once", once(424), "stop"],
  ["a stream of nothing", () => events("data: [DONE]\n\n"), error("stopped")],
];

for (const party of ["model", "judge"] as const) {
  Deno.test(`a ${party} whose server answers in ${WAYS.length} ways: each item ends as it should, and nothing else is scored`, async () => {
    await inFolder(async (folder) => {
      await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(WAYS.length));
      const attempts = new Map<number, number>();
      await using server = mockServer({
        respond: (request) => {
          const { body } = request;
          if (asksJudge(body) !== (party === "judge")) return undefined;
          const row = Number(/Question (\d+):/.exec(body.messages.at(-1)!.content)![1]);
          const attempt = attempts.get(row) ?? 0;
          attempts.set(row, attempt + 1);
          return WAYS[row]![1](mockText(request), attempt);
        },
      });
      const config = rowsConfig(folder, server.base, ["max_retries=1", "cache=false", "concurrency=4"]);
      const { results, stopped } = await runConfig(config);
      assertEquals(stopped, null);
      assert(results !== null);
      const released = JSON.parse(await Deno.readTextFile(join(config.out_dir, "rows_writer.json"))).result;
      const steps = new Map<string, Record<string, unknown>>();
      for (
        const line of (await Deno.readTextFile(join(config.out_dir, "items.jsonl"))).trimEnd().split("\n")
      ) {
        const step = JSON.parse(line);
        steps.set(`${step.stage} ${step.id}`, step);
      }
      let scored = 0;
      for (const [i, [name, , end]] of WAYS.entries()) {
        const id = `row-${i}`, isAnswer = end === "stop" || (end === "length" && party === "model");
        const answer = steps.get(`generate ${id}`) as
          | { completion: { outcome: string; error?: string } }
          | undefined;
        if (party === "model") {
          assertEquals(answer?.completion.outcome, typeof end === "string" ? end : undefined, name);
        } else assertEquals(answer?.completion.outcome, "stop", name);
        assertEquals(released[i].matched !== null, isAnswer, `${name}: a score only of an answer`);
        if (isAnswer) scored++;
        else if (party === "judge") {
          const verdict = steps.get(`judge ${id}`) as {
            judgement: { constraints: { score: null; reason: string }[] };
          } | undefined;
          const unasked = steps.get(`unjudged ${id}`) as { error: string } | undefined;
          assertEquals(typeof end === "string", verdict !== undefined, name);
          const why = verdict?.judgement.constraints[0]?.reason ?? unasked?.error;
          assert(why !== undefined && why.length > 10, `${name}: ${why}`);
        }
      }
      assertEquals([results.scores[0]?.scored, results.scores[0]?.unscored], [scored, WAYS.length - scored]);
      const kinds = new Map<string, number>();
      for (const [, , end] of WAYS) {
        if (typeof end !== "string") kinds.set(end.error, (kinds.get(end.error) ?? 0) + 1);
      }
      const prefix = party === "judge" ? "judge: " : "";
      assertEquals(
        Object.fromEntries(results.failures.map(({ kind, count }) => [kind, count])),
        Object.fromEntries([...kinds].map(([kind, count]) => [prefix + kind, count])),
      );
      assertStringIncludes(JSON.stringify(results.answered_by ?? {}), party === "model" ? "other" : "{}");
    });
  });
}
