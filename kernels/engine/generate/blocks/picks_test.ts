/** Tokens that a device chooses by itself: the same as the host's, and several with one wait. */
import { assertEquals, assertRejects } from "@std/assert";
import { referenceBackend } from "../../../backends/reference/mod.ts";
import { webgpuBackend } from "../../../backends/webgpu/mod.ts";
import { testWebGpu } from "../../../testing/backends.ts";
import type { Backend } from "../../../backend.ts";
import { tinyModel } from "../../../../tests/helpers/tiny_model.ts";
import { BatchGenerator } from "../batch/batch.ts";
import { blockEngine } from "./block_engine.ts";
import { FRESH } from "./cache.ts";
import { GenerationEngine } from "./engine.ts";

const { name: title, ignore } = await testWebGpu();
const { config, weights } = tinyModel("llama"), V = config.vocabSize;

function generator(backend: Backend, end: readonly number[] = [], broken = false) {
  const read = (name: string) => {
    const values = weights[name]!.slice();
    return broken && name === "model.norm.weight" ? values.fill(NaN) : values;
  };
  const engine = new GenerationEngine(backend, { config, tuning: { type: "none" } }, read);
  const options = { vocabSize: V, endIds: end, maxModelLen: 200, maxBatch: 3, decode: null };
  return new BatchGenerator(blockEngine(engine, V), options);
}

/** The reference backend; its engine chooses tokens as on a device. */
function asOnDevice(): Backend {
  return { ...referenceBackend(), hostMemory: false };
}

const REQUESTS = [
  { prompt: [1, 2, 3], sampling: { max_tokens: FRESH + 9 } },
  { prompt: [4, 5], sampling: { max_tokens: 21, temperature: 0.9, seed: 7 } },
  { prompt: [6, 7, 8, 9], sampling: { max_tokens: 12, temperature: 1.3, seed: 8 } },
] as const;

async function answers(
  made: BatchGenerator,
  asked: readonly { prompt: readonly number[]; sampling: object }[],
) {
  const all = await Promise.all(asked.map(({ prompt, sampling }) => made.generate([...prompt], sampling)));
  return all.map(({ ids }) => ids);
}

Deno.test("a device's choices are those of the host, past a layout of the cache, alone and beside others that take the host", async () => {
  const host = generator(referenceBackend());
  const expected = await answers(host, REQUESTS);
  await host.close();
  for (
    const beside of [[], [{ prompt: [3], sampling: { max_tokens: 30, logprobs: 2 } }], [
      { prompt: [3], sampling: { max_tokens: 30, top_p: 0.5, temperature: 1 } },
    ]]
  ) {
    const device = generator(asOnDevice());
    assertEquals((await answers(device, [...beside, ...REQUESTS])).slice(beside.length), expected);
    await device.close();
  }
});

Deno.test("an answer that ends between two reads has nothing behind its end, and its place is free for the next", async () => {
  const host = generator(referenceBackend()), [[...whole] = []] = await answers(host, [REQUESTS[0]]);
  await host.close();
  const end = whole[10]!, until = whole.indexOf(end) + 1;
  const device = generator(asOnDevice(), [end]), many = Array.from({ length: 5 }, () => REQUESTS[0]);
  assertEquals(await answers(device, many), many.map(() => whole.slice(0, until)));
  await device.close();
});

Deno.test("a device's choice among logits that aren't numbers ends the answer by an error", async () => {
  const device = generator(asOnDevice(), [], true);
  await assertRejects(() => device.generate([1, 2]), RangeError, "its logits aren't numbers");
  await device.close();
});

Deno.test({
  name:
    `greedy tokens on a device: up to eight with one wait, and nothing is downloaded but their ids (${title})`,
  ignore,
  fn: async () => {
    const host = generator(referenceBackend()), one = { ...REQUESTS[0], sampling: { max_tokens: 24 } };
    const expected = await answers(host, [one]);
    await host.close();
    const backend = await webgpuBackend(), device = generator(backend), before = { ...backend.work };
    assertEquals(await answers(device, [one]), expected);
    const { waits, downloads } = backend.work;
    // The prompt's token, then 1, 2, 4, 8 and 8.
    assertEquals(waits - before.waits, 1 + 5);
    assertEquals(downloads - before.downloads, 24);
    await device.close();
  },
});
