/** The server as OpenAI's own client meets it: one process, a model with random weights, an adapter. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "@std/path";
import OpenAI, { APIError, AuthenticationError, NotFoundError, RateLimitError } from "openai";

import { parsePyJson, type PyJson } from "../../formats/python_json.ts";
import { loadTokenizerSync } from "../../formats/tokenizer/mod.ts";
import { compileOwn, renderWith } from "../../plugins/templates/rendered.ts";
import { startServed } from "../../tests/helpers/served.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import PROMPTS from "../../fixtures/goldens/servers/prompt_logprobs.json" with { type: "json" };
import { readOrigins } from "./origins.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import type { CompletionRequest } from "../../plugins/kinds/endpoint.ts";

const GOLDENS = new URL("../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
const MODEL = join(GOLDENS, "model"), ADAPTER = join(GOLDENS, "adapter");
const KEY = "sk-of-this-test";
const signal = new AbortController().signal;

type Chat = OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;

const asked = (content: string, more: Partial<Chat> = {}): Chat => ({
  model: "random",
  messages: [{ role: "system", content: "Be brief." }, { role: "user", content }],
  temperature: 0,
  max_tokens: 12,
  ...more,
});

/** Counters and histograms' counts of a server's metrics, by name and labels. */
function countersOf(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => /^\w+_(total|count|bucket|sum)\b/.test(line));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

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

