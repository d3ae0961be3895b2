import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { builtinRegistry } from "../plugins/builtins.ts";
import { lossName, readTrainConfig } from "../plugins/config/mod.ts";

const folder = new URL("./", import.meta.url).pathname;
const files = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".yaml"))
  .sort();

Deno.test("there are the examples that the README names", () => {
  for (
    const name of [
      "default_iopo",
      "qwen2_lora_iopo",
      "smollm2_lora_dpo",
      "smollm2_lora_iopo",
      "smollm2_lora_sft",
    ]
  ) {
    assert(files.includes(`${name}.yaml`), name);
  }
});

for (const name of files) {
  Deno.test(`examples/${name} is valid, names the schema, and its loss takes its options`, () => {
    const text = Deno.readTextFileSync(folder + name);
    assertStringIncludes(text, "# yaml-language-server: $schema=train.schema.json\n");
    const { config } = readTrainConfig(folder + name);
    const { name: loss, options } = lossName(config);
    if (config.loss === null) builtinRegistry().create("loss", loss, options);
  });
}

// IOPO paper's appendix and released file, as noted in its key table
Deno.test("examples/qwen2_lora_iopo.yaml says what the paper's file says", () => {
  const { config, notes } = readTrainConfig(`${folder}qwen2_lora_iopo.yaml`);
  assertEquals([config.lora_rank, config.lora_alpha, config.lora_dropout, config.lora_target], [8, 16, 0, [
    "all",
  ]]);
  assertEquals([config.learning_rate, config.num_train_epochs, config.warmup_ratio], [5e-6, 3, 0.1]);
  assertEquals([config.cutoff_len, config.max_samples, config.val_size], [6000, 120000, 0.1]);
  assertEquals([config.per_device_train_batch_size, config.gradient_accumulation_steps], [1, 8]);
  for (const key of ["deepspeed", "bf16", "ddp_timeout"]) {
    assert(notes.some((note) => note.includes(key)), key);
  }
});
