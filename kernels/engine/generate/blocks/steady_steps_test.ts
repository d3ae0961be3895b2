/** What a GPU is given for a generated token, counted on a device that is made up. */
import { assert, assertEquals } from "@std/assert";
import { madeUpGpu } from "../../../../tests/helpers/made_up_gpu.ts";
import { blocksOfSmolLM2 } from "../../../../tests/helpers/model_plans.ts";
import { tensorShapes } from "../../decoder/decoder.ts";
import { GenerationEngine } from "./engine.ts";

/** SmolLM2-135M's blocks, four of them, and a twelfth of its vocabulary. */
const LAYERS = 4;
const config = blocksOfSmolLM2(LAYERS);
/** Dispatches of a token. */
const PER_TOKEN = 15 * LAYERS + 5;
const GREEDY = { temperature: 0, share: 0 };
const prompt = (tokens: number) => Array.from({ length: tokens }, (_, i) => i);

function generating() {
  const { backend, counts } = madeUpGpu(), shapes = tensorShapes(config);
  const read = (name: string) => new Float32Array(shapes.get(name)!.reduce((a, b) => a * b, 1));
  const engine = new GenerationEngine(backend, { config, tuning: { type: "none" } }, read);
  return { backend, counts, engine };
}

Deno.test("a token is 15 dispatches a block, and between two sizes of its past it makes no plan, no group of bindings and no buffer", async () => {
  const { backend, counts, engine } = generating(), { work } = backend;
  await engine.addFor({ logits: false, picks: [GREEDY] }, prompt(100));
  let made = 0;
  for (let length = 100; length < 400; length++) {
    const { plans, bindGroups, dispatches } = work, buffers = counts.made;
    await engine.stepFor({ logits: false, picks: [GREEDY] }, [1]);
    // Room for 128, 256, 384 and 512 tokens: a layout, then new sizes of the block.
    const laidOut = [128, 256, 384].includes(length);
    assertEquals(work.dispatches - dispatches, PER_TOKEN + (laidOut ? 2 * LAYERS : 0), `at ${length}`);
    made += work.bindGroups - bindGroups;
    if (length < 102 || length % 128 < 3) continue;
    assertEquals(
      [work.plans - plans, work.bindGroups - bindGroups, counts.made - buffers],
      [0, 0, 0],
      `at ${length}`,
    );
  }
  // Three layouts and the first token make all of a token's, those of the layouts too.
  assert(made < 4 * 1.5 * PER_TOKEN, `${made} groups`);
  await engine.dispose();
});

Deno.test("runs of tokens that the device chooses, of several sequences, make none either", async () => {
  const { backend, engine } = generating(), { work } = backend;
  for (const tokens of [9, 40, 21]) await engine.addFor({ logits: false, picks: [GREEDY] }, prompt(tokens));
  const made: number[][] = [];
  for (let run = 0; run < 10; run++) {
    const { plans, bindGroups, submits } = work;
    const rows = await engine.run([1, 2, 3], Array.from({ length: 3 }, () => Array(8).fill(GREEDY)));
    assertEquals(rows.map((row) => row.length), [8, 8, 8]);
    made.push([work.plans - plans, work.bindGroups - bindGroups]);
    // What is written for a token parts it from the one before; all that is read goes with the last.
    if (run > 1) assertEquals(work.submits - submits, 8);
  }
  // All tokens of a run but its first find the same memory; a token that was chosen is another tensor each time: the embedding's group, and the choice's.
  assert(made[0]![1]! <= 2 * PER_TOKEN + 2 * 8, `${made[0]} plans and groups of the first run`);
  assertEquals(made.slice(2), Array(8).fill([0, 0]));
  // A sequence that leaves, or comes, lays the past out once; steps go on in sizes that were met.
  await engine.keep([0, 1]);
  await engine.addFor({ logits: false, picks: [GREEDY] }, prompt(9));
  const { plans } = work;
  for (let step = 0; step < 2; step++) {
    await engine.stepFor({ logits: false, picks: Array(3).fill(GREEDY) }, [1, 2, 3]);
  }
  const { bindGroups } = work;
  for (let step = 0; step < 5; step++) {
    await engine.stepFor({ logits: false, picks: Array(3).fill(GREEDY) }, [1, 2, 3]);
  }
  assertEquals([work.plans, work.bindGroups], [plans, bindGroups]);
  await engine.dispose();
});
