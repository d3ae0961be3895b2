import { assertEquals, assertThrows } from "@std/assert";

import { targetModules } from "./lora_targets.ts";

/** What LLaMA-Factory 0.9.5 adapts of a qwen2 of six layers with use_llama_pro (make_evaluations.py). */
const CHOICES: {
  keys: { freeze_trainable_layers: number; lora_target?: string };
  adapted?: string[];
  error?: string;
}[] = JSON.parse(
  Deno.readTextFileSync(new URL("../../../fixtures/goldens/llamafactory/expanded.json", import.meta.url)),
);

const ENDINGS = [
  ...["q_proj", "k_proj", "v_proj", "o_proj"].map((name) => `self_attn.${name}`),
  ...["gate_proj", "up_proj", "down_proj"].map((name) => `mlp.${name}`),
];
const modules = [0, 1, 2, 3, 4, 5].flatMap((layer) => ENDINGS.map((name) => `model.layers.${layer}.${name}`));

Deno.test("targetModules() with use_llama_pro names the modules that LLaMA-Factory adapts, and refuses where it does", () => {
  for (const { keys, adapted, error } of CHOICES) {
    const { freeze_trainable_layers, lora_target = "all" } = keys;
    const asked = { lora_target: lora_target.split(","), freeze_trainable_layers, use_llama_pro: true };
    const targets = () => targetModules(asked, modules);
    if (error === undefined) assertEquals(targets().sort(), adapted?.toSorted(), JSON.stringify(keys));
    else assertThrows(targets, RangeError, "a positive number that divides the model's 6 layers");
  }
  assertEquals(CHOICES.map(({ adapted }) => adapted?.length), [14, 6, 6, undefined]);
});

Deno.test("targetModules() with use_llama_pro refuses names that no expanded block has", () => {
  const keys = {
    lora_target: ["model.layers.0.mlp.up_proj"],
    freeze_trainable_layers: 2,
    use_llama_pro: true,
  };
  assertThrows(
    () => targetModules(keys, modules),
    RangeError,
    "Cannot adapt nothing: current value of lora_target is model.layers.0.mlp.up_proj, and no such module is in the expanded blocks 2, 5",
  );
});
