import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { idsExample, tinyModel } from "../../tests/helpers/tiny_model.ts";
import type { EncodedExample } from "../../kernels/engine/packs/encoded.ts";
import { defineLoss, losses } from "../../plugins/losses/mod.ts";
import { Registry } from "../../plugins/registry.ts";
import {
  adapterWarnings,
  checkBestMetric,
  checkLabelMeasure,
  checkRankFits,
  checkSmoothing,
  checkTokenIds,
  emptyGradientWarnings,
  lengthWarnings,
} from "./start_checks.ts";

type Sequences = Parameters<typeof idsExample>[0];

const examples = (...sequences: Sequences[]): EncodedExample[] =>
  sequences.map((of, index) => ({ ...idsExample(of), index, source: { file: "rows.jsonl", row: index } }));
const loss = (name: string, options = {}) => new Registry(losses).create("loss", name, options);
const tokenizer = { decode: (ids: readonly number[]) => `<${ids.join()}>` };

Deno.test("checkTokenIds() refuses ids beyond the embedding with token, row, sequence and position", () => {
  const rows = examples({ y: [[0, 1], [9]] }, { y: [[2, 3], [4, 10]] });
  checkTokenIds(rows, { vocabSize: 11 }, tokenizer);
  const { message } = assertThrows(() => checkTokenIds(rows, { vocabSize: 10 }, tokenizer), RangeError);
  assertStringIncludes(message, 'embedding, which has 10: current value is token 10 ("<10>")');
  assertStringIncludes(message, 'in rows.jsonl row 1, sequence "y", position 3');
  assertThrows(
    () => checkTokenIds(examples({ y: [[-1], [1]] }), { vocabSize: 10 }, tokenizer),
    RangeError,
    "token -1",
  );
});

Deno.test("checkBestMetric() refuses a metric that no evaluation gives, before the first one; every loss's own are taken", () => {
  const check = (
    metric_for_best_model: string | null,
    name: string,
    eval_strategy: "no" | "steps" = "steps",
    { compute_accuracy = false, sets = [] as string[], options = {} } = {},
  ) =>
    checkBestMetric({
      metric_for_best_model,
      eval_strategy,
      stage: "sft",
      compute_accuracy,
      eval_on_each_dataset: sets.length > 0,
      eval_dataset: sets,
    }, loss(name, options));
  assertThrows(
    () => check("eval_accuracy", "sft"),
    RangeError,
    "Cannot tell the best checkpoint by metric_for_best_model: eval_accuracy as an evaluation gives eval_loss: use one of these",
  );
  assertThrows(
    () => check("eval_rewards/acuracies", "dpo"),
    RangeError,
    'did you mean "eval_rewards/accuracies"?',
  );
  check("eval_accuracy", "sft", "no");
  check("eval_accuracy", "sft", "steps", { compute_accuracy: true });
  const sets = ["a", "b"];
  for (const metric of ["eval_a_loss", "eval_b_loss", "eval_b_runtime"]) {
    check(metric, "sft", "steps", { sets });
  }
  check("eval_b_accuracy", "sft", "steps", { sets, compute_accuracy: true });
  check("eval_a_rewards/margins", "dpo", "steps", { sets });
  assertThrows(
    () => check("eval_loss", "sft", "steps", { sets }),
    RangeError,
    "as an evaluation gives eval_a_loss, eval_b_loss: use one of these",
  );
  check(null, "sft");
  for (const name of ["sft", "pt", "dpo", "iopo", "kto", "orpo", "simpo"]) check("eval_loss", name);
  for (const options of [{ asft_alpha: 0.1 }, { eaft_alpha: 1 }]) {
    check("eval_loss", "sft", "steps", { options });
  }
  // names of TRL's trainers
  for (const name of ["dpo", "iopo"]) check("eval_rewards/margins", name);
  for (const side of ["chosen", "rejected"]) check(`eval_rewards/${side}`, "kto");
  check("eval_kl", "kto");
  check("eval_runtime", "sft");
});

Deno.test("checkRankFits() refuses a rank whose matrices no buffer can hold", () => {
  const shapes = new Map([["a.q_proj", [128, 64]]]);
  checkRankFits(2 ** 23, shapes);
  assertThrows(
    () => checkRankFits(2 ** 24, shapes),
    RangeError,
    "Cannot adapt a.q_proj with lora_rank: 16777216 as a matrix has to stay below 4 GiB: current value is 8 GiB. A rank of 64",
  );
});

Deno.test("checkSmoothing() refuses smoothed labels where logits are capped", () => {
  const capped = { modelType: "gemma2", logitCap: 30 };
  checkSmoothing({}, capped);
  checkSmoothing({ label_smoothing_factor: 0 }, capped);
  checkSmoothing({ label_smoothing_factor: 0.1 }, { modelType: "llama" });
  assertThrows(
    () => checkSmoothing({ label_smoothing_factor: 0.1 }, capped),
    RangeError,
    "Cannot smooth labels of this gemma2 model as its logits are capped (final_logit_softcapping: 30): " +
      "current value is label_smoothing_factor: 0.1; leave it out",
  );
});

Deno.test("checkLabelMeasure() refuses losses that measure distributions where logits are capped", () => {
  const capped = { modelType: "gemma2", logitCap: 30 };
  checkLabelMeasure(loss("sft"), capped);
  for (const options of [{ asft_alpha: 0.1 }, { eaft_alpha: 1 }]) {
    checkLabelMeasure(loss("sft", options), { modelType: "llama" });
    assertThrows(
      () => checkLabelMeasure(loss("sft", options), capped),
      RangeError,
      "of this gemma2 model as its logits are capped (final_logit_softcapping: 30)",
    );
  }
});