Deno.test("deno task serve answers OpenAI's client", async (t) => {
  await using served = await startServed(
    [MODEL, "--name", "random", "--template", "qwen", "--backend", "onnx", "--adapter", `tuned=${ADAPTER}`]
      .concat(["--batch", "3", "--queue", "3", "--max-tokens", "400", "--max-body", "200000"]),
    { DINOTUNE_API_KEYS: `other,${KEY}` },
  );
  const baseURL = `${served.base}/v1`;
  const client = new OpenAI({ baseURL, apiKey: KEY, maxRetries: 0 });

  /** Answer of the endpoint `local` to the same request. */
  const local = async (request: Partial<CompletionRequest>, adapter: string | null = null) => {
    const endpoint = builtinRegistry().create("endpoint", "local", {
      model: MODEL,
      template: "qwen",
      backend: "onnx",
      adapter,
    });
    const answer = await endpoint.complete({
      messages: [{ role: "system", content: "Be brief." }, { role: "user", content: "Name a river." }],
      temperature: 0,
      top_p: 1,
      max_tokens: 12,
      ...request,
    }, signal);
    await endpoint.close();
    return answer;
  };

  await t.step("models: the model and its adapter, and one by name", async () => {
    const models = (await client.models.list()).data;
    assertEquals(models.map(({ id, object }) => [id, object]), [["random", "model"], ["tuned", "model"]]);
    assertEquals((models[1] as unknown as { parent: string }).parent, "random");
    assertEquals((await client.models.retrieve("tuned")).id, "tuned");
    await assertRejects(() => client.models.retrieve("none"), NotFoundError);
  });

  await t.step("a greedy answer is that of the endpoint local, of the model and of the adapter", async () => {
    for (const [model, adapter] of [["random", null], ["tuned", ADAPTER]] as const) {
      const expected = await local({}, adapter);
      const reply = await client.chat.completions.create(asked("Name a river.", { model }));
      const [choice] = reply.choices;
      assertEquals(choice?.message.content, expected.text);
      assertEquals(choice?.finish_reason, expected.outcome as "stop" | "length");
      assertEquals(reply.usage?.prompt_tokens, expected.promptTokens);
      assertEquals(reply.usage?.completion_tokens, expected.completionTokens);
      assertEquals([reply.object, reply.model, choice?.index], ["chat.completion", model, 0]);
      assert(reply.id.startsWith("chatcmpl-") && Math.abs(reply.created - Date.now() / 1000) < 100);
    }
  });

  await t.step("a stream adds up to the whole answer, with the usage at its end", async () => {
    const whole = await client.chat.completions.create(asked("Name a river."));
    const stream = await client.chat.completions.create({
      ...asked("Name a river."),
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "",
      role = "",
      finish: string | null = null,
      usage: OpenAI.CompletionUsage | null | undefined,
      chunks = 0;
    const ids = new Set<string>();
    for await (const chunk of stream) {
      chunks++;
      ids.add(chunk.id);
      const [choice] = chunk.choices;
      text += choice?.delta.content ?? "";
      role ||= choice?.delta.role ?? "";
      finish = choice?.finish_reason ?? finish;
      if (chunk.choices.length === 0) usage = chunk.usage;
    }
    assertEquals([text, role, finish], [whole.choices[0]?.message.content ?? "", "assistant", "length"]);
    const counts = (
      found?: OpenAI.CompletionUsage | null,
    ) => [found?.prompt_tokens, found?.completion_tokens, found?.total_tokens];
    assertEquals(counts(usage), counts(whole.usage));
    assert(ids.size === 1 && chunks > 5, `${chunks} chunks`);
    const helped = await client.chat.completions.stream(asked("Name a river.") as never).finalContent();
    assertEquals(helped, text);
  });

  await t.step("log-probabilities: of every token, best ones first, the same in a stream", async () => {
    const request = asked("Name a river.", { logprobs: true, top_logprobs: 3, max_tokens: 5 });
    const content = (await client.chat.completions.create(request)).choices[0]?.logprobs?.content ?? [];
    assertEquals(content.length, 5);
    for (const { token, logprob, top_logprobs, bytes } of content) {
      assertEquals(top_logprobs.length, 3);
      // greedy takes the best
      assertEquals([top_logprobs[0]?.token, top_logprobs[0]?.logprob], [token, logprob]);
      assert(top_logprobs.reduce((sum, each) => sum + Math.exp(each.logprob), 0) <= 1 + 1e-9);
      assert(bytes !== null && bytes.length > 0);
    }
    const stream = await client.chat.completions.create({ ...request, stream: true });
    const streamed: unknown[] = [];
    for await (const chunk of stream) streamed.push(...chunk.choices[0]?.logprobs?.content ?? []);
    assertEquals(streamed, content);
    await assertRejects(
      () => client.chat.completions.create(asked("x", { top_logprobs: 2 })),
      APIError,
      "logprobs to true",
    );
  });

  await t.step("n, seed, stop, logit_bias, penalties", async () => {
    const sampled = asked("Write.", { temperature: 1, n: 3, seed: 7 });
    const [first, again] = [
      await client.chat.completions.create(sampled),
      await client.chat.completions.create(sampled),
    ];
    const texts = first.choices.map(({ message }) => message.content);
    assertEquals(again.choices.map(({ message }) => message.content), texts);
    assert(new Set(texts).size > 1, "answers of one request differ");
    const other = await client.chat.completions.create({ ...sampled, seed: -8 });
    assert(other.choices.some(({ message }, i) => message.content !== texts[i]));
    assertEquals(first.usage?.completion_tokens, 36);

    const free = (await client.chat.completions.create(asked("Name a river."))).choices[0]?.message.content ??
      "";
    const stop = free.slice(4, 6);
    const stopped =
      (await client.chat.completions.create(asked("Name a river.", { stop: [stop, "never there"] })))
        .choices[0];
    assertEquals([stopped?.message.content, stopped?.finish_reason], [
      free.slice(0, free.indexOf(stop)),
      "stop",
    ]);
    assertEquals((stopped as unknown as { stop_reason: string }).stop_reason, stop);
    const streamed = await client.chat.completions.stream(asked("Name a river.", { stop }) as never)
      .finalContent();
    assertEquals(streamed, free.slice(0, free.indexOf(stop)));

    const [best] =
      (await client.chat.completions.create(asked("Name a river.", { logprobs: true }))).choices[0]?.logprobs
        ?.content ?? [];
    const biased = await client.chat.completions.create(
      asked("Name a river.", {
        logprobs: true,
        logit_bias: Object.fromEntries(Array.from({ length: 304 }, (_, i) => [i, i === 70 ? 50 : 0])),
      }),
    );
    assert(biased.choices[0]?.logprobs?.content?.[0]?.token !== best?.token);
    const bare = asked("Name a river.", { max_tokens: 60 });
    const distinct = (text: string) => new Set(text).size / text.length;
    const [plain, penalized] = [bare, { ...bare, frequency_penalty: 2, presence_penalty: 2 }].map(async (
      request,
    ) => distinct((await client.chat.completions.create(request)).choices[0]?.message.content ?? ""));
    assert(await penalized! > await plain!, "penalties make an answer repeat itself less");
  });

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
      const slow = held({ type: "object", properties: Object.fromEntries([...texts, ...wide]) });
      const small = held({ enum: ["a small one"] });
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
      let tokens = 0, answer: Promise<unknown> | undefined, before = NaN, until = NaN;
      const order: string[] = [];
      for await (const { usage } of await client.chat.completions.create(other)) {
        tokens = usage?.completion_tokens ?? tokens;
        if (tokens < 5 || answer !== undefined) continue;
        before = tokens;
        const slowly = client.chat.completions.create(slow).then(() => {
          until = tokens;
          order.push("slow");
        });
        answer = Promise.all([slowly, client.chat.completions.create(small).then(() => order.push("small"))]);
      }
      await answer;
      assertEquals(order, ["small", "slow"]);
      assert(until - before > 120, `${until - before} tokens came between the request and its answer`);
    },
  );

  await t.step(
    "a client that leaves while its grammar is compiled frees its place before that is done",
    async () => {
      const texts = Array.from({ length: 8 }, (_, i) => [`p${i}`, { type: "string", maxLength: 230 + i }]);
      const schema = { type: "object", properties: Object.fromEntries(texts) };
      const slow = asked("A thing.", {
        response_format: { type: "json_schema", json_schema: { name: "thing", schema } },
        max_tokens: 2,
      });
      const running = async () => {
        const reply = await fetch(`${served.base}/metrics`, { headers: { authorization: `Bearer ${KEY}` } });
        return Number(/^dinotune_answers_running (\d+)$/m.exec(await reply.text())?.[1]);
      };
      const before = served.log().length, leaving = new AbortController();
      const both = [
        client.chat.completions.create(slow),
        client.chat.completions.create(slow, { signal: leaving.signal }).catch(() => null),
      ];
      while (await running() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      leaving.abort();
      const [stayed, left] = await Promise.all(both);
      assertEquals([stayed?.choices[0]?.finish_reason, left], ["length", null]);
      const ends = () =>
        served.log().slice(before).match(/(?<=completions )\d+(?=.* (gone|length)$)/gm) ?? [];
      while (ends().length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      assertEquals(ends(), ["499", "200"], "in the order in which they were logged");
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

  await t.step(
    "text completions: texts, ids, several at once, echo, log-probabilities, streamed",
    async () => {
      const two = await client.completions.create({
        model: "tuned",
        prompt: ["One two", "Three"],
        max_tokens: 5,
        temperature: 0,
        n: 2,
        echo: true,
      });
      assertEquals(two.choices.map(({ index }) => index), [0, 1, 2, 3]);
      assertEquals(two.choices[0]?.text, two.choices[1]?.text);
      assert(two.choices[0]?.text.startsWith("One two") && two.choices[2]?.text.startsWith("Three"));
      const request = { model: "random", prompt: [65, 66, 67], max_tokens: 5, temperature: 0, logprobs: 2 };
      const [one] = (await client.completions.create(request)).choices;
      assertEquals(one?.logprobs?.token_logprobs?.length, 5);
      assertEquals(one?.logprobs?.text_offset?.[0], 0);
      // parts of characters look alike, and are told apart
      const [wide] = (await client.completions.create({ ...request, prompt: "Name", logprobs: 5 })).choices;
      for (const best of wide?.logprobs?.top_logprobs ?? []) assertEquals(Object.keys(best).length, 5);
      assertStringIncludes(JSON.stringify(wide?.logprobs?.top_logprobs), '"bytes:\\\\x');
      let text = "", offsets: number[] = [];
      // a stop text that may begin holds the answer's text back
      const stop = [`${one?.text[0]}${one?.text[1]}never`];
      for await (const chunk of await client.completions.create({ ...request, stop, stream: true })) {
        text += chunk.choices[0]?.text ?? "";
        offsets = [...offsets, ...chunk.choices[0]?.logprobs?.text_offset ?? []];
      }
      assertEquals(text, one?.text);
      assertEquals(offsets, one?.logprobs?.text_offset);
      assertAlmostEquals(
        one?.logprobs?.top_logprobs?.[0]?.[one.logprobs.tokens![0]!] ?? NaN,
        one?.logprobs?.token_logprobs?.[0] ?? 0,
        0,
      );
    },
  );

  await t.step(
    "a stream tells each answer's end when it comes, and the tokens so far where asked",
    async () => {
      const request = { model: "random", prompt: ["Name", "One two"], max_tokens: 40, temperature: 0 };
      const texts = (await client.completions.create(request)).choices.map(({ text }) => text);
      const early = texts.findIndex((text, i) =>
        [...text.slice(0, 8)].some((char) => !texts[1 - i]?.includes(char))
      );
      const stop = [...texts[early] ?? ""].find((char) => !texts[1 - early]?.includes(char));
      const stream = await client.completions.create({
        ...request,
        stop: [stop ?? ""],
        stream: true,
        stream_options: { include_usage: true, continuous_usage_stats: true } as never,
      });
      const events: { index: number; finish: string | null; tokens: number }[] = [];
      let usage: OpenAI.CompletionUsage | undefined;
      for await (const { choices: [choice], usage: told } of stream) {
        assert(told && told.total_tokens === told.prompt_tokens + told.completion_tokens);
        if (choice === undefined) usage = told;
        else {events.push({
            index: choice.index,
            finish: choice.finish_reason,
            tokens: told.completion_tokens,
          });}
      }
      const ended = events.findIndex(({ index, finish }) => index === early && finish === "stop");
      const after = events.slice(ended + 1);
      assert(ended >= 0 && after.length > 5 && after.every(({ index }) => index === 1 - early));
      assertEquals([after.at(-1)?.finish, after.at(-1)?.tokens], ["length", 40]);
      assertEquals(usage?.completion_tokens, 40 + (events[ended]?.tokens ?? NaN));
      const chat = await client.chat.completions.create({
        ...asked("Name a river.", { n: 2, seed: 1, temperature: 1 }),
        stream: true,
        stream_options: { include_usage: true, continuous_usage_stats: true } as never,
      });
      const counted = [0, 0];
      for await (const { choices: [choice], usage } of chat) {
        if (choice?.delta.role) assertEquals(usage?.completion_tokens, 0);
        if (choice) counted[choice.index] = usage?.completion_tokens ?? NaN;
        else assertEquals(usage?.completion_tokens, counted[0]! + counted[1]!);
      }
    },
  );

  await t.step("log-probabilities of prompts are those of transformers, asked as lm-eval asks", async () => {
    for (const model of ["random", "tuned"] as const) {
      for (const max_tokens of [1, 0]) {
        const { choices, usage } = await client.completions.create({
          model,
          prompt: PROMPTS.prompts,
          max_tokens,
          temperature: 0,
          logprobs: 1,
          seed: 1234,
          echo: true,
        });
        assertEquals(usage?.completion_tokens, 2 * max_tokens);
        for (const [i, { logprobs, text, finish_reason }] of choices.entries()) {
          const ids = PROMPTS.prompts[i] ?? [], expected = PROMPTS[model][i]!;
          const { tokens, token_logprobs, top_logprobs, text_offset } = logprobs!;
          assertEquals([token_logprobs!.length, finish_reason], [ids.length + max_tokens, "length"]);
          assertEquals([token_logprobs![0], top_logprobs![0]], [null, null]);
          // its loglikelihood: all tokens but the first, without what was answered; greedy where none is above the token
          const end = max_tokens === 0 ? undefined : -1, own = token_logprobs!.slice(1, end);
          const best = top_logprobs!.slice(1, end).map((top) => Math.max(...Object.values(top)));
          for (const [j, value] of own.entries()) {
            assertAlmostEquals(value, expected.logprobs[j]!, 2e-5);
            assertAlmostEquals(best[j]!, expected.best[j]!, 2e-5);
          }
          assertEquals(own.map((value, j) => value === best[j]), expected.greedy);
          if (i > 0) continue; // parts of characters are called by their bytes
          if (max_tokens === 0) assertEquals(text, tokens!.join(""));
          text_offset!.slice(0, ids.length).forEach((offset, j) =>
            assertEquals(text.slice(offset, offset + tokens![j]!.length), tokens![j])
          );
        }
      }
    }
    // special tokens in a text's prompt are tokens, as lm-eval's tokenized_requests=False needs them
    const { prompt, ids, logprobs: expected } = PROMPTS.marked;
    for (const asked of [prompt, ids]) {
      const { choices: [{ text, logprobs } = { text: "" }] } = await client.completions.create(
        { model: "random", prompt: asked, max_tokens: 0, temperature: 0, logprobs: 1, echo: true },
      );
      if (asked === prompt) assertEquals(text, prompt);
      const { tokens, token_logprobs, text_offset } = logprobs!;
      assertEquals(token_logprobs!.length, ids.length);
      token_logprobs!.slice(1).forEach((value, i) => assertAlmostEquals(value, expected[i]!, 2e-5));
      tokens!.forEach((token, i) => {
        // ids' special tokens are no part of the text
        if (asked === prompt) {
          assertEquals(text.slice(text_offset![i], text_offset![i]! + token.length), token);
        }
      });
    }
    // numbers are there for a prompt that went through before as well
    const again = { model: "random", prompt: PROMPTS.prompts[1]!, max_tokens: 1, temperature: 0 };
    await client.completions.create(again);
    const [choice] = (await client.completions.create({ ...again, echo: true, logprobs: 0 })).choices;
    assertAlmostEquals(choice!.logprobs!.token_logprobs![5]!, PROMPTS.random[1]!.logprobs[4]!, 2e-5);
    // a prompt and nothing else
    const bare = { model: "random", prompt: "Name", max_tokens: 0, echo: true, n: 2 };
    const echoed = (await client.completions.create(bare)).choices;
    assertEquals(echoed.map(({ text, logprobs }) => [text, logprobs]), [["Name", null], ["Name", null]]);
    for (const wrong of [{ ...bare, echo: false }, { ...bare, stream: true as const }]) {
      await assertRejects(async () => await client.completions.create(wrong), APIError, "400");
    }
    // as vLLM takes it
    await client.chat.completions.create(asked("x", { temperature: 3, max_tokens: 1 }));
  });

  await t.step("/tokenize and /detokenize: ids of transformers' tokenizer and of prompts", async () => {
    const post = async (path: string, body: unknown) => {
      const headers = { "content-type": "application/json", authorization: `Bearer ${KEY}` };
      const reply = await fetch(served.base + path, { method: "POST", body: JSON.stringify(body), headers });
      return [reply.status, await reply.json()] as const;
    };
    const { prompt, ids } = PROMPTS.marked, told = { count: ids.length, max_model_len: 1024, tokens: ids };
    assertEquals(await post("/tokenize", { prompt }), [200, { ...told, token_strs: null }]);
    const [, { token_strs }] = await post("/tokenize", { model: "tuned", prompt, return_token_strs: true });
    assertEquals([token_strs[0], token_strs[1], token_strs[5]], ["<|im_start|>", "u", "Ċ"]);
    assertEquals(await post("/detokenize", { tokens: ids }), [200, { prompt }]);
    const { messages } = asked("Name a river."),
      [, { count, tokens }] = await post("/tokenize", { messages });
    const { usage } = await client.chat.completions.create(asked("Name a river."));
    assertEquals([count, tokens.length], [usage?.prompt_tokens, usage?.prompt_tokens]);
    const [status, { error }] = await post("/detokenize", { tokens: [304] });
    assertEquals([status, error.param], [400, "tokens"]);
    assertEquals((await post("/tokenize", { prompt, model: "none" }))[0], 404);
    // as lm-eval's tokenizer_backend=remote reads it: its ends, and a chat template that writes what the server writes
    const reply = await fetch(`${served.base}/tokenizer_info`, {
      headers: { authorization: `Bearer ${KEY}` },
    });
    const info = await reply.json(),
      config = JSON.parse(Deno.readTextFileSync(join(MODEL, "tokenizer_config.json")));
    assertEquals([info.tokenizer_class, info.bos_token, info.eos_token, info.pad_token], [
      config.tokenizer_class,
      null,
      "<|im_end|>",
      config.pad_token,
    ]);
    const own = loadTokenizerSync(MODEL).withChatTemplate(info.chat_template);
    const shown = new Map<string, PyJson>([
      ["messages", parsePyJson(JSON.stringify(messages))],
      ["add_generation_prompt", true],
    ]);
    const written = renderWith(compileOwn(own), own, "1 Jan 2000", shown);
    assertEquals((await post("/tokenize", { prompt: written }))[1].tokens, tokens);
    const get = await fetch(`${served.base}/tokenize`, { headers: { authorization: `Bearer ${KEY}` } });
    await get.body?.cancel();
    assertEquals([get.status, get.headers.get("allow")], [405, "POST"]);
    for (const method of ["GET", "POST"]) {
      const reply = await fetch(`${served.base}/ping`, { method });
      assertEquals([reply.status, await reply.text()], [200, ""]);
    }
    const version = await fetch(`${served.base}/version`, { headers: { authorization: `Bearer ${KEY}` } });
    assertMatch((await version.json()).version, /^\d+\.\d+\.\d+$/);
  });

  await t.step("max_tokens: as much as the context has room for, and not one more", async () => {
    const long = asked("word ".repeat(190), { max_tokens: 1 });
    const prompt = (await client.chat.completions.create(long)).usage?.prompt_tokens ?? NaN;
    const room = 1024 - prompt,
      words = `maximum context length is 1024 tokens. However, your prompt has ${prompt}`;
    const filled = await client.chat.completions.create(
      { ...long, max_tokens: room, ignore_eos: true } as never,
    );
    assertEquals([filled.usage?.total_tokens, filled.choices[0]?.finish_reason], [1024, "length"]);
    // without a limit it ends at the same place
    const free = await client.chat.completions.create(
      { ...long, max_tokens: null, ignore_eos: true } as never,
    );
    assertEquals(free.choices[0]?.message.content, filled.choices[0]?.message.content);
    const text = Array<number>(1000).fill(65),
      two = { model: "random", prompt: [[65], text], temperature: 0 };
    assertEquals((await client.completions.create({ ...two, max_tokens: 24 })).usage?.prompt_tokens, 1001);
    for (const stream of [false, true]) {
      const requests = [
        () => client.chat.completions.create({ ...long, max_tokens: room + 1, stream }),
        () => client.completions.create({ ...two, max_tokens: 25, stream }),
      ];
      for (const [i, request] of requests.entries()) {
        const error = await assertRejects(async () => await request(), APIError);
        assertEquals([error.status, error.code, error.param], [400, "context_length_exceeded", "max_tokens"]);
        assertStringIncludes(
          error.message,
          i === 0 ? words : "has 1000 and max_tokens asks for 25, together 1025",
        );
      }
    }
    // what the client didn't ask for isn't refused: the longer prompt's answer is cut, the other's isn't
    const most = await client.completions.create({ ...two, prompt: [[65], Array<number>(1020).fill(65)] });
    assertEquals(most.usage?.completion_tokens, 16 + 4);
  });

  await t.step("errors in OpenAI's shape", async () => {
    const wrong = async (request: unknown) =>
      await client.chat.completions.create(request as Chat).then(() => null, (error: APIError) => error);
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
        "expected record",
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
    const headers = { authorization: `Bearer ${KEY}` };
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
          headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
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
      ask(mine, "GET", { authorization: `Bearer ${KEY}` }),
      ask(other, "GET", { authorization: `Bearer ${KEY}` }),
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

  await t.step("full: 429 with Retry-After; a client that leaves frees its places", async () => {
    const long = (index: number) => ({
      ...asked(`Count ${index}`, { max_tokens: 400 }),
      ignore_eos: true,
      stream: true as const,
    });
    const metrics = async () => {
      const reply = await fetch(`${served.base}/metrics`, { headers: { authorization: `Bearer ${KEY}` } });
      return await reply.text();
    };
    const places = async (running: number, waiting: number) =>
      new RegExp(`answers_running ${running}\n[^]*answers_waiting ${waiting}\n`).test(await metrics());
    const made = async () =>
      Number(/^dinotune_completion_tokens_total\{model="random"\} (\d+)$/m.exec(await metrics())?.[1]);
    const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
    // those who left are no fault of the server's: no 500, and nothing that would be looked into
    const allGone = () => served.log().match(/completions (200|499) .* gone$/gm) ?? [];

    /** Six answers take all places, a seventh is refused, and all six leave; null: one of them was whole before that. */
    const fill = async () => {
      const before = await made(), counted = countersOf(await metrics()), goneBefore = allGone().length;
      const leaving = new AbortController(), { signal } = leaving;
      let whole = 0;
      const begun = Array.from({ length: 6 }, async (_, index) => {
        try {
          const stream = index % 2 === 0; // every other one waits for a whole answer
          const answer = await client.chat.completions.create(
            { ...long(index), stream } as never,
            { signal },
          ) as unknown as AsyncIterable<unknown>;
          if (stream) { for await (const _ of answer); }
          whole++;
        } catch (error) {
          if (!signal.aborted) throw error;
        }
      });
      while (whole === 0 && !await places(3, 3)) await pause();
      const error = await client.chat.completions.create(asked("x")).then(
        () => null,
        (e: RateLimitError) => e,
      );
      const inTime = whole === 0;
      leaving.abort();
      await Promise.all(begun);
      while (!await places(0, 0)) await pause();
      return inTime ? { before, counted, goneBefore, error } : null;
    };
    let filled = await fill();
    // a test's thread that stands still for the second that the answers take comes too late
    for (let i = 0; filled === null && i < 10; i++) filled = await fill();
    assert(filled !== null, "six answers were whole before a seventh could be asked for, eleven times");
    const { before, counted, goneBefore, error } = filled;
    const gone = () => allGone().slice(goneBefore);
    assertEquals([error?.status, error?.code, error?.type], [429, "rate_limit_exceeded", "rate_limit_error"]);
    const seconds = Number(error?.headers?.get("retry-after"));
    assert(seconds >= 1 && seconds <= 60, `${seconds}`);
    // those that waited at least were given up; all six would have made 2400 tokens
    assert(await made() - before <= 1200, "answers that nobody waits for aren't made");
    // a minute at most: they are told after the places are free
    for (let i = 0; gone().length < 6 && i < 12_000; i++) await pause();
    assertEquals(gone().length, 6);
    assert(
      gone().filter((line) => line.includes(" 499 ")).length >= 3,
      "those who waited for a whole answer",
    );
    assert(!served.log().includes("completions 500") && !served.log().includes("error:"));
    const now = countersOf(await metrics());
    const rise = (name: string) => (now.get(name) ?? 0) - (counted.get(name) ?? 0);
    assertEquals(rise('dinotune_answers_total{end="gone"}'), 6);
    assertEquals(rise('dinotune_requests_total{path="/v1/chat/completions",status="429"}'), 1);
    for (const [name, value] of counted) assert((now.get(name) ?? -1) >= value, `${name} fell`);
    // the default client comes again by itself
    const patient = new OpenAI({ baseURL, apiKey: KEY, maxRetries: 5 });
    await patient.chat.completions.create(asked("x", { n: 6 }));
  });

  await t.step("adapters are loaded and unloaded by request", async () => {
    const post = async (path: string, body: unknown) => {
      const headers = { "content-type": "application/json", authorization: `Bearer ${KEY}` };
      const reply = await fetch(`${baseURL}/${path}`, {
        method: "POST",
        body: JSON.stringify(body),
        headers,
      });
      return [reply.status, await reply.text()] as const;
    };
    const load = { lora_name: "second", lora_path: ADAPTER };
    assertEquals(await post("load_lora_adapter", load), [
      200,
      "Success: LoRA adapter 'second' added successfully.",
    ]);
    const answers = await Promise.all(
      ["tuned", "second"].map((model) => client.chat.completions.create(asked("Hi", { model }))),
    );
    assertEquals(answers[0]!.choices[0]!.message.content, answers[1]!.choices[0]!.message.content);
    assertEquals((await post("load_lora_adapter", load))[0], 400);
    // its numbers would stand in the products of all others
    const broken = temporaryFolder(), tensors = "adapter_model.safetensors";
    Deno.copyFileSync(join(ADAPTER, "adapter_config.json"), join(broken, "adapter_config.json"));
    const bytes = Deno.readFileSync(join(ADAPTER, tensors));
    Deno.writeFileSync(join(broken, tensors), bytes.fill(0xff, bytes.length - 4));
    for (
      const [expected, lora_path, words] of [
        [400, broken, "aren't all finite"],
        [404, "owner name/none", "isn't an id on the hub"],
        [404, GOLDENS, "no adapter_config.json"],
      ] as const
    ) {
      const [status, text] = await post("load_lora_adapter", { lora_name: "broken", lora_path });
      assertEquals([status, JSON.parse(text).error.param], [expected, "lora_path"]);
      assertStringIncludes(text, words);
    }
    assertEquals(await post("unload_lora_adapter", { lora_name: "second" }), [
      200,
      "Success: LoRA adapter 'second' removed successfully.",
    ]);
    assertEquals((await post("unload_lora_adapter", { lora_name: "second" }))[0], 404);
    assertEquals((await post("unload_lora_adapter", { lora_name: "random" }))[0], 400);
    await assertRejects(
      () => client.chat.completions.create(asked("Hi", { model: "second" })),
      NotFoundError,
    );
  });

  await t.step("health, metrics, the log: counts, no contents and no keys", async () => {
    const health = await fetch(`${served.base}/health`);
    assertEquals([health.status, await health.text()], [200, ""]);
    const metrics =
      await (await fetch(`${served.base}/metrics`, { headers: { authorization: `Bearer ${KEY}` } })).text();
    for (
      const name of [
        'dinotune_requests_total{path="/v1/chat/completions",status="200"}',
        "dinotune_answers_running 0",
        "dinotune_answers_waiting 0",
        "dinotune_time_to_first_token_seconds_bucket",
      ]
    ) {
      assertStringIncludes(metrics, name);
    }
    const log = served.log();
    assertStringIncludes(log, "POST /v1/chat/completions 200");
    for (const secret of [KEY, "sk-wrong", "river", "nowhere", "Be brief"]) {
      assert(!log.includes(secret), `${secret} in the log`);
    }
  });

  await t.step("SIGTERM finishes the streams under way and takes no more", async () => {
    const stream = await client.chat.completions.create(
      { ...asked("Name a river.", { max_tokens: 200 }), ignore_eos: true, stream: true } as never,
    ) as unknown as AsyncIterable<OpenAI.Chat.ChatCompletionChunk>;
    let finish: string | null = null, sent = false;
    for await (const chunk of stream) {
      if (!sent) served.process.kill("SIGTERM");
      sent = true;
      finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    assertEquals(finish, "length");
    assertEquals((await served.process.status).code, 0);
    await assertRejects(() => fetch(`${served.base}/health`));
  });
});
