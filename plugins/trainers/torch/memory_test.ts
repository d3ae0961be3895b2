/** Memory of a process against the table of docs/scale.md, whose figures another program computed from the models' config.json. */
import { assertAlmostEquals } from "@std/assert";

import { builtinRegistry } from "../../builtins.ts";
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
function memory(own: boolean | number, processes: number, choices: Partial<EngineChoices> = {}) {
  const parameters = sum([...tensorShapes(QWEN).values()].map((shape) => shape.reduce((a, b) => a * b, 1)));
  const adapters = QWEN.numLayers * 8 * sum(linearModules(QWEN).map((name) => sum(moduleShape(QWEN, name))));
  const trained = typeof own === "number" ? own * LAYER : own ? parameters : adapters;
  const size = {
    decoder: QWEN,
    parameters,
    trained,
    kept: 2 * trained,
    own: own !== false,
    rows: 4096,
    checkpointing: true,
  };
  const sharding = processes > 1 ? "fsdp" as const : "none" as const;
  return processMemory(size, { ...optionsOf({ dtype: "bfloat16" }), sharding, ...choices }, processes);
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
