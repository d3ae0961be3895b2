import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";

import { item } from "../../../../formats/elements.ts";
import { idsExample } from "../../../../tests/helpers/tiny_model.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import type { EngineClient } from "../../../../kernels/engine/host.ts";
import type { LogSink } from "../../../kinds/log_sink.ts";
import { losses } from "../../../losses/mod.ts";
import { Registry } from "../../../registry.ts";
import { ReferenceCache } from "../scoring/reference.ts";
import { accumulateGradients } from "./train_step.ts";

const pairs: EncodedExample[] = [[10], [20], [30]].map((rejected, index) => ({
  ...idsExample({ chosen: [[1, 2], [5]], rejected: [[1, 2], rejected] }),
  index,
  source: { file: "f", row: index },
}));

/** The first step of DPO under a zero adapter, whose reference is off by `off` nats a token; a pack an example. */
async function firstStep(off: number, neftuneAlpha?: number, tokens = 1, replicas = 1) {
  const passes: boolean[] = [], numbers: (number | undefined)[] = [], rows: number[] = [];
  const engine = {
    replicas,
    isIdentity: () => Promise.resolve(true),
    forward: (pack, { adapter, dropoutStep }) => {
      passes.push(adapter);
      numbers.push(dropoutStep);
      rows.push(pack.ids.length);
      return Promise.resolve(Float64Array.from(pack.labelIds, (id) => -id / 10 + (adapter ? 0 : off * id)));
    },
    backward: () => Promise.resolve(),
  } as Pick<EngineClient, "replicas" | "isIdentity" | "forward" | "backward"> as EngineClient;
  const references = new ReferenceCache();
  const step = await accumulateGradients(
    {
      engine,
      references,
      loss: new Registry(losses).create("loss", "dpo", { beta: 0.1 }),
      config: { max_grad_norm: 1, micro_batch_tokens: tokens, step_mean: "micro_batches" },
      dropout: 0,
      ...(neftuneAlpha !== undefined && { neftuneAlpha }),
      log: {} as LogSink,
      signal: new AbortController().signal,
    },
    pairs.map((pair) => [pair]),
    0,
  );
  assert(step);
  return { packs: step.packs, passes, numbers, rows, references };
}

Deno.test("under a zero adapter the reference is the policy's own bits, though a pass of its own is off by rounding", async () => {
  const { packs, passes, references } = await firstStep(1e-9);
  assertEquals(passes, [false, true, true, true]); // one pack is compared
  for (const { rows } of packs) {
    assertEquals(rows.map(({ metrics }) => metrics["rewards/margins"]), [0]);
    assertAlmostEquals(item(rows, 0).loss, Math.LN2, 1e-15);
  }
  assertEquals(pairs.map((pair) => references.of("train", pair).rejected), [-1, -2, -3]);
});

Deno.test("under a zero adapter with noise on its embeddings the policy isn't the reference, which has none", async () => {
  const { packs, passes, numbers, references } = await firstStep(0.1, 5);
  assertEquals(passes, [false, true, false, true, false, true]);
  assertEquals(numbers, [undefined, 0, undefined, 1, undefined, 2]);
  assertEquals(references.of("train", item(pairs, 0)).rejected, 0); // −10/10 + 0.1 · 10
  assert(item(item(packs, 0).rows, 0).loss !== Math.LN2);
});

Deno.test("what a pack's examples begin with alike is computed once, but not where rows draw noise or replicas share examples out", async () => {
  // Three prompts 1 2: an answer's only token needs no row.
  assertEquals((await firstStep(0, undefined, 6)).rows, [2, 2]);
  assertEquals((await firstStep(0, 5, 6)).rows, [6, 6]);
  assertEquals((await firstStep(0, undefined, 6, 2)).rows, [6, 6]);
});

Deno.test("a reference that is another one under a zero adapter ends the run", async () => {
  await assertRejects(() => firstStep(0.1), Error, "a fresh adapter needs the loss 0.693147");
});
