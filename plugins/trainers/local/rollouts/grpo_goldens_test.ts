/** Losses, divergences and LoRA gradients of TRL 1.16.0's GRPOTrainer in float64 (fixtures/goldens/grpo), through packs and engines. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";

import { entryOf, item } from "../../../../formats/elements.ts";
import { Engine } from "../../../../kernels/engine/engine.ts";
import type { EngineClient } from "../../../../kernels/engine/host.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import { testBackends } from "../../../../kernels/testing/backends.ts";
import {
  engineName,
  idsExample,
  readJson,
  tinyAdapter,
  tinyModel,
} from "../../../../tests/helpers/tiny_model.ts";
import { averageMetrics } from "../../../kinds/loss_evaluation.ts";
import grpo from "../../../losses/grpo.ts";
import { Registry } from "../../../registry.ts";
import { ReferenceCache } from "../scoring/reference.ts";
import { exampleWeights, labelWeights, scorePacks } from "../scoring/score.ts";
import { advantagesOf, weightedReward } from "./advantages.ts";
import { atTemperature } from "./temperature.ts";

const golden = readJson(new URL("../../../../fixtures/goldens/grpo/grpo.json", import.meta.url).pathname);

interface Case {
  name: string;
  loss_type: string;
  beta?: number;
  epsilon_high?: number;
  masked?: boolean;
  temperature?: number;
  old: number[][] | null;
  loss: number;
  grad_norm: number;
  kl: number | null;
  gradients: Record<string, number[]> | null;
}

/** The golden's answers as examples of one micro-batch. */
function examplesOf({ masked = false, old }: Case): EncodedExample[] {
  const { prompts, answers, advantages, group } = golden, last = answers.length - 1;
  const isMasked = (i: number) => masked && i === last;
  const tokens = answers.reduce(
    (sum: number, ids: number[], i: number) => sum + (isMasked(i) ? 0 : ids.length),
    0,
  );
  return answers.map((ids: number[], index: number) => ({
    ...idsExample({ y: [prompts[Math.floor(index / group)], ids] }),
    index,
    drawn: {
      advantage: advantages[index],
      masked: isMasked(index),
      ...(old && { old: Float64Array.from(item(old, index)) }),
      microBatch: { answers: answers.length, tokens },
    },
  }));
}

for (const { name: backendName, ignore, make } of await testBackends()) {
  Deno.test({
    name: `losses, divergences and LoRA gradients are TRL's GRPOTrainer's (${backendName})`,
    ignore,
    fn: async () => {
      const { config, weights } = tinyModel("llama"), adapter = tinyAdapter("llama", config);
      const tuning = { type: "lora", modules: adapter.modules, dropout: 0 } as const;
      for (const each of golden.losses as Case[]) {
        const decoder = atTemperature(config, each.temperature ?? 1);
        const engine = new Engine(
          await make(),
          { config: decoder, tuning, checkpointing: true, seed: 1 },
          (name) => entryOf(weights, name),
          adapter.initial,
        );
        const { loss_type, beta = 0, epsilon_high = null } = each;
        const options = { loss_type, beta, epsilon_high, epsilon: golden.epsilon };
        const loss = new Registry([grpo]).create("loss", "grpo", {
          ...options,
          max_new_tokens: golden.max_completion_length,
        });
        const examples = examplesOf(each);
        const client = { replicas: 1, forward: (pack, pass) => engine.forward(pack, pass) } as EngineClient;
        const scoring = { engine: client, loss, references: new ReferenceCache() };
        const packs = await scorePacks(scoring, [{ examples, split: "train", keep: true }]);
        const scored = item(packs, 0), weightOf = exampleWeights(loss, [examples], "micro_batches");
        const value = scored.rows.reduce((sum, row, i) => sum + row.loss * weightOf(item(examples, i)), 0);
        assertAlmostEquals(value, each.loss, 2e-5, each.name);
        if (each.kl !== null) {
          const { kl = NaN } = averageMetrics(loss, scored.rows.map(({ metrics }) => metrics));
          assertAlmostEquals(kl, each.kl, 1e-4, each.name);
        }
        await engine.backward(labelWeights(scored, weightOf));
        const found = await engine.parameters.gradients();
        const names = [...engine.parameters.trained.keys()];
        const norm = Math.hypot(...found.map((g) => Math.hypot(...g)));
        assertAlmostEquals(norm / each.grad_norm, 1, 1e-4, each.name);
        for (const [theirs, values] of Object.entries(each.gradients ?? {})) {
          const own = item(found, names.indexOf(engineName(theirs)));
          values.forEach((right, i) =>
            assertAlmostEquals(item(own, 37 * i), right, 1e-4 * each.grad_norm, `${each.name} ${theirs}`)
          );
        }
        await engine.dispose();
      }
    },
  });
}

Deno.test("advantages are those of TRL's GRPOTrainer, answers without a reward among them", () => {
  assert(golden.scaled.length === 9);
  for (const { rewards, scale_rewards, advantages, frac_reward_zero_std } of golden.scaled) {
    const found = advantagesOf(rewards, 4, scale_rewards);
    found.advantages.forEach((value, i) => assertAlmostEquals(value, advantages[i], 1e-12, scale_rewards));
    assertEquals(found.zeroDeviation, frac_reward_zero_std, scale_rewards);
  }
});

Deno.test("advantages are a reward less its group's mean over the deviation of samples and 1e-4, by hand", () => {
  // mean 1/2; squares 4 · 1/4 over 3: deviation √(1/3)
  const { advantages } = advantagesOf([1, 0, 0, 1], 4, "group"), own = 0.5 / (Math.sqrt(1 / 3) + 1e-4);
  [own, -own, -own, own].forEach((right, i) => assertAlmostEquals(item(advantages, i), right, 1e-15));
  assertEquals(advantagesOf([1, 1, 0, 1], 2, "none"), {
    advantages: Float64Array.of(0, 0, -0.5, 0.5),
    zeroDeviation: 0.5,
  });
  assertEquals(weightedReward([1, 0.5], [1, 2]), 2);
  assertEquals(weightedReward([null, 0.5], [1, 2]), 1);
  assertEquals(weightedReward([null, null], [1, 2]), null);
});
