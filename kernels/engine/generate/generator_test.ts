/** The generator as others use it: in a Worker, many requests at once, on a tiny model with a tokenizer. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import { ContextLengthError, CPU, Generator, type GeneratorOptions } from "./generator.ts";
import { openGenerator } from "./open.ts";
import { decoderIn, TINY } from "../../../tests/helpers/tiny_model.ts";

const GOLDENS = new URL("../../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
const MODEL = join(GOLDENS, "model"),
  ADAPTER = join(GOLDENS, "adapter"),
  LLAMA = join(TINY, "llama", "model");
const decoder = decoderIn(MODEL);

async function withGenerator(options: Partial<GeneratorOptions>, use: (g: Generator) => Promise<void>) {
  const generator = await Generator.open({ model: MODEL, decoder, ...options });
  try {
    await use(generator);
  } finally {
    await generator.close();
  }
}

const PROMPTS = Array.from(
  { length: 6 },
  (_, i) => Array.from({ length: 3 + 7 * i }, (_, j) => (i * 31 + j * 17) % 290),
);

Deno.test("Generator.open() waits for options, and ends with what they are rejected with", async () => {
  const fault = new RangeError("no such model");
  assert(await assertRejects(() => Generator.open(Promise.reject(fault)), RangeError) === fault);
});

Deno.test("Generator: requests at once give what they give alone, greedy and sampled", () =>
  withGenerator({ maxBatch: 4 }, async (generator) => {
    assertEquals(generator.info.vocabSize, 304);
    assertEquals(generator.info.endIds, [300]);
    const samplings = PROMPTS.map((_, i) =>
      i % 2
        ? { temperature: 1.5, seed: i, max_tokens: 20 + 13 * i }
        : { max_tokens: 50, repetition_penalty: 1.3 }
    );
    const together = await Promise.all(PROMPTS.map((p, i) => generator.generate(p, samplings[i])));
    for (const [i, prompt] of PROMPTS.entries()) {
      const alone = await generator.generate(prompt, samplings[i]);
      assertEquals(together[i], alone, `request ${i}`);
      assertEquals(alone.promptTokens, prompt.length);
      assert(
        alone.ids.length > 0 && (alone.finish === "stop" || alone.ids.length === samplings[i]!.max_tokens),
      );
    }
    assert(new Set(together.map((r) => r.ids.join())).size === PROMPTS.length, "answers differ");
  }));

Deno.test("Generator: a merged adapter and an applied one give the same, another than the base", async () => {
  const answers: number[][] = [];
  for (const options of [{}, { adapter: ADAPTER }, { adapter: ADAPTER, merge: false }]) {
    await withGenerator(options, async (generator) => {
      answers.push((await generator.generate(PROMPTS[3]!, { max_tokens: 30, repetition_penalty: 1.2 })).ids);
    });
  }
  assertEquals(answers[1], answers[2]);
  assert(answers[0]!.join() !== answers[1]!.join());
});

Deno.test("Generator.generateAll() gives n answers, each that of its own seed, with log-probabilities", () =>
  withGenerator({}, async (generator) => {
    const sampling = { temperature: 1, seed: 5, max_tokens: 12, ignore_eos: true, logprobs: 2 };
    const streamed: number[][] = [[], [], []];
    const three = await generator.generateAll(PROMPTS[2]!, { ...sampling, n: 3 }, (id, _text, details) => {
      streamed[details.index]!.push(id);
      assertEquals(details.logprobs?.id, id);
    });
    assertEquals(three.map((answer) => answer.ids), streamed);
    assert(new Set(streamed.map((ids) => ids.join())).size === 3, "answers differ");
    for (const [i, answer] of three.entries()) {
      assertEquals((await generator.generate(PROMPTS[2]!, { ...sampling, seed: 5 + i })).ids, answer.ids);
      assertEquals(answer.logprobs?.map((token) => token.id), answer.ids);
      for (const { logprob, top } of answer.logprobs!) {
        assert(logprob <= top[0]!.logprob && top[1]!.logprob <= top[0]!.logprob && top[0]!.logprob < 0);
      }
    }
    const greedy = await generator.generate(PROMPTS[2]!, { max_tokens: 5, logprobs: 1 });
    assertEquals(greedy.logprobs!.map((token) => token.top[0]!.id), greedy.ids);
    await assertRejects(() => generator.generate(PROMPTS[2]!, { n: 2 }), RangeError, "generateAll");
  }));

Deno.test("Generator: adapters loaded by name answer as a model that was opened with them, beside the base", () =>
  withGenerator({ quantization: "float32" }, async (generator) => {
    const sampling = { max_tokens: 30, repetition_penalty: 1.2 };
    await assertRejects(
      () => generator.generate(PROMPTS[3]!, { adapter: "a" }),
      RangeError,
      'adapter "a": none is loaded',
    );
    const base = await generator.generate(PROMPTS[3]!, sampling);
    await generator.loadAdapter("a", ADAPTER);
    await assertRejects(() => generator.loadAdapter("a", ADAPTER), RangeError, "one of that name");
    await assertRejects(() => generator.loadAdapter("b", MODEL), RangeError, "adapter_config.json");
    const both = await Promise.all(
      [null, "a"].map((adapter) => generator.generate(PROMPTS[3]!, { ...sampling, adapter })),
    );
    assertEquals(both[0]!.ids, base.ids);
    await withGenerator({ adapter: ADAPTER, quantization: "float32" }, async (merged) => {
      assertEquals(both[1]!.ids, (await merged.generate(PROMPTS[3]!, sampling)).ids);
    });
    assert(both[1]!.ids.join() !== base.ids.join());
    // The request under way ends first; the next one finds no adapter.
    const last = generator.generate(PROMPTS[3]!, { ...sampling, adapter: "a" });
    await generator.unloadAdapter("a");
    assertEquals((await last).ids, both[1]!.ids);
    await assertRejects(
      () => generator.generate(PROMPTS[3]!, { adapter: "a" }),
      RangeError,
      "none is loaded",
    );
    await assertRejects(() => generator.unloadAdapter("a"), RangeError, "none of that name");
    assertEquals((await generator.generate(PROMPTS[3]!, sampling)).ids, base.ids);
  }));

Deno.test("Generator: drafts that are looked up change no greedy answer, and quantised weights are said", async () => {
  const prompt = Array.from({ length: 60 }, (_, i) => 40 + i % 12),
    sampling = { max_tokens: 60, ignore_eos: true };
  const answers: number[][] = [];
  for (const options of [{}, { speculation: 6 }]) {
    await withGenerator({ quantization: "float32", ...options }, async (generator) => {
      answers.push((await generator.generate(prompt, sampling)).ids);
      assertEquals(
        (await generator.generate(prompt, { ...sampling, max_tokens: 7 })).ids,
        answers.at(-1)!.slice(0, 7),
      );
    });
  }
  assertEquals(answers[0], answers[1]);
  await withGenerator({ quantization: 8 }, (generator) => {
    assert(/one program, 8-bit weights/.test(generator.info.backend), generator.info.backend);
    return Promise.resolve();
  });
  const device = { backend: "reference" as const, provider: "cpu" as const, threads: null };
  await assertRejects(
    () => Generator.open({ model: MODEL, decoder, device, quantization: 4 }),
    RangeError,
    "in 4 bits",
  );
  await assertRejects(
    () => Generator.open({ model: MODEL, decoder, speculation: -1 }),
    RangeError,
    "from 0 to 64",
  );
});

Deno.test("Generator: a mask made in the Worker decides which tokens come", () =>
  withGenerator({}, async (generator) => {
    const module = new URL("../../../tests/helpers/cycle_mask.ts", import.meta.url).href;
    const mask = (cycle: number[]) => ({ mask: { module, options: { cycle } }, max_tokens: 7 });
    const [forced, free] = await Promise.all([
      generator.generate(PROMPTS[1]!, mask([40, 41, 42])),
      generator.generate(PROMPTS[1]!, { max_tokens: 7 }),
    ]);
    assertEquals(forced.ids, [40, 41, 42, 40, 41, 42, 40]);
    assert(free.ids.join() !== forced.ids.join());
    // The model's end token is allowed like any other, and ends the answer.
    assertEquals((await generator.generate(PROMPTS[1]!, mask([40, 300]))).finish, "stop");
    await assertRejects(() => generator.generate(PROMPTS[1]!, mask([])), RangeError, "mask allows none");
    const wrong = { module: new URL("./sampling/mask.ts", import.meta.url).href, options: null };
    await assertRejects(() => generator.generate(PROMPTS[1]!, { mask: wrong }), TypeError, "default export");
  }));

Deno.test("Generator: tokens come one by one with their text, up to a stop text or id", () =>
  withGenerator({}, async (generator) => {
    const sampling = { max_tokens: 40, temperature: 1, seed: 3, ignore_eos: true };
    const ids: number[] = [], pieces: string[] = [];
    const free = await generator.generate(PROMPTS[1]!, sampling, (id, text) => {
      ids.push(id);
      pieces.push(text);
    });
    assertEquals(ids, free.ids);
    assertEquals(pieces.join(""), free.text);
    const decoded = loadTokenizerSync(MODEL).decode(free.ids, { skipSpecial: true });
    // without a character whose last bytes never came
    assertEquals(free.text, decoded.replace(/\uFFFD+$/, ""));
    assertEquals([free.finish, free.stop, free.ids.length], ["length", null, 40]);

    const stop = free.text.slice(10, 13),
      byText = await generator.generate(PROMPTS[1]!, { ...sampling, stop: [stop] });
    assertEquals([byText.finish, byText.stop], ["stop", stop]);
    assertEquals(byText.text, free.text.slice(0, free.text.indexOf(stop)));
    assert(byText.ids.length < 40);

    const id = free.ids[9]!, byId = await generator.generate(PROMPTS[1]!, { ...sampling, stop_ids: [id] });
    assertEquals(byId.ids, free.ids.slice(0, free.ids.indexOf(id) + 1));
    assertEquals([byId.finish, byId.stop], ["stop", id]);

    const held = await generator.generate(PROMPTS[1]!, { ...sampling, stop_ids: [id], min_tokens: 25 });
    assert(held.ids.length >= 25 && !held.ids.slice(0, 25).includes(id));
  }));

Deno.test("Generator: this thread stays responsive, and a signal ends one answer and no other", () =>
  withGenerator({}, async (generator) => {
    const stop = new AbortController();
    let ticks = 0, tokens = 0;
    const count = () => ++tokens === 200 && stop.abort(new Error("enough"));
    const sampling = { max_tokens: 400, ignore_eos: true };
    const long = generator.generate(PROMPTS[0]!, sampling, count, stop.signal);
    const other = generator.generate(PROMPTS[2]!, { ...sampling, max_tokens: 60 });
    await assertRejects(() => long, Error, "enough");
    assertEquals((await other).ids.length, 60);
    const timer = setInterval(() => ticks++, 1), seen = new Set<number>();
    // where this thread worked itself, no timer would run between the tokens of an answer, however many there are
    for (let answer = 0; seen.size < 4 && answer < 50; answer++) {
      seen.clear();
      await generator.generate(PROMPTS[0]!, sampling, () => void seen.add(ticks));
    }
    clearInterval(timer);
    assert(seen.size >= 4, `${ticks} ticks, ${seen.size} between tokens`);
    const aborted = AbortSignal.abort(new Error("before"));
    await assertRejects(() => generator.generate(PROMPTS[0]!, {}, undefined, aborted), Error, "before");
    assertEquals(
      (await generator.generate(PROMPTS[2]!, { ...sampling, max_tokens: 60 })).ids,
      (await other).ids,
    );
  }));

Deno.test("Generator: a prompt that fills the context is refused, an answer ends where it is full", () =>
  withGenerator({ maxModelLen: 20 }, async (generator) => {
    const prompt = PROMPTS[5]!.slice(0, 20);
    await assertRejects(
      () => generator.generate(prompt),
      ContextLengthError,
      "prompt of 20 tokens: the context holds 20",
    );
    const answer = await generator.generate(prompt.slice(0, 15), { max_tokens: 100, ignore_eos: true });
    assertEquals([answer.ids.length, answer.finish], [5, "length"]);
  }));

Deno.test("Generator: bad values are named, and the next request is answered", () =>
  withGenerator({}, async (generator) => {
    await assertRejects(() => generator.generate([1, 999]), RangeError, "id 1 is 999: the model knows 304");
    await assertRejects(() => generator.generate([1], { top_p: 2 }), RangeError, "top_p");
    await assertRejects(() => generator.generate([]), RangeError, "empty prompt");
    assertEquals((await generator.generate([1], { max_tokens: 2, ignore_eos: true })).ids.length, 2);
  }));

Deno.test("Generator.open() names what is wrong", async () => {
  await assertRejects(() => Generator.open({ model: join(GOLDENS, "nothing"), decoder }), Error, "nothing");
  await assertRejects(
    () => Generator.open({ model: MODEL, decoder, maxModelLen: 5000 }),
    RangeError,
    "from 2 to 1024",
  );
  await assertRejects(
    () => Generator.open({ model: MODEL, decoder: { ...decoder, rotaryLimit: 40 }, maxModelLen: 50 }),
    RangeError,
    "from 2 to 40, behind which its rotary frequencies change (longrope): current value is 50",
  );
  await assertRejects(
    () => Generator.open({ model: MODEL, decoder, adapter: MODEL }),
    RangeError,
    "adapter_config.json",
  );
  await assertRejects(() => Generator.open({ model: LLAMA, decoder: decoderIn(LLAMA) }), Error, "tokenizer");
});

Deno.test("openGenerator() without text needs no tokenizer, and then stops at ids only", async () => {
  const { generator } = await openGenerator({ model: LLAMA, decoder: decoderIn(LLAMA), text: false });
  const answer = await generator.generate([1, 2, 3], { max_tokens: 5, ignore_eos: true });
  assertEquals([answer.ids.length, answer.text], [5, ""]);
  await assertRejects(() => generator.generate([1], { stop: ["x"] }), RangeError, "without a tokenizer");
  await generator.close();
});

for (const [backend, phase] of [["onnx", "preparing weights"], ["reference", "reading weights"]] as const) {
  Deno.test(`Generator.open() tells of ${phase} on ${backend}: each part once, the last one the last of all`, async () => {
    const told: [string, number, number][] = [];
    const device = { ...CPU, backend };
    const generator = await Generator.open({ model: MODEL, decoder, device }, (...at) => told.push(at));
    await generator.close();
    const parts = told.at(-1)?.[2] ?? 0;
    assert(parts > 1);
    assertEquals(told, Array.from({ length: parts }, (_, i) => [phase, i + 1, parts]));
  });
}
