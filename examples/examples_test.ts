import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { builtinRegistry } from "../plugins/builtins.ts";
import { lossName, readTrainConfig } from "../tasks/train/config/mod.ts";
import { dryRun } from "../tasks/train.ts";

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
      "smollm2_lora_rm",
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
  assert(notes.some((note) => note.startsWith("deepspeed: training on PyTorch")), notes.join("\n"));
  assertEquals([config.trainer, config.trainer_options], ["torch", {
    ddp_timeout: 180000000,
    sharding: "fsdp",
    reshard_after_forward: true,
    cpu_offload: true,
    dtype: "bfloat16",
  }]);
});

/** Two records of the shape that the paper's trace.json has, in a folder with its dataset_info.json. */
async function traceFolder(): Promise<string> {
  const folder = await Deno.makeTempDir();
  const record = (n: number) => ({
    conversations: [
      { from: "human", value: `Name a river.\n1. At most ${n} words.\n` },
      { from: "human", value: `Name a river.\n1. At least ${n} words.\n` },
    ],
    chosen: { from: "gpt", value: "Rhine" },
    rejected: { from: "gpt", value: "The river that I like best is the Rhine" },
  });
  await Deno.writeTextFile(
    `${folder}/trace.json`,
    JSON.stringify(Array.from({ length: 20 }, (_, n) => record(n + 2))),
  );
  await Deno.writeTextFile(
    `${folder}/dataset_info.json`,
    JSON.stringify({
      trace_iopo: {
        file_name: "trace.json",
        ranking: true,
        formatting: "sharegpt",
        columns: { messages: "conversations", chosen: "chosen", rejected: "rejected" },
      },
    }),
  );
  return folder;
}

for (const name of files) {
  Deno.test(`examples/${name} passes a dry run with a tiny model instead of its own`, async () => {
    const data = await traceFolder();
    const model = new URL("../fixtures/goldens/llamafactory/model", import.meta.url).pathname;
    const folders = name.startsWith("qwen2")
      ? [`dataset_dir=${data}`]
      : [`dataset_dir=${new URL("../fixtures/constraints/data", import.meta.url).pathname}`];
    try {
      const { config, estimate } = await dryRun(
        folder + name,
        [`model_name_or_path=${model}`, "template=qwen", "max_samples=60", ...folders],
        () => {},
      );
      assert(estimate !== null);
      // the sizes in its config.json, multiplied out; a value head's row of 32 and its bias
      assertEquals(estimate.parameters, 28_448 + (config.stage === "rm" ? 33 : 0));
      assert(estimate.steps > 0);
      // PyTorch's speed isn't known before it runs
      if (config.trainer === "torch") assertEquals(estimate.time, null);
      else assert(estimate.time !== null && estimate.time.total > 0);
    } finally {
      await Deno.remove(data, { recursive: true });
    }
  });
}
