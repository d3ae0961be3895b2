import assert from "node:assert/strict";

import { Registry } from "@dinotune/dinotune";
import plugin from "./my_plugin.ts";

const words = (max: number) => ({ text: `at most ${max} words`, rule: { id: "words", kwargs: { max } } });

async function judge(response: string, constraints: { text: string }[], options = {}) {
  const made = new Registry([plugin]).create("judge", "my_plugin", options);
  const asked = { id: "1", prompt: "Be brief.", response, constraints };
  return await made.judge(asked, new AbortController().signal);
}

Deno.test("my_plugin: a limit of words is kept or not", async () => {
  const { constraints, overall } = await judge("one two three", [words(3), words(2)]);
  assert.deepEqual([constraints.map(({ score }) => score), overall.score], [[1, 0], 0]);
  assert.equal((await judge("one two three", [words(2)], { tolerance: 0.5 })).overall.score, 1);
});

Deno.test("my_plugin: a constraint without the rule has no score", async () => {
  const { constraints, overall } = await judge("one", [words(3), { text: "be kind" }]);
  assert.deepEqual([constraints.map(({ score }) => score), overall.score], [[1, null], null]);
});
