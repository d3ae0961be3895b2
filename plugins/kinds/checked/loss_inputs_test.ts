/** Names that a loss of one's own reads and that aren't there. Expected texts are by hand. */
import { assertEquals } from "@std/assert";

import { constant, Scalar } from "../../../kernels/tape.ts";
import type { LossInputs } from "../loss.ts";
import { fault, madeOf, pair } from "./_made.ts";

const policy = { chosen: constant(-1), rejected: constant(-2) };
const length = { chosen: 1, rejected: 1 };
// deno-lint-ignore no-explicit-any -- a plugin's types aren't checked where it runs
type Anything = any;

function given(needsReference: boolean, loss: (inputs: Anything) => unknown): () => unknown {
  const sums = needsReference ? { reference: policy, R: policy } : { reference: {}, R: {} };
  const product = madeOf("loss", { ...pair, needsReference, batch: () => ({ kl: 0 }), loss });
  return () =>
    product.loss({ policy, ...sums, length, divergence: {}, tokens: {}, batch: { kl: 0 } } as LossInputs);
}

Deno.test("a loss that reads a name which it hasn't declared is told that name, the known ones and the nearest", () => {
  const names = "one of the loss's sequences is needed";
  const known = "known are chosen, rejected";
  for (
    const [loss, expected] of [
      [
        ({ policy }: Anything) => policy.chosn.neg(),
        `policy.chosn as ${names} - did you mean "chosen"?: ${known}`,
      ],
      [({ R: { y } }: Anything) => y.neg(), `R.y as ${names}: ${known}`],
      [
        ({ policy, length }: Anything) => policy.chosen.times(length.choosen),
        `length.choosen as ${names} - did you mean "chosen"?: ${known}`,
      ],
      [
        ({ polcy }: Anything) => polcy.chosen,
        'inputs.polcy as a part of a loss\'s inputs is needed - did you mean "policy"?: known are policy, reference, R, length, divergence, tokens, batch',
      ],
      [
        ({ batch }: Anything) => batch.lk,
        "batch.lk as a name that batch() gives is needed: known are kl",
      ],
    ] as const
  ) assertEquals(fault(given(true, loss)), `loss/mine of my.ts: Cannot read ${expected}`);
  assertEquals(
    fault(given(false, ({ R }) => R.chosen.neg())),
    "loss/mine of my.ts: Cannot read R.chosen as needsReference: true of the loss is needed: known are none",
  );
  const counting = madeOf("loss", {
    ...pair,
    batch: (rows: Anything) => ({ kl: rows[0].policy.kl }),
    loss: () => ({ loss: new Scalar(1), metrics: {} }),
  });
  assertEquals(
    fault(() =>
      counting.batch!([{
        policy: { chosen: -1, rejected: -2 },
        reference: {},
        length: { chosen: 1, rejected: 1 },
      }])
    ),
    `loss/mine of my.ts: Cannot read policy.kl as ${names}: ${known}`,
  );
});

Deno.test("what a loss may ask of its inputs it is given: names, their number, whether an answer is desirable", () => {
  const seen: unknown[] = [];
  given(true, ({ policy, desirable, batch }) => {
    seen.push(Object.keys(policy), "kl" in policy, desirable, JSON.stringify(batch), String(length));
    return { loss: policy.chosen.neg(), metrics: {} };
  })();
  assertEquals(seen, [["chosen", "rejected"], false, undefined, '{"kl":0}', "[object Object]"]);
  const logps = Float64Array.of(-1), positions = Int32Array.of(1);
  const weighing = madeOf("loss", {
    ...pair,
    loss: () => ({ loss: new Scalar(1), metrics: {} }),
    tokenWeights: ({ chosen }: Anything) => {
      chosen.logps[0] = 7;
      return { chosen: chosen.logps };
    },
  });
  weighing.tokenWeights!({ chosen: { logps, positions, measures: new Float64Array() } });
  assertEquals([...logps], [-1]);
});
