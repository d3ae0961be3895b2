/**
 * Steps of the server's test: prompts scored, cut into tokens and held to the context.
 * @module
 */
import {
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { APIError } from "openai";
import { parsePyJson, type PyJson } from "../../../formats/python_json.ts";
import { loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import { compileOwn, renderWith } from "../../../plugins/templates/rendered.ts";
import PROMPTS from "../../../fixtures/goldens/servers/prompt_logprobs.json" with { type: "json" };
import { asked, SERVED_KEY, SERVED_MODEL, type ServedClient, type ServedSteps } from "./_client.ts";

/** At a server that answers. */
export const promptSteps: ServedSteps = {
  "log-probabilities of prompts are those of transformers, asked as lm-eval asks": scoresPrompts,
  "prompt_logprobs, as vLLM has them, are those of transformers, ranks and best tokens too": ranksPrompts,
  "/tokenize and /detokenize: ids of transformers' tokenizer and of prompts": cutsIntoTokens,
  "max_tokens: as much as the context has room for, and not one more": fillsTheContext,
};

async function scoresPrompts({ client }: ServedClient): Promise<void> {
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
  await assertRejects(async () => await client.completions.create({ ...bare, echo: false }), APIError, "400");
  // as vLLM takes it
  await client.chat.completions.create(asked("x", { temperature: 3, max_tokens: 1 }));
}

/** vLLM's form of a prompt's log-probabilities. */
type Ranked = (Record<string, { logprob: number; rank: number; decoded_token: string }> | null)[];

async function ranksPrompts({ client }: ServedClient): Promise<void> {
  for (const model of ["random", "tuned"] as const) {
    // beside the answer's own, of other counts
    const more = { prompt_logprobs: 3, logprobs: 1, echo: true } as { echo: boolean };
    for (const given of [{ prompt_logprobs: 3 } as object, more]) {
      const body = { model, prompt: PROMPTS.prompts, max_tokens: 0, temperature: 0, n: 2, ...given };
      const { choices } = await client.completions.create(body);
      assertEquals(choices.length, 4);
      for (const [i, choice] of choices.entries()) {
        const [first, ...told] = (choice as unknown as { prompt_logprobs: Ranked }).prompt_logprobs;
        const prompt = Math.floor(i / 2),
          ids = PROMPTS.prompts[prompt] ?? [],
          expected = PROMPTS[model][prompt]!;
        assertEquals([first, told.length], [null, ids.length - 1]);
        for (const [j, place] of told.entries()) {
          const id = ids[j + 1] ?? NaN, own = place?.[id];
          assertAlmostEquals(own?.logprob ?? NaN, expected.logprobs[j]!, 2e-5);
          assertEquals(own?.rank, expected.ranks[j]);
          const best = Object.entries(place ?? {}).filter(([key, { rank }]) =>
            rank <= 3 || key !== String(id)
          );
          assertEquals(
            best.sort(([, a], [, b]) => a.rank - b.rank).map(([key]) => Number(key)),
            expected.best_ids[j],
          );
        }
        const listed = (choice.logprobs?.top_logprobs ?? []).slice(1);
        // the prompt's own token and one more
        for (const top of listed) assertEquals(Object.keys(top ?? {}).length <= 2, true);
      }
    }
  }
  const chat = await client.chat.completions.create(
    { ...asked("Name a river.", { max_tokens: 1 }), prompt_logprobs: 0 } as never,
  ) as unknown as { prompt_logprobs: Ranked; usage: { prompt_tokens: number } };
  assertEquals(chat.prompt_logprobs.length, chat.usage.prompt_tokens);
  const texts = chat.prompt_logprobs.slice(1).map((place) => Object.values(place ?? {})[0]?.decoded_token);
  // the template's own marks are tokens with names
  assertStringIncludes(texts.join(""), "Be brief.<|im_end|>\n<|im_start|>user\nName a river.");
  for (
    const wrong of [{ prompt_logprobs: 21 }, { prompt_logprobs: -1 }, { prompt_logprobs: 1, stream: true }]
  ) {
    const error = await assertRejects(
      async () => await client.chat.completions.create({ ...asked("x"), ...wrong } as never),
      APIError,
    );
    assertEquals([error.status, error.param], [400, "prompt_logprobs"]);
  }
}

async function cutsIntoTokens({ served, client }: ServedClient): Promise<void> {
  const post = async (path: string, body: unknown) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${SERVED_KEY}` };
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
    headers: { authorization: `Bearer ${SERVED_KEY}` },
  });
  const info = await reply.json(),
    config = JSON.parse(Deno.readTextFileSync(join(SERVED_MODEL, "tokenizer_config.json")));
  assertEquals([info.tokenizer_class, info.bos_token, info.eos_token, info.pad_token], [
    config.tokenizer_class,
    null,
    "<|im_end|>",
    config.pad_token,
  ]);
  const own = loadTokenizerSync(SERVED_MODEL).withChatTemplate(info.chat_template);
  const shown = new Map<string, PyJson>([
    ["messages", parsePyJson(JSON.stringify(messages))],
    ["add_generation_prompt", true],
  ]);
  const written = renderWith(compileOwn(own), own, "1 Jan 2000", shown);
  assertEquals((await post("/tokenize", { prompt: written }))[1].tokens, tokens);
  const get = await fetch(`${served.base}/tokenize`, {
    headers: { authorization: `Bearer ${SERVED_KEY}` },
  });
  await get.body?.cancel();
  assertEquals([get.status, get.headers.get("allow")], [405, "POST"]);
  for (const method of ["GET", "POST"]) {
    const reply = await fetch(`${served.base}/ping`, { method });
    assertEquals([reply.status, await reply.text()], [200, ""]);
  }
  const version = await fetch(`${served.base}/version`, {
    headers: { authorization: `Bearer ${SERVED_KEY}` },
  });
  assertMatch((await version.json()).version, /^\d+\.\d+\.\d+$/);
}

async function fillsTheContext({ client }: ServedClient): Promise<void> {
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
}