Deno.test("lengthWarnings() counts sequences beyond the model's positions", () => {
  const rows = examples({ y: [[1, 2], [3]] }, { y: [[1, 2, 3], [4, 5]] });
  assertEquals(lengthWarnings(rows, { maxPositionEmbeddings: 5 }), []);
  const [warning] = lengthWarnings(rows, { maxPositionEmbeddings: 4 });
  assertStringIncludes(warning!, "1 sequence of 5 tokens is longer than the 4 positions");
  const [both] = lengthWarnings(rows, { maxPositionEmbeddings: 3 });
  assertStringIncludes(both!, "1 sequence of 5 tokens is longer than the 3 positions");
  const [all] = lengthWarnings(rows, { maxPositionEmbeddings: 2 });
  assertStringIncludes(all!, "2 sequences of up to 5 tokens are longer than the 2 positions");
  assertThrows(
    () => lengthWarnings(rows, { maxPositionEmbeddings: 4, rotaryLimit: 4 }),
    RangeError,
    "Cannot train on a sequence of 5 tokens as dynamic rotary scaling has other frequencies",
  );
  assertThrows(
    () => lengthWarnings(rows, { maxPositionEmbeddings: 40, rotaryLimit: 4 }),
    RangeError,
    "Cannot train on a sequence of 5 tokens as longrope has other frequencies for texts beyond original_max_position_embeddings: current value is 4",
  );
  assertEquals(lengthWarnings(rows, { maxPositionEmbeddings: 5, rotaryLimit: 5 }), []);
});

Deno.test("emptyGradientWarnings() finds the examples in which every gradient cancels, for every preference loss", () => {
  const pair = (chosen: number[], rejected: number[]): Sequences => ({
    chosen: [[1, 2], chosen],
    rejected: [[1, 2], rejected],
  });
  const pairs = examples(pair([3], [4]), pair([5, 6], [5, 6]), pair([7], [7, 8]));
  const told = (name: string, options = {}) => emptyGradientWarnings(pairs, loss(name, options));
  for (const name of ["dpo", "simpo"]) {
    assertEquals(told(name).length, 1, name);
    assertStringIncludes(told(name)[0]!, "1 of 3 examples have a gradient of exactly 0");
    assertStringIncludes(told(name)[0]!, "(first: rows.jsonl row 1)");
  }
  assertEquals(told("orpo"), [], "its SFT term remains");
  assertEquals(told("dpo", { pref_ftx: 0.5 }), [], "so does pref_ftx's");
  const anchored = (weight: number) =>
    defineLoss({
      shape: "pair",
      sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
      needsReference: false,
      normalize: "examples",
      labelMeasure: "divergence",
      loss: ({ policy, divergence }) => ({
        loss: policy.rejected.minus(policy.chosen).plus(divergence.chosen.times(weight)),
        metrics: {},
      }),
    });
  assertEquals(emptyGradientWarnings(pairs, anchored(0)).length, 1);
  assertEquals(emptyGradientWarnings(pairs, anchored(1)), [], "a divergence's remains");

  const quad = (x1: number[], y1: number[], x2: number[], y2: number[]): Sequences => ({
    x1y1: [x1, y1],
    x1y2: [x1, y2],
    x2y2: [x2, y2],
    x2y1: [x2, y1],
  });
  const quads = examples(
    quad([1, 2], [3], [1, 4], [5]),
    quad([1, 2], [3], [1, 2], [5]), // x1 = x2
    quad([1, 2], [3], [1, 4], [3]), // y1 = y2
  );
  assertStringIncludes(emptyGradientWarnings(quads, loss("iopo"))[0]!, "2 of 3 examples");
  // without the input preference's half, x1 = x2 still teaches
  const output = loss("iopo", { variant: "without_input_preference" });
  assertEquals(emptyGradientWarnings(quads.slice(0, 2), output).length, 0);
});

Deno.test("adapterWarnings() tells another base and a rank above a module's dimensions", () => {
  const { config: decoder } = tinyModel("qwen2");
  const path = new URL("../../fixtures/goldens/llamafactory/adapter", import.meta.url).pathname;
  const config = {
    finetuning_type: "lora" as const,
    model_name_or_path: "some/model",
    lora_rank: 8,
    lora_target: ["all"],
  };
  assertEquals(adapterWarnings([], config, decoder), []);
  assertEquals(adapterWarnings([path], config, decoder), []);
  const other = adapterWarnings([path], { ...config, model_name_or_path: "org/Other-1B" }, decoder);
  assertStringIncludes(other.join(), "was trained on model, the model is org/Other-1B");
  for (const same of ["org/model", "/models/Model-Q4_1.gguf", "model.f16.gguf", "/a/model/"]) {
    assertEquals(
      adapterWarnings([path], { ...config, model_name_or_path: same }, decoder),
      [],
    );
  }
  const least = decoder.numKeyValueHeads * decoder.headDim;
  const high = { ...config, lora_rank: least + 1 };
  assertStringIncludes(
    adapterWarnings([], high, decoder).join(),
    `lora_rank: ${least + 1} is above the ${least} dimensions of `,
  );
  assertEquals(adapterWarnings([], { ...high, lora_rank: least }, decoder), []);
  assert(adapterWarnings([], { ...high, lora_target: ["v_proj"] }, decoder).join().includes("v_proj"));
  assertEquals(
    adapterWarnings([], { ...config, finetuning_type: "full" as never, lora_rank: 999 }, decoder),
    [],
  );
});
