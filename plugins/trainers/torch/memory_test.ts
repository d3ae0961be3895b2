/** Memory of a process against the table of docs/scale.md, whose figures another program computed from the models' config.json. */
import { assertAlmostEquals } from "@std/assert";

import { builtinRegistry } from "../../builtins.ts";
import type { RunSize } from "../../kinds/trainer.ts";
import { linearModules, moduleShape, tensorShapes } from "../../../kernels/engine/decoder/decoder.ts";
import { optionsOf } from "./_python.ts";
import { processMemory } from "./memory.ts";
import type { EngineChoices } from "./options.ts";

// Qwen2.5-7B-Instruct's config.json
const QWEN = builtinRegistry().create("model", "qwen2").parse({
  model_type: "qwen2",
  hidden_size: 3584,
  intermediate_size: 18944,
  num_hidden_layers: 28,
  num_attention_heads: 28,
  num_key_value_heads: 4,
  vocab_size: 152064,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000,
  tie_word_embeddings: false,
  max_position_embeddings: 32768,
  hidden_act: "silu",
  eos_token_id: 151645,
  use_sliding_window: false,
});

const GIB = 2 ** 30;
/** Numbers of a layer: q and o, k and v, with biases but o; gate, up and down; two norms. */
const LAYER = 2 * 3584 ** 2 + 3584 + 2 * (3584 + 1) * 512 + 3 * 3584 * 18944 + 2 * 3584;
const sum = (list: number[]) => list.reduce((a, b) => a + b, 0);

/** @param own Layers that freeze trains, true: all weights are trained, false: adapters */
function memory(
  own: boolean | number,
  processes: number,
  choices: Partial<EngineChoices> = {},
  { onGpus = true, ...more }: Partial<RunSize> & { onGpus?: boolean } = {},
) {
  const parameters = sum([...tensorShapes(QWEN).values()].map((shape) => shape.reduce((a, b) => a * b, 1)));
  const adapters = QWEN.numLayers * 8 * sum(linearModules(QWEN).map((name) => sum(moduleShape(QWEN, name))));
  const trained = typeof own === "number" ? own * LAYER : own ? parameters : adapters;
  const size = {
    decoder: QWEN,
    parameters,
    trained,
    kept: 2 * trained,
    own: own !== false,
    valueHead: false,
    rows: 4096,
    longest: 1024,
    checkpointing: true,
    ...more,
  };
  const sharding = processes > 1 ? "fsdp" as const : "none" as const;
  return processMemory(size, { ...optionsOf({ dtype: "bfloat16" }), sharding, ...choices }, {
    processes,
    onGpus,
  });
}

Deno.test("processMemory() has the table of docs/scale.md for Qwen2.5-7B, LoRA, two layers and full, by processes", () => {
  const states = (own: boolean | number, processes: number, choices: Partial<EngineChoices> = {}) => {
    const { weights, trained } = memory(own, processes, choices);
    return (weights + trained) / GIB;
  };
  [[1, 14.5], [2, 10.1], [4, 6.5], [8, 4.7], [16, 3.8], [32, 3.4]].forEach(([n, gib]) =>
    assertAlmostEquals(states(false, n!), gib!, 0.06)
  );
  [[1, 113.5], [2, 59.6], [4, 31.3], [8, 17.1], [16, 10.0], [32, 6.4]].forEach(([n, gib]) =>
    assertAlmostEquals(states(true, n!), gib!, 0.06)
  );
  [[1, 33.6], [2, 19.7], [4, 11.3], [8, 7.1], [16, 5.0], [32, 4.0]].forEach(([n, gib]) =>
    assertAlmostEquals(states(2, n!), gib!, 0.06)
  );
  assertAlmostEquals(states(false, 1, { quantization: "4bit" }), 5.7, 0.06);
  assertAlmostEquals(memory(false, 1).activations / GIB, 2.13, 0.01);
});

Deno.test("ddp shares nothing out, and offloading leaves what is gathered", () => {
  const one = memory(false, 1), many = memory(false, 8, { sharding: "ddp" });
  assertAlmostEquals(many.total, one.total, 1);
  const off = memory(true, 8, { cpu_offload: true });
  assertAlmostEquals(off.trained, 0, 1);
  assertAlmostEquals(off.weights / GIB, memory(true, 8).weights / GIB - 4 * 7_615_616_512 / 8 / GIB, 1e-3);
});

Deno.test("DeepSpeed's ZeRO-2 leaves weights whole and shares out states, ZeRO-3 shares both out", () => {
  const P = 7_615_616_512,
    zero = (choices: Partial<EngineChoices>) => memory(true, 8, { sharding: "deepspeed", ...choices });
  const two = zero({ reshard_after_forward: false });
  assertAlmostEquals(two.weights, 2 * P, 1);
  assertAlmostEquals(two.trained, 16 * P / 8, 1);
  const three = zero({}), fsdp = memory(true, 8);
  // 2 + 16 bytes of a parameter rather than FSDP2's 4 + 12.
  assertAlmostEquals(three.weights + three.trained - fsdp.weights - fsdp.trained, 2 * P / 8, 1);
});

Deno.test("what an optimizer keeps comes to values and gradients, in full tuning and with adapters", () => {
  const P = 7_615_616_512;
  for (const [kept, bytes] of [[0, 4 * P], [P, 8 * P], [2 * P, 12 * P]] as const) {
    assertAlmostEquals(memory(true, 1, {}, { kept }).trained, bytes, 1);
  }
  const adamw = memory(false, 1).trained;
  assertAlmostEquals(memory(false, 1, {}, { kept: 0 }).trained, adamw / 2, 1);
});

Deno.test("a value head has no logits, and nothing of an output head is gathered", () => {
  const head = 2 ** 25 * 10 + 2 ** 28, table = 2 * 152064 * 3584;
  const [logits, values] = [false, true].map((valueHead) => memory(true, 8, {}, { valueHead }));
  assertAlmostEquals(logits!.activations - values!.activations, head, 1);
  assertAlmostEquals(logits!.weights - values!.weights, table, 1);
  // a CPU's tiles of logits are smaller
  const onCpu = memory(true, 8, {}, { onGpus: false });
  assertAlmostEquals(logits!.activations - onCpu.activations, 10 * (2 ** 25 - 2 ** 21), 1);
});

Deno.test("capped scores are whole in memory where FlexAttention doesn't make them", () => {
  const decoder = { ...QWEN, scoreCap: 50 };
  const more = (choices: Partial<EngineChoices>, size: Partial<RunSize> & { onGpus: boolean }) =>
    memory(false, 1, choices, { ...size, decoder }).activations - memory(false, 1, choices, size).activations;
  // of 28 heads: two of 4,096 rows with up to 1,024 each, three of 1,024 rows
  const block = 28 * 2 * 4096 * 1024, made = 28 * 3 * 1024 * 1024;
  assertAlmostEquals(more({}, { onGpus: false }), 4 * (block + made), 1);
  assertAlmostEquals(more({}, { onGpus: false, checkpointing: false }), 4 * (28 * block + made), 1);
  assertAlmostEquals(more({ attention: "sdpa" }, { onGpus: true }), 2 * (block + made), 1);
  assertAlmostEquals(more({}, { onGpus: true }), 0, 1);
});
