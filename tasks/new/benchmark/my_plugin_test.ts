import assert from "node:assert/strict";

import { Registry } from "@dinotune/dinotune";
import { findScore, scoreResults } from "@dinotune/dinotune/evaluation";
import plugin from "./my_plugin.ts";

const registry = new Registry([plugin]);
const benchmark = registry.create("benchmark", "my_plugin", { items: 5 });
const items = await Array.fromAsync(benchmark.items());

Deno.test("my_plugin: as many items as asked for, each with an id of its own", () => {
  assert.equal(items.length, 5);
  assert.equal(new Set(items.map(({ id }) => id)).size, 5);
});

Deno.test("my_plugin: right, wrong and unanswered", async () => {
  const responses = items.map(({ fields }, i) =>
    i === 0 ? null : i === 1 ? "no idea" : `It is ${fields.sum}.`
  );
  const results = await Promise.all(items.map(async (item, i) => {
    const response = responses[i] ?? null;
    return {
      item,
      response,
      judgement: response === null ? null : await benchmark.check?.(item, response) ?? null,
    };
  }));
  const right = findScore(scoreResults(benchmark, results), "right");
  assert.deepEqual([right?.value, right?.scored, right?.unscored], [3 / 4, 4, 1]);
});
