/** Memory, plans and bindings of a long training on a GPU whose packs have many lengths, counted on a device that is made up. */
import { assert, assertEquals } from "@std/assert";
import { madeUpGpu } from "../../tests/helpers/made_up_gpu.ts";
import { blocksOfSmolLM2 } from "../../tests/helpers/model_plans.ts";
import { idsExample } from "../../tests/helpers/tiny_model.ts";
import { linearModules, tensorShapes } from "./decoder/decoder.ts";
import { Engine } from "./engine.ts";
import { DeviceOptimizer } from "./optimizer/device_optimizer.ts";
import { type Pack, packExamples } from "./packs/pack.ts";
import { trainedShapes, type Tuning } from "./weights/tuning.ts";

/** SmolLM2-135M's blocks, four of them, and a twelfth of its vocabulary, with LoRA of rank 8. */
const LAYERS = 4;
const config = blocksOfSmolLM2(LAYERS);
const modules = Object.fromEntries(
  Array.from(
    { length: LAYERS },
    (_, i) => linearModules(config).map((module) => [`model.layers.${i}.${module}`, { rank: 8, scale: 2 }]),
  ).flat(),
);
const lora: Tuning = { type: "lora", modules, dropout: 0 };

function training(tuning: Tuning = lora, checkpointing = false) {
  const { backend, counts } = madeUpGpu(), zeros = new Map<number, Float32Array<ArrayBuffer>>();
  const shapes = new Map([...tensorShapes(config), ...trainedShapes(config, tuning)]);
  const read = (name: string) => {
    const count = shapes.get(name)!.reduce((a, b) => a * b, 1);
    const values = zeros.get(count) ?? new Float32Array(count);
    zeros.set(count, values);
    return values;
  };
  const initial = tuning.type === "lora"
    ? Object.fromEntries([...trainedShapes(config, tuning).keys()].map((name) => [name, read(name)]))
    : {};
  const engine = new Engine(backend, { config, tuning, checkpointing }, read, initial);
  const loaded = counts.bytes;
  return {
    engine,
    backend,
    counts,
    /** Bytes beside weights and adapters. */
    passing: () => counts.bytes - loaded,
    step: async (rows: number) => {
      const pack = packOf(rows);
      const { length } = await engine.forward(pack, { adapter: true, keep: true });
      await engine.backward(new Float64Array(length).fill(-1));
      engine.parameters.tuned.zeroGradients();
    },
  };
}

function packOf(rows: number): Pack {
  const ids = Array.from({ length: rows }, (_, i) => i % config.vocabSize);
  return packExamples([idsExample({ s: [ids.slice(0, rows >> 1), ids.slice(rows >> 1)] })]);
}

/** 50 lengths of a pack from 40 to 8,191 rows, the same in every run (a linear congruential generator). */
function lengths(): number[] {
  let seed = 1;
  return Array.from({ length: 50 }, () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return 40 + Math.floor(seed / 2 ** 31 * 8152);
  });
}

Deno.test("50 steps of packs of many lengths take no more memory than 1.4 times the longest one's, and the same lengths again no plan", async () => {
  const { backend, counts, passing, step } = training();
  await step(8192);
  const longest = passing();
  for (const rows of lengths()) await step(rows);
  assert(passing() <= 1.4 * longest, `${passing() / longest} of the longest pack's memory`);
  const { plans } = backend.work, { made } = counts;
  for (const rows of lengths().slice(0, 20)) await step(rows);
  assertEquals(backend.work.plans, plans);
  // A free buffer of another size was taken before: hardly any is made any more.
  assert(counts.made - made < 0.05 * made, `${counts.made - made} more buffers than ${made}`);
});

Deno.test("packs that grow step by step take at most twice the longest one's memory, buffers that were outgrown go", async () => {
  const alone = training(), grown = training();
  await alone.step(8192);
  for (let rows = 1536; rows <= 8192; rows += 512) await grown.step(rows);
  assert(grown.passing() <= 2 * alone.passing(), `${grown.passing() / alone.passing()} of the longest alone`);
  assert(grown.counts.destroyed > 0);
});

for (
  const [what, tuning, checkpointing, stepped] of [
    ["LoRA", lora, false, 2 * 3 + 1],
    ["LoRA, checkpointing", lora, true, 2 * 3 + 1],
    ["full", { type: "full" }, true, 3 + 2 + 1],
  ] as const
) {
  Deno.test(`from its fifth step on a training makes no plan, no group of bindings and no buffer: ${what}`, async () => {
    const { backend, counts, engine } = training(tuning, checkpointing);
    const options = { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.01 } as const;
    const optimizer = new DeviceOptimizer(backend, engine.parameters.tuned, options);
    // As the training loop: references, several packs that share a wait, then one by one backward, and a step whose norm comes late.
    const packs = [800, 352, 613].map(packOf), made: number[][] = [];
    for (let step = 0; step < 6; step++) {
      const { plans, bindGroups, submits, buffers: programs } = backend.work, buffers = counts.made;
      await engine.forwardAll(packs.map((pack) => ({ pack, adapter: false, keep: false })));
      const logps = await engine.forwardAll(packs.map((pack) => ({ pack, adapter: true, keep: true })));
      for (const { length } of logps) await engine.backward(new Float64Array(length).fill(-1));
      const { dispatches } = backend.work;
      await optimizer.stepAhead(1e-4, 1);
      await optimizer.lateNorm();
      // Two for the squares of each matrix of tensors that lie side by side (one where they are few), one for its step, one for clipping.
      assertEquals(backend.work.dispatches - dispatches, stepped);
      // A program and more a submit, uploads that part them included, once plans are made.
      assert(
        step === 0 || backend.work.submits - submits < 0.8 * (backend.work.buffers - programs),
        `${backend.work.submits - submits} submits`,
      );
      made.push([backend.work.plans - plans, backend.work.bindGroups - bindGroups, counts.made - buffers]);
    }
    assert(made[0]!.every((count) => count > 0), `${made[0]}`);
    // Until then packs of three lengths take buffers from each other.
    assertEquals(made.slice(4), Array(2).fill([0, 0, 0]));
  });
}
