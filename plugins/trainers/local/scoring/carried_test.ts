import { assertEquals } from "@std/assert";

import { lossOf } from "../../../../tests/helpers/golden_run.ts";
import type { Loss } from "../../../kinds/loss.ts";
import { CarriedOverSteps } from "./carried.ts";

/** Sum of the policies' log-probabilities of what was trained on. */
const loss: Loss = {
  ...lossOf("dpo", 0.1),
  carried: {
    initial: { sum: 0 },
    next: ({ sum = 0 }, rows) => ({ sum: rows.reduce((all, row) => all + row.policy.chosen!, sum) }),
  },
};

const rows = (value: number) => {
  const both = { chosen: value, rejected: value };
  return [{ policy: both, reference: both, length: { chosen: 1, rejected: 1 } }];
};

const warn = (line: string) => {
  throw new Error(line);
};

function take(carried: CarriedOverSteps, step: number, ...values: number[]): void {
  carried.begin(step);
  for (const value of values) carried.move(rows(value));
  carried.end(step);
}

Deno.test("a step that is taken again, and the one behind it, begin from what they began from", () => {
  const carried = new CarriedOverSteps(loss);
  take(carried, 0, -1, -2);
  take(carried, 1, -4);
  take(carried, 2, -8);
  assertEquals(carried.now, { sum: -15 });
  // the device made no norm of step 1, which is known once step 2 is computed
  take(carried, 1, -4);
  take(carried, 2, -8);
  assertEquals([carried.now, carried.after(3), carried.after(2)], [{ sum: -15 }, { sum: -15 }, { sum: -7 }]);
});

Deno.test("what is kept of an interrupted step is what was carried before it", () => {
  const carried = new CarriedOverSteps(loss);
  carried.restore({ path: "checkpoint-7", step: 7, carried: { sum: -3 } }, warn);
  carried.begin(7);
  carried.move(rows(-1));
  assertEquals([carried.now, carried.after(7)], [{ sum: -4 }, { sum: -3 }]);
});

Deno.test("a checkpoint without the loss's numbers, or with another loss's, is told, and they begin anew", () => {
  for (const other of [undefined, {}, { mean: 1 }, { sum: 1, mean: 1 }]) {
    const carried = new CarriedOverSteps(loss), said: string[] = [];
    take(carried, 0, -1);
    carried.restore(
      { path: "checkpoint-2", step: 2, ...other && { carried: other } },
      (line) => said.push(line),
    );
    assertEquals([carried.now, carried.after(2)], [{ sum: 0 }, { sum: 0 }]);
    assertEquals(said, [
      "checkpoint-2 lacks what the loss carries from micro-batch to micro-batch (sum), which begins anew",
    ]);
  }
});
