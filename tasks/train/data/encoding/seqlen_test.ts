import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";

import { datasetGolden } from "../../../../tests/helpers/dataset_goldens.ts";
import { greedyKnapsack } from "./knapsack.ts";
import { inferSeqlen } from "./seqlen.ts";

const lf = datasetGolden("datasets.json");

Deno.test("inferSeqlen equals LLaMA-Factory's infer_seqlen (golden)", () => {
  assert(lf.infer_seqlen.length >= 64);
  assertEquals(inferSeqlen(0, 0, 0), [0, 0]);
  for (const [source, target, budget, s, t] of lf.infer_seqlen) {
    assertEquals(inferSeqlen(source, target, budget), [s, t], `${source} ${target} ${budget}`);
  }
});

Deno.test("inferSeqlen() never keeps more than there is or than the budget", () => {
  fc.assert(fc.property(fc.nat(5000), fc.nat(5000), fc.nat(5000), (source, target, budget) => {
    const [s, t] = inferSeqlen(source, target, budget);
    return s >= 0 && t >= 0 && s <= source && t <= target && s + t <= budget;
  }));
});

Deno.test("greedyKnapsack fills bins as LLaMA-Factory's greedy_knapsack (golden)", () => {
  for (const { lengths, capacity, bins } of lf.greedy_knapsack) {
    assertEquals(greedyKnapsack(lengths, capacity).map((bin) => bin.map((i) => lengths[i])), bins);
  }
});

Deno.test("greedyKnapsack() puts each sequence that fits into one bin and no bin overflows", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 60 }), (lengths) => {
    const bins = greedyKnapsack(lengths, 50);
    assertEquals(
      bins.flat().sort((a, b) => a - b),
      lengths.map((_, i) => i).filter((i) => lengths[i]! <= 50),
    );
    return bins.every((bin) => bin.reduce((sum, i) => sum + lengths[i]!, 0) <= 50);
  }));
});
