/** Means of an evaluation: their denominators; expectations are worked out by hand from transformers' and TRL's rules. */
import { assertAlmostEquals, assertEquals } from "@std/assert";

import { idsExample } from "../../../../tests/helpers/tiny_model.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import type { EngineClient } from "../../../../kernels/engine/host.ts";
import type { Loss } from "../../../kinds/loss.ts";
import { losses } from "../../../losses/mod.ts";
import { Registry } from "../../../registry.ts";
import { evaluateExamples } from "./evaluate.ts";
import { ReferenceCache } from "./reference.ts";

/** An engine that gives every label the log-probability −id / 10, and −id / 20 with adapters off. */
const engine = {
  forward: (pack, { adapter }) =>
    Promise.resolve(Float64Array.from(pack.labelIds, (id) => -id / (adapter ? 10 : 20))),
} as Pick<EngineClient, "forward"> as EngineClient;

function loss(name: string, options: Record<string, unknown>): Loss {
  return new Registry(losses).create("loss", name, options);
}

const rows = (examples: Omit<EncodedExample, "index" | "source">[]): EncodedExample[] =>
  examples.map((example, index) => ({ ...example, index, source: { file: "f", row: index } }));

function run(of: Loss, examples: EncodedExample[], batch: number, budget: number | null = null) {
  return evaluateExamples({ engine, loss: of, references: new ReferenceCache() }, examples, {
    batch,
    budget,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
}

// Answers of 1, 2, 1 and 2 tokens; sums of −log p: 1, 5, 4, 11.
const ANSWERS = [[10], [20, 30], [40], [50, 60]];
const sft = rows(ANSWERS.map((answer) => idsExample({ y: [[1, 2], answer] })));

Deno.test("eval_loss of stage sft is the mean of the batches' token means, each batch counting its examples", async () => {
  for (
    const [batch, expected] of [
      [1, (1 + 5 / 2 + 4 + 11 / 2) / 4],
      [2, (2 * (6 / 3) + 2 * (15 / 3)) / 4],
      [3, (3 * (10 / 4) + 1 * (11 / 2)) / 4],
      [4, 21 / 6],
    ] as const
  ) {
    for (const budget of [1, null]) {
      const metrics = await run(loss("sft", {}), sft, batch, budget);
      assertAlmostEquals(metrics!.eval_loss!, expected, 1e-12, `batches of ${batch}, packs of ${budget}`);
    }
  }
});

Deno.test("eval_loss and metrics of preference stages are means over examples, for any batch size", async () => {
  const pairs = rows(
    [[10], [20], [30]].map((rejected) => idsExample({ chosen: [[1, 2], [5]], rejected: [[1, 2], rejected] })),
  );
  // R = log π − log π_ref = −id / 20; β (R_chosen − R_rejected) = 0.1 (id_rejected − 5) / 20
  const margins = [0.025, 0.075, 0.125];
  const expected = margins.reduce((sum, m) => sum + Math.log1p(Math.exp(-m)), 0) / 3;
  for (const batch of [1, 2, 3]) {
    const metrics = await run(loss("dpo", { beta: 0.1 }), pairs, batch);
    assertAlmostEquals(metrics!.eval_loss!, expected, 1e-12);
    assertAlmostEquals(metrics!["eval_rewards/margins"]!, 0.075, 1e-12);
  }
});

Deno.test("eval_kl is the mean of the batches' kl, as TRL's KTO trainer logs it, though the last batch is smaller", async () => {
  // R of the kl sequence = −id / 20: 1, 2 and −1.5 with answers of ids −20, −40 and 30.
  const labelled = rows([[-20], [-40], [30]].map((kl, i) => ({
    ...idsExample({ y: [[1, 2], [10]], kl: [[1, 2], kl] }),
    desirable: i !== 1,
  })));
  const kto = loss("kto", { beta: 0.1 });
  const kl = async (batch: number) => (await run(kto, labelled, batch))!.eval_kl!;
  assertAlmostEquals(await kl(1), (1 + 2 + 0) / 3, 1e-12);
  assertAlmostEquals(await kl(2), (1.5 + 0) / 2, 1e-12); // not (1.5 + 1.5 + 0) / 3
  assertAlmostEquals(await kl(3), 0.5, 1e-12);
});

Deno.test("evaluateExamples() tells the seconds between its start and its end, and rates over them", async () => {
  const began = performance.now();
  const metrics = (await run(loss("sft", {}), sft, 3))!, outside = (performance.now() - began) / 1000;
  const { eval_runtime: seconds = NaN } = metrics;
  assertEquals(seconds > 0 && seconds <= outside, true, `${seconds} of ${outside} s`);
  assertAlmostEquals(metrics.eval_samples_per_second! * seconds, 4, 1e-9, "examples");
  assertAlmostEquals(metrics.eval_steps_per_second! * seconds, 2, 1e-9, "batches of 3");
});

Deno.test("evaluateExamples() gives null when interrupted", async () => {
  const inputs = { engine, loss: loss("sft", {}), references: new ReferenceCache() };
  const options = { batch: 2, budget: null, signal: AbortSignal.abort(), onProgress: () => {} };
  assertEquals(await evaluateExamples(inputs, sft, options), null);
});

Deno.test("batches of one example share packs, so that no replica of an engine waits while another works", async () => {
  const packs: number[][] = [];
  const replicated = {
    ...engine,
    replicas: 2,
    forward: (pack, options) => {
      packs.push(pack.sequences.map(({ length }) => length));
      return engine.forward(pack, options);
    },
  } as EngineClient;
  const options = { batch: 1, budget: 4, signal: new AbortController().signal, onProgress: () => {} };
  const inputs = { engine: replicated, loss: loss("sft", {}), references: new ReferenceCache() };
  const metrics = await evaluateExamples(inputs, sft, options);
  // Sequences of 3, 4, 3 and 4 tokens; 4 rows a replica: the two long ones at once, then the two short ones.
  assertEquals(packs, [[2, 2], [1, 1]]);
  assertAlmostEquals(metrics!.eval_loss!, (1 + 5 / 2 + 4 + 11 / 2) / 4, 1e-12);
});
