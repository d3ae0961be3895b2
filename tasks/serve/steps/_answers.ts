/**
 * Steps of the server's test: answers whole and as streams, as OpenAI's client reads them.
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import OpenAI, { APIError, NotFoundError } from "openai";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import type { CompletionRequest } from "../../../plugins/kinds/endpoint.ts";
import { asked, SERVED_ADAPTER, SERVED_MODEL, type ServedClient, type ServedSteps } from "./_client.ts";
import { completesTexts, endsEachAnswer, refusesInTexts, streamsThePrompt } from "./_completions.ts";

const signal = new AbortController().signal;

/** At a server that answers. */
export const answerSteps: ServedSteps = {
  "models: the model and its adapter, and one by name": listsModels,
  "a greedy answer is that of the endpoint local, of the model and of the adapter": answersAsLocal,
  "a stream adds up to the whole answer, with the usage at its end": streamsTheWhole,
  "log-probabilities: of every token, best ones first, the same in a stream": givesLogprobs,
  "n, seed, stop, logit_bias, penalties": samplesAsAsked,
  "text completions: texts, ids, several at once, echo, log-probabilities, streamed": completesTexts,
  "text completions stream the prompt with its log-probabilities": streamsThePrompt,
  "what text completions can't be is refused by name: suffix, best_of, stream_options without a stream":
    refusesInTexts,
  "a stream tells each answer's end when it comes, and the tokens so far where asked": endsEachAnswer,
};

/** Answer of the endpoint `local` to the same request. */
const local = async (request: Partial<CompletionRequest>, adapter: string | null = null) => {
  const endpoint = builtinRegistry().create("endpoint", "local", {
    model: SERVED_MODEL,
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

async function listsModels({ client }: ServedClient): Promise<void> {
  const models = (await client.models.list()).data;
  assertEquals(models.map(({ id, object }) => [id, object]), [["random", "model"], ["tuned", "model"]]);
  assertEquals((models[1] as unknown as { parent: string }).parent, "random");
  assertEquals((await client.models.retrieve("tuned")).id, "tuned");
  await assertRejects(() => client.models.retrieve("none"), NotFoundError);
}

async function answersAsLocal({ client }: ServedClient): Promise<void> {
  for (const [model, adapter] of [["random", null], ["tuned", SERVED_ADAPTER]] as const) {
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
}

async function streamsTheWhole({ client }: ServedClient): Promise<void> {
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
}

async function givesLogprobs({ client }: ServedClient): Promise<void> {
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
}

async function samplesAsAsked({ client }: ServedClient): Promise<void> {
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
}
