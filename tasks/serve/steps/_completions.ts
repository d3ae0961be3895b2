/**
 * Steps of the server's test: completions of texts, and the ends of several answers at once.
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import OpenAI from "openai";
import { asked, type ServedClient } from "./_client.ts";

export async function completesTexts({ client }: ServedClient): Promise<void> {
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
}

/** A stream's pieces of each choice add up to what the whole reply says of it. */
export async function streamsThePrompt({ client }: ServedClient): Promise<void> {
  type Said =
    & Pick<OpenAI.CompletionChoice, "text" | "finish_reason">
    & Required<OpenAI.CompletionChoice.Logprobs>;
  const request = { model: "tuned", prompt: ["One<|im_end|> two", "🙂", "T"], temperature: 0, echo: true };
  for (
    const more of [{ logprobs: 2, n: 2, max_tokens: 4 }, { logprobs: 0, n: 2, max_tokens: 0 }, {
      max_tokens: 0,
    }]
  ) {
    const { choices, usage } = await client.completions.create({ ...request, ...more });
    const said = choices.map((): Said => ({
      text: "",
      finish_reason: "" as never,
      tokens: [],
      token_logprobs: [],
      top_logprobs: [],
      text_offset: [],
    }));
    let told: OpenAI.CompletionUsage | undefined;
    const asStream = { stream: true, stream_options: { include_usage: true } } as const;
    for await (const chunk of await client.completions.create({ ...request, ...more, ...asStream })) {
      told = chunk.usage ?? told;
      for (const { index, text, logprobs, finish_reason } of chunk.choices) {
        const choice = said[index]!, { tokens, token_logprobs, top_logprobs, text_offset } = logprobs ?? {};
        assertEquals(choice.finish_reason, "", "nothing comes behind a choice's end");
        // one chunk tells all of the prompt
        if (logprobs && choice.tokens.length === 0) {
          assert(text.startsWith(request.prompt[Math.floor(index / 2)]!));
        }
        choice.text += text;
        choice.finish_reason = finish_reason ?? choice.finish_reason;
        choice.tokens.push(...tokens ?? []);
        choice.token_logprobs.push(...token_logprobs ?? []);
        choice.top_logprobs.push(...top_logprobs ?? []);
        choice.text_offset.push(...text_offset ?? []);
      }
    }
    const nothing = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
    assertEquals(
      said,
      choices.map(({ text, finish_reason, logprobs }) =>
        ({ text, finish_reason, ...logprobs ?? nothing }) as Said
      ),
    );
    assertEquals(told, usage);
    if (more.logprobs !== undefined) assertEquals(said[0]?.token_logprobs[0], null);
  }
}

/** Refused as by vLLM, whose newest versions have no best_of either. */
export async function refusesInTexts({ client }: ServedClient): Promise<void> {
  const request = { model: "random", prompt: "Name", max_tokens: 2, temperature: 0 };
  const refused: [more: Record<string, unknown>, param: string, words: string][] = [
    [{ suffix: "end" }, "suffix", "continues texts only"],
    [{ best_of: 3 }, "best_of", "set n to 3"],
    [{ n: 2, best_of: 1 }, "best_of", "2 answers (n) of 1 (best_of)"],
    [{ stream_options: { include_usage: true } }, "stream_options", "set stream to true"],
  ];
  for (const [more, param, words] of refused) {
    const error = await assertRejects(
      () => client.completions.create({ ...request, ...more } as never),
      OpenAI.APIError,
    );
    assertEquals([error.status, error.param], [400, param]);
    assertStringIncludes(error.message, words);
  }
  // what asks for nothing of it is taken
  const expected = (await client.completions.create(request)).choices;
  const plain = { suffix: "", best_of: 1, logprobs: null };
  assertEquals((await client.completions.create({ ...request, ...plain })).choices, expected);
}

export async function endsEachAnswer({ client }: ServedClient): Promise<void> {
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
}
