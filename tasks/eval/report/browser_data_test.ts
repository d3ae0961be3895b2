import { assertEquals } from "@std/assert";

import type { Contribution } from "../../../plugins/kinds/benchmark.ts";
import type { StoredItem } from "../store/stored.ts";
import { statusOf } from "./browser_data.ts";

const answered = { answer: {} } as StoredItem;
const of = (contribution: Omit<Contribution, "metric">) =>
  statusOf(answered, [{ metric: "mean", ...contribution }]);

Deno.test("statusOf() passes an item at the largest value of its headline, which needn't be 1", () => {
  assertEquals(of({ value: 3, weight: 1, max: 10 }), { status: "part", value: 3 });
  assertEquals(of({ value: 10, weight: 1, max: 10 }), { status: "pass", value: 10 });
  assertEquals(of({ value: 20, weight: 2, max: 10 }), { status: "pass", value: 10 });
  assertEquals(of({ value: 0, weight: 1, max: 10 }), { status: "fail", value: 0 });
  // ten tenths are a whole
  assertEquals(of({ value: Array(10).fill(0.1).reduce((a, b) => a + b), weight: 1 }), {
    status: "pass",
    value: 1,
  });
});
