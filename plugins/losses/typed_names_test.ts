/** Names of a loss are checked by the compiler: a line that this file marks as an error must be one, or it doesn't compile. */
import { assertEquals } from "@std/assert";

import { defineLoss, definePlugin, Registry } from "@dinotune/dinotune";
import { z } from "zod";

const plugin = definePlugin({
  kind: "loss",
  name: "typed",
  version: "1",
  description: "Names in all places",
  options: z.strictObject({ beta: z.number().default(1) }),
  create: ({ beta }) =>
    defineLoss({
      shape: "pair",
      sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
      needsReference: true,
      normalize: "examples",
      batch: (rows) => ({ start: rows.reduce((sum, { policy }) => sum + policy.chosen, 0) }),
      loss({ policy, reference, R, length, batch }) {
        // @ts-expect-error: no such sequence
        R.chose;
        // @ts-expect-error: no such sequence
        policy.y;
        // @ts-expect-error: no such sequence
        length.y;
        // @ts-expect-error: no such constant
        batch.kl;
        const difference = R.chosen.minus(R.rejected).plus(policy.chosen.minus(reference.chosen));
        return { loss: difference.times(beta * length.chosen + batch.start), metrics: {} };
      },
    }),
});

defineLoss({
  shape: "single",
  sequences: { y: ["x", "y"] },
  needsReference: false,
  normalize: "label_tokens",
  // @ts-expect-error: a loss without a reference has no R
  loss: ({ policy, R }) => ({ loss: policy.y.plus(R.y), metrics: {} }),
});

Deno.test("a loss whose names the compiler knows is a loss like any other", () => {
  const loss = new Registry([plugin]).create("loss", "typed");
  assertEquals(Object.keys(loss.sequences), ["chosen", "rejected"]);
});
