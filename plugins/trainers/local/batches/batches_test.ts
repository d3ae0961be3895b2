/** Steps of a plan by hand: 5 examples in micro-batches of 2, two of which are a step. Orders are those of `trainOrder`, which has goldens of its own. */
import { assertEquals } from "@std/assert";

import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import { planBatches } from "./batches.ts";
import { trainOrder } from "./order.ts";

const CONFIG = {
  per_device_train_batch_size: 2,
  gradient_accumulation_steps: 2,
  num_train_epochs: 2,
  max_steps: -1,
  dataloader_drop_last: false,
  data_seed: 7,
};
const examples = Array.from({ length: 5 }, (_, id) => ({ id }) as unknown as EncodedExample);
const idsOf = (batches: readonly (readonly EncodedExample[])[]) =>
  batches.map((batch) => batch.map((example) => (example as unknown as { id: number }).id));

Deno.test("planBatches() takes each epoch's order from its start, and an epoch's last step has what is left", () => {
  const plan = planBatches(CONFIG, examples, true, null);
  assertEquals([plan.totalSteps, plan.stepsPerEpoch], [4, 2], "3 micro-batches an epoch are 2 steps");
  for (const epoch of [0, 1]) {
    const [a, b, c, d, e] = trainOrder(5, 7, epoch, true);
    const places = `epoch ${epoch} in the order ${[a, b, c, d, e]}`;
    assertEquals(idsOf(plan.step(2 * epoch)), [[a, b], [c, d]], places);
    assertEquals(idsOf(plan.step(2 * epoch + 1)), [[e]], places);
  }
  const [first] = trainOrder(5, 7, 0, true);
  assertEquals(idsOf(plan.step(0))[0]?.[0], first, "a step may be asked for again");
});

Deno.test("planBatches() counts epochs by micro-batches: a first step has 2 of 3", () => {
  const { epoch } = planBatches(CONFIG, examples, true, null);
  assertEquals([0, 1, 2, 3, 4].map(epoch), [0, 2 / 3, 1, 1 + 2 / 3, 2]);
});

Deno.test("planBatches() takes the examples of a bin together, in the bin's order", () => {
  const bins = [[4, 0], [1], [2, 3]];
  const plan = planBatches({ ...CONFIG, gradient_accumulation_steps: 1 }, examples, false, bins);
  assertEquals([plan.totalSteps, plan.stepsPerEpoch], [4, 2], "3 bins in batches of 2 are 2 steps an epoch");
  assertEquals([0, 1, 2].map((step) => idsOf(plan.step(step))), [[[4, 0, 1]], [[2, 3]], [[4, 0, 1]]]);
});
