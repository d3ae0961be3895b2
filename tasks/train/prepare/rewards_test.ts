/** Rewards from judges; expected numbers by hand. */
import { assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { z } from "zod";

import { builtinPlugins } from "../../../plugins/builtins.ts";
import { definePlugin } from "../../../plugins/kinds/plugin.ts";
import { Registry } from "../../../plugins/registry.ts";
import { idsExample } from "../../../tests/helpers/tiny_model.ts";
import {
  checkAnswerRoom,
  checkPlainAdapters,
  checkRuled,
  prepareRewards,
  type RewardKeys,
} from "./rewards.ts";
import { UsedPlugins } from "./used_plugins.ts";

/** A reward function of one's own: shorter is better. */
const brief = definePlugin({
  kind: "judge",
  name: "brief",
  version: "1",
  description: "Rewards short answers",
  options: z.strictObject({ most: z.number().default(10) }),
  create: ({ most }) => ({
    scale: 2,
    judge: ({ response, constraints }) =>
      Promise.resolve({
        constraints: constraints.map(() => ({ score: null, reason: "not looked at" })),
        overall: { score: response.length <= most ? 2 : 0 },
        raw: "",
      }),
  }),
});
const registry = new Registry([...builtinPlugins(), brief]);

function made(keys: Partial<RewardKeys>) {
  const config: RewardKeys = {
    stage: "grpo",
    reward_funcs: ["rules"],
    reward_weights: null,
    reward_options: {},
    ...keys,
  };
  const rewards = prepareRewards(config, new UsedPlugins(registry), () => "");
  if (rewards === null) throw new Error("no rewards");
  return rewards;
}

const lower = { text: "lower", rule: { id: "case:lower", kwargs: {} }, groups: {} };
const comma = { text: "no comma", rule: { id: "punctuation:no_comma", kwargs: {} }, groups: {} };
const item = {
  id: "a",
  messages: [{ role: "user" as const, content: "q" }],
  constraints: [lower, comma],
  groups: {},
  fields: {},
};
const { signal } = new AbortController();

Deno.test("rewards are the share of constraints that a judge finds kept, its verdict on the whole, or none", async () => {
  const rewards = made({
    reward_funcs: ["rules", "rules:overall", "brief:overall", "brief"],
    reward_options: { brief: { most: 6 } },
  });
  assertEquals(rewards.weights, [1, 1, 1, 1]);
  assertEquals(await rewards.of({ item, response: "a, b" }, signal), [0.5, 0, 1, null]);
  assertEquals(await rewards.of({ item, response: "all lower" }, signal), [1, 1, 0, null]);
});

Deno.test("a judge that throws, or gives no number, ends the run with its name and the row", async () => {
  for (
    const [score, text] of [
      [() => NaN, "a number from 0 to 1, or null, is needed: current value is NaN"],
      [() => 2, "a number from 0 to 1, or null, is needed: current value is 2"],
      [() => {
        throw new Error("no such file");
      }, "no such file"],
    ] as const
  ) {
    const faulty = definePlugin({
      kind: "judge",
      name: "faulty",
      version: "1",
      description: "Fails",
      options: z.strictObject({}),
      create: () => ({
        scale: 1,
        judge: () => Promise.try(() => ({ constraints: [], overall: { score: score() }, raw: "" })),
      }),
    });
    const registry = new Registry(builtinPlugins());
    registry.define(faulty, "faulty.ts");
    const keys = {
      stage: "grpo",
      reward_funcs: ["faulty:overall"],
      reward_weights: null,
      reward_options: {},
    } as const;
    const rewards = prepareRewards(
      { ...keys, reward_funcs: [...keys.reward_funcs] },
      new UsedPlugins(registry),
      () => "",
    );
    const error = await assertRejects(
      async () => await rewards?.of({ item: { ...item, constraints: [] }, response: "a" }, signal),
      Error,
    );
    assertStringIncludes(error.message, text);
    assertMatch(error.message, /^judge\/faulty of faulty\.ts\S*, item "a": /);
  }
});

Deno.test("an adapter that can't stand beside the model isn't trained on", () => {
  const adapter = (path: string) => new URL(`../../../fixtures/goldens/${path}`, import.meta.url).pathname;
  checkPlainAdapters([adapter("tiny/llama/adapter")]);
  assertThrows(
    () => checkPlainAdapters([adapter("peft/dora/adapter")]),
    RangeError,
    "as it has use_dora, and answers are drawn with a plain adapter",
  );
});

Deno.test("a prompt that leaves no room for an answer is refused before a step would draw one", () => {
  const prompt = (length: number) => ({
    ...idsExample({ y: [Array.from({ length }, (_, i) => i), [2]] }),
    source: { file: "f.jsonl", row: 4 },
  });
  checkAnswerRoom([prompt(7)], { maxPositionEmbeddings: 8 });
  for (const limits of [{ maxPositionEmbeddings: 8 }, { maxPositionEmbeddings: 100, rotaryLimit: 8 }]) {
    assertThrows(
      () => checkAnswerRoom([prompt(7), prompt(8)], limits),
      RangeError,
      "row 4 of f.jsonl as its prompt of 8 tokens leaves no room in the model's context of 8: set cutoff_len: 7",
    );
  }
});

Deno.test("what can't reward is refused with what to do", () => {
  const faults: [Partial<RewardKeys>, string][] = [
    [{ reward_funcs: ["ruls"] }, "ruls"],
    [{ reward_funcs: ["rules:all"] }, "use rules or rules:overall"],
    [
      { reward_options: { brief: {} } },
      "reward_options.brief as reward_funcs names no such judge: known are rules",
    ],
    [{ reward_options: { rules: 3 } }, "reward_options.rules as a map is needed: current value is 3"],
    [
      {
        reward_funcs: ["model"],
        reward_options: {
          model: { type: "openai", args: { name: "m", api_base: "http://127.0.0.1:9/v1" } },
        },
      },
      "as it asks a model behind an endpoint for each answer",
    ],
  ];
  for (const [keys, text] of faults) assertThrows(() => made(keys), RangeError, text);
});

Deno.test("rules need a rule that can be decided for every constraint of every row", async () => {
  const row = (constraints: unknown[]) => ({
    index: 0,
    source: { file: "f.jsonl", row: 4 },
    sequences: [],
    task: JSON.stringify({ ...item, constraints }),
  });
  await checkRuled([row([lower])], made({}));
  await checkRuled([row([])], made({ reward_funcs: ["brief:overall"] }));
  const ruled = (
    id: string,
    kwargs: Record<string, unknown> = {},
  ) => [lower, { text: "t", rule: { id, kwargs }, groups: {} }];
  // one that needs a model of sentences can be decided
  await checkRuled([
    row(ruled("length_constraints:number_sentences", { relation: "at least", num_sentences: 2 })),
  ], made({}));
  for (
    const [constraints, text] of [
      [[], "no constraints in row 4 of f.jsonl"],
      [[lower, { text: "be kind", groups: {} }], '"be kind" without one in row 4'],
      [ruled("case:lowr"), 'unknown rule "case:lowr" - did you mean "case:lower"? in row 4 of f.jsonl'],
      [ruled("list:number_items", { num_items: "many" }), 'arguments of rule "list:number_items"'],
    ] as const
  ) {
    await assertRejects(() => checkRuled([row([lower]), row([...constraints])], made({})), RangeError, text);
  }
});
