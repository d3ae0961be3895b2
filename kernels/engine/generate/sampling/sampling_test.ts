/** Logits processors against transformers (fixtures/goldens/sampling). */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { argmax, inverseSoftmax, processLogits, Sampler } from "./sampler.ts";
import { checkSampling, GREEDY } from "./sampling.ts";
import { keepTopK, keepTopP } from "./sampling_processors.ts";

const golden = JSON.parse(
  Deno.readTextFileSync(new URL("../../../../fixtures/goldens/sampling/sampling.json", import.meta.url)),
);
const number = (value: number | string) => typeof value === "string" ? -Infinity : value;

for (const { vector, settings, logits, kept } of golden.processors) {
  Deno.test(`processLogits() equals transformers on "${vector}" with ${JSON.stringify(settings)}`, () => {
    const sampling = checkSampling({ temperature: 1, ...settings }, 50);
    const actual = processLogits(golden.vectors[vector], sampling, {
      prompt: golden.prompt_ids,
      output: golden.output_ids,
    });
    assertEquals([...actual.keys()].filter((i) => actual[i] !== -Infinity), kept);
    for (const i of kept) {
      assertAlmostEquals(actual[i]!, number(logits[i]), 1e-12 * Math.max(1, Math.abs(logits[i])), `id ${i}`);
    }
  });
}

for (const { vector, logits, order: _, ...settings } of golden.penalties) {
  Deno.test(`processLogits() equals the definition on "${vector}" with ${JSON.stringify(settings)}`, () => {
    const sampling = checkSampling({ temperature: 1, ...settings }, 50);
    const actual = processLogits(golden.vectors[vector], sampling, {
      prompt: golden.prompt_ids,
      output: golden.output_ids,
    });
    actual.forEach((v, i) => assertAlmostEquals(v, logits[i], 1e-12 * Math.max(1, Math.abs(v)), `id ${i}`));
  });
}

const boundary = JSON.parse(
  Deno.readTextFileSync(
    new URL("../../../../fixtures/goldens/sampling/top_p_boundary.json", import.meta.url),
  ),
);

for (const { parts, top_p, kept, ties } of boundary.cases) {
  Deno.test(`keepTopP(${top_p}) of probabilities ${parts.join(" : ")} drops what reaches 1 - p exactly, as transformers does`, () => {
    const logits = Float64Array.from(parts, (part: number) => Math.log(part));
    keepTopP(logits, top_p);
    const ours = [...logits.keys()].filter((i) => logits[i] !== -Infinity);
    if (ties) assertEquals(ours.length, kept.length);
    else assertEquals(ours, kept);
  });
}

Deno.test("processLogits() adds logit_bias before the repetition penalty", () => {
  const sampling = { ...GREEDY, logit_bias: { 1: 3, 2: -100 }, repetition_penalty: 2 };
  // 1: (-1 + 3) / 2, since it is in the prompt; 2 isn't; 0 is in the output: 4 / 2.
  assertEquals([...processLogits([4, -1, 5], sampling, { prompt: [1], output: [0] })], [2, 1, -95]);
});

Deno.test("processLogits() holds back ends until min_tokens", () => {
  const sampling = { ...GREEDY, min_tokens: 2 };
  assertEquals([...processLogits([1, 9, 2], sampling, { prompt: [], output: [0], endIds: [1] })], [
    1,
    -Infinity,
    2,
  ]);
  assertEquals([...processLogits([1, 9, 2], sampling, { prompt: [], output: [0, 0], endIds: [1] })], [
    1,
    9,
    2,
  ]);
});

Deno.test("keepTopK() equals sorting", () => {
  const values = fc.array(fc.integer({ min: -30, max: 30 }), { minLength: 2, maxLength: 60 });
  fc.assert(fc.property(values, fc.integer({ min: 1, max: 70 }), (list, k) => {
    const z = Float64Array.from(list);
    keepTopK(z, k);
    const least = list.toSorted((a, b) => b - a)[Math.min(k, list.length) - 1]!;
    assertEquals([...z], list.map((v) => v < least ? -Infinity : v));
  }));
});

Deno.test("keepTopP() equals the plain definition on a vocabulary where most tokens are negligible", () => {
  const z = Float64Array.from({ length: 5000 }, (_, i) => 12 * Math.cos(i * i * 0.37));
  const e = z.map(Math.exp), total = e.reduce((a, b) => a + b, 0);
  const order = [...z.keys()].sort((a, b) => z[a]! - z[b]! || b - a);
  for (const p of [0.3, 0.9, 0.999]) {
    let sum = 0;
    const dropped = new Set(order.slice(0, -1).filter((i) => (sum += e[i]! / total) <= 1 - p));
    const kept = z.slice();
    keepTopP(kept, p);
    assertEquals(
      [...kept.keys()].filter((i) => kept[i] === -Infinity),
      [...dropped].sort((a, b) => a - b),
    );
  }
});

Deno.test("argmax() takes the first of equal values and no NaN", () => {
  assertEquals(argmax([1, 3, 3]), 1);
  assertEquals(argmax([NaN, 2]), 1);
  assertEquals(argmax([NaN, -Infinity]), -1);
});

Deno.test("inverseSoftmax() passes at the cumulative probabilities", () => {
  const z = Float64Array.from([Math.log(0.2), -Infinity, Math.log(0.5), Math.log(0.3)]);
  assertEquals([0, 0.199, 0.201, 0.699, 0.701, 0.9999].map((u) => inverseSoftmax(z, u)), [0, 0, 2, 2, 3, 3]);
});

