/** The scheduler alone, on an engine that counts. */
import { assertEquals, assertRejects } from "@std/assert";
import { BatchGenerator } from "./batch.ts";
import type { BatchEngine } from "./batch_engine.ts";
import type { Outlook } from "../outlook.ts";

const V = 100, END = 99;

/** An outlook of nothing but logits `[V]`. */
function allLogits(logits: Float32Array): Outlook {
  return { ids: [], best: [], logits, shared: 0 };
}

/** Continues a sequence of n tokens by the id n; a prompt's first id says how long it gets before END. */
function countingEngine(log: string[], fail: { atStep: number } = { atStep: Infinity }): BatchEngine {
  let slots: { ends: number; length: number }[] = [], steps = 0;
  const logits = ({ ends, length }: { ends: number; length: number }) => {
    const z = new Float32Array(V);
    z[length >= ends ? END : length] = 1;
    return z;
  };
  return {
    full: false,
    add: (ids) => {
      log.push(`add ${ids[0]}`);
      slots.push({ ends: ids[0]!, length: ids.length });
      return Promise.resolve(allLogits(logits(slots.at(-1)!)));
    },
    step: (ids) => {
      if (++steps === fail.atStep) return Promise.reject(new Error("device lost"));
      log.push(`step ${slots.length}`);
      if (ids.length !== slots.length) throw new Error(`${ids.length} tokens for ${slots.length} slots`);
      slots.forEach((slot) => slot.length++);
      return Promise.resolve(slots.map((slot) => allLogits(logits(slot))));
    },
    keep: (list) => {
      log.push(`keep ${list}`);
      slots = list.map((s) => slots[s]!);
      return Promise.resolve();
    },
    dispose: () => Promise.resolve(log.push("dispose")).then(() => {}),
  };
}

const options = { vocabSize: V, endIds: [END], maxModelLen: 90, maxBatch: 2, decode: null };

Deno.test("BatchGenerator takes up the next request as soon as one ends, and every answer is its own", async () => {
  const log: string[] = [], generator = new BatchGenerator(countingEngine(log), options);
  const answers = await Promise.all([4, 9, 6].map((ends) => generator.generate([ends, 0])));
  // Ids 2 … ends − 1 and END, since each sequence has its own length.
  const expected = (ends: number) => [...Array.from({ length: ends - 2 }, (_, i) => i + 2), END];
  assertEquals(answers.map((a) => a.ids), [4, 9, 6].map(expected));
  assertEquals(log.slice(0, 7), ["add 4", "add 9", "step 2", "step 2", "keep 1", "add 6", "step 2"]);
  // As many steps as the longest answer needs: the others cost none of their own.
  assertEquals(log.filter((line) => line.startsWith("step")).length, 9 - 2);
  await generator.close();
  assertEquals(log.at(-1), "dispose");
});

Deno.test("BatchGenerator rejects what runs and waits when the engine fails, and continues with the next", async () => {
  const generator = new BatchGenerator(countingEngine([], { atStep: 3 }), options);
  const all = [20, 21, 22].map((ends) => generator.generate([ends]));
  for (const one of all) await assertRejects(() => one, Error, "device lost");
  assertEquals((await generator.generate([3, 0])).ids, [2, END]);
});

Deno.test("BatchGenerator rejects only the request whose logits aren't numbers", async () => {
  const engine = countingEngine([]);
  const broken: BatchEngine = {
    ...engine,
    step: async (ids, logits) => {
      const outlooks = await engine.step(ids, logits);
      outlooks[0]!.logits!.fill(NaN);
      return outlooks;
    },
  };
  const generator = new BatchGenerator(broken, options);
  const [first, second] = [generator.generate([20]), generator.generate([4])];
  await assertRejects(() => first, RangeError, "aren't numbers");
  assertEquals((await second).ids, [1, 2, 3, END]);
});

Deno.test("BatchGenerator: a signal frees the place at once, waiting or running", async () => {
  const log: string[] = [], generator = new BatchGenerator(countingEngine(log), { ...options, maxBatch: 1 });
  const stop = new AbortController(), never = new AbortController();
  const running = generator.generate(
    [80],
    {},
    (id) => id === 3 && stop.abort(new Error("enough")),
    stop.signal,
  );
  const waiting = generator.generate([70], {}, undefined, never.signal);
  const last = generator.generate([2]);
  never.abort(new Error("not even begun"));
  await Promise.all([
    assertRejects(() => running, Error, "enough"),
    assertRejects(() => waiting, Error, "not even begun"),
  ]);
  assertEquals((await last).ids, [1, END]);
  // Ids 1 by the prompt, 2 and 3 by two steps; then the next has the place.
  assertEquals(log.slice(0, 5), ["add 80", "step 1", "step 1", "keep ", "add 2"]);
  await generator.close();
});

Deno.test("BatchGenerator keeps a draft as far as the model agrees, and steps otherwise", async () => {
  const log: string[] = [], base = countingEngine(log);
  // Continues 1, 2, 3, 4, 1, 2, …, but by END behind twenty tokens; the cache holds what was added.
  let tokens: number[] = [];
  const outlook = (length: number) => {
    const id = length >= 20 ? END : length % 4 + 1;
    return { ids: [id, 0], best: [1, 0], logits: null, shared: 0 };
  };
  const engine: BatchEngine = {
    ...base,
    add: (ids) => {
      tokens = Array.from(ids);
      return Promise.resolve(outlook(tokens.length));
    },
    step: (ids) => {
      log.push("step");
      tokens.push(ids[0]!);
      return Promise.resolve([outlook(tokens.length)]);
    },
    extend: (ids) => {
      log.push(`extend ${ids.length}`);
      return Promise.resolve(Array.from(ids, (id) => outlook(tokens.push(id))));
    },
    rewind: (count) => {
      log.push(`rewind ${count}`);
      tokens.length -= count;
    },
    keep: () => Promise.resolve(),
  };
  const generator = new BatchGenerator(engine, { ...options, maxBatch: 1, speculation: 4 });
  // No two of the prompt's tokens came before, so that the first tokens are steps.
  const answer = await generator.generate([1, 0], { max_tokens: 60 }).catch((error) => error);
  assertEquals(answer.ids ?? answer, [...Array.from({ length: 18 }, (_, i) => (i + 2) % 4 + 1), END]);
  // The cache never holds more than prompt and answer without its last token.
  assertEquals(tokens.length, 20);
  assertEquals(log.filter((line) => line === "step").length < 8, true, log.join());
  assertEquals(log.some((line) => line.startsWith("extend")), true, log.join());
});