/** All logits, and the best `count` of them. */
function outlook(values: readonly number[], count = 0) {
  const ids = [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b).slice(0, count);
  return { ids, best: ids.map((id) => values[id]!), logits: Float32Array.from(values) };
}

Deno.test("Sampler chooses the same from the best tokens as from all", () => {
  const values = Array.from({ length: 200 }, (_, i) => Math.sin(i * i) * 4);
  const settings = [{}, { temperature: 1, top_k: 7 }, { temperature: 2, top_k: 19, top_p: 0.7, min_p: 0.01 }];
  for (const [i, given] of settings.entries()) {
    const sampler = new Sampler(checkSampling({ ...given, seed: i }, 200), [], []);
    assert(sampler.needsOnlyBest(20, 0) && !sampler.needsOnlyBest(0, 0));
    const from = (all: ReturnType<typeof outlook>) =>
      Array.from({ length: 100 }, (_, n) => sampler.next(all, { length: n } as ArrayLike<number>));
    assertEquals(from(outlook(values, 20)), from(outlook(values)));
    assertEquals(new Set(from(outlook(values))).size > 3, i > 0);
  }
  const needing = [{ temperature: 1 }, { temperature: 1, top_k: 20 }, { min_tokens: 1 }, {
    presence_penalty: 1,
  }];
  for (const given of needing) {
    assert(!new Sampler(checkSampling(given, 200), [], []).needsOnlyBest(20, 0), JSON.stringify(given));
  }
});

Deno.test("Sampler draws each token as often as it is likely, and the same again with the same seed", () => {
  const logits = [0, 1, 2].map((v) => v / 2), sum = logits.reduce((s, v) => s + Math.exp(v), 0);
  const sampler = (seed: number) => new Sampler(checkSampling({ temperature: 1, seed }, 3), [], []);
  const one = sampler(7), counts = [0, 0, 0], n = 20000;
  for (let i = 0; i < n; i++) counts[one.next(outlook(logits), { length: i } as ArrayLike<number>)]!++;
  // Five standard deviations of a binomial share.
  counts.forEach((count, i) =>
    assertAlmostEquals(count / n, Math.exp(logits[i]!) / sum, 5 * 0.5 / Math.sqrt(n))
  );
  const draw = (s: Sampler) =>
    Array.from({ length: 50 }, (_, i) => s.next(outlook(logits), new Array(i).fill(0)));
  assertEquals(draw(sampler(7)), draw(sampler(7)));
  assert(draw(sampler(7)).join() !== draw(sampler(8)).join());
});

Deno.test("Sampler refuses logits without a number", () => {
  const sampler = new Sampler(checkSampling({}, 2), [], []);
  assertThrows(() => sampler.next(outlook([NaN, NaN]), []), RangeError, "logits aren't numbers");
  const warm = new Sampler(checkSampling({ temperature: 1 }, 2), [], []);
  assertThrows(() => warm.next(outlook([NaN, 1]), []), RangeError, "logits aren't numbers");
});

Deno.test("checkSampling() names what is out of range", () => {
  for (
    const [given, text] of [
      [{ temperature: -1 }, "temperature as it needs 0 or a number ≥ 1e-5: current value is -1"],
      [{ top_p: 0 }, "top_p as it needs a number in (0, 1]: current value is 0"],
      [{ max_tokens: 0 }, "max_tokens as it needs a whole number ≥ 1: current value is 0"],
      // as vLLM refuses it
      [
        { max_tokens: 3, min_tokens: 4 },
        "min_tokens as it needs 3 at most, as max_tokens says: current value is 4",
      ],
      [{ prompt_logprobs: 21 }, "prompt_logprobs as it needs null or a whole number from 0 to 20"],
      [{ prompt_logprobs: 0, max_tokens: -1 }, "max_tokens as it needs a whole number ≥ 0"],
      [{ logit_bias: { 50: 1 } }, 'logit_bias as it needs token ids below 50: current value is "50"'],
      [{ stop: [""] }, 'stop as it needs texts that aren\'t empty: current value is ""'],
      [{ stop_ids: [99] }, "stop_ids"],
      [{ seed: 0.5 }, "seed"],
    ] as const
  ) assertThrows(() => checkSampling(given, 50), RangeError, text);
  // From a file or a request, whose values nothing has checked.
  for (
    const [given, text] of [
      [{ ignore_eos: "false" }, 'ignore_eos as it needs true or false: current value is "false"'],
      [{ logit_bias: { "": 1 } }, 'logit_bias as it needs token ids below 50: current value is ""'],
      [{ logit_bias: { "1e1": 1 } }, 'logit_bias as it needs token ids below 50: current value is "1e1"'],
      [{ logit_bias: null }, "logit_bias as it needs numbers by token id: current value is null"],
      [{ logit_bias: [3] }, "logit_bias as it needs numbers by token id: current value is [3]"],
      [{ stop: "ab" }, 'stop as it needs a list: current value is "ab"'],
      [{ stop: [1] }, "stop as it needs texts that aren't empty: current value is 1"],
      [{ stop_ids: 3 }, "stop_ids as it needs a list: current value is 3"],
    ] as const
  ) assertThrows(() => checkSampling(given as never, 50), RangeError, text);
  assertEquals(checkSampling({ top_k: 5 }, 50).top_k, 5);
  assertEquals(checkSampling({ prompt_logprobs: 0, max_tokens: 0 }, 50).max_tokens, 0);
});
