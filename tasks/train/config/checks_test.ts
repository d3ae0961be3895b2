/** What is told of keys that do something else than one would think, or nothing. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { resolveTrainConfig } from "./mod.ts";
import { BASE_YAML, faultWith, resolvedConfig } from "./_resolved.ts";

Deno.test("steps between two times are whole from 1 on, as transformers wants them; a rate of 0 is told", () => {
  for (const key of ["logging_steps", "eval_steps", "save_steps"]) {
    assertStringIncludes(
      faultWith(`${key}: 1.5\n`),
      `t.yaml:6:1: Cannot use ${key}: 1.5 as a whole number is needed from 1 on, or a share of all steps below 1`,
    );
    assertEquals(resolvedConfig(`${key}: 0.5\n`).config[key as "save_steps"], 0.5);
  }
  const { notes } = resolvedConfig("learning_rate: 0\n");
  assert(
    notes.includes("learning_rate: 0 changes no weight: the run computes and saves, and learns nothing"),
  );
});

Deno.test("packing in stage sft is said to keep examples apart, which LLaMA-Factory does only with neat_packing", () => {
  const said = (more: string) =>
    resolvedConfig(more).notes.some((note) => note.startsWith("packing: examples that share"));
  assert(said("packing: true\n"));
  assert(!said("") && !said("neat_packing: true\n") && !said("packing: true\nneat_packing: true\n"));
  assert(!said("stage: pt\n"));
});

Deno.test("disable_gradient_checkpointing is said to do nothing where a pass is one program", () => {
  const notes = (more: string) =>
    resolveTrainConfig(parseYaml(`${BASE_YAML}disable_gradient_checkpointing: true\n${more}`, "t.yaml"))
      .notes;
  const said = (more: string) =>
    notes(more).some((note) => note.startsWith("disable_gradient_checkpointing"));
  assert(said("provider: cuda\n") && !said("provider: cuda\ncuda_tensors: device\n"));
  assert(said("backend: onnx\nprovider: webgpu\n"));
  assert(!said("") && !said("backend: onnx\n") && !said("backend: webgpu\n"));
});

Deno.test("tokenized_path is told as not used, as encoded data has its own cache", () => {
  assert(
    resolvedConfig("tokenized_path: saves/encoded\n").notes.includes(
      "tokenized_path: not used, as encoded data has its own cache (data_cache_dir)",
    ),
  );
});

Deno.test("overwrite_output_dir beside a checkpoint is told where it does nothing", () => {
  const notes = (from: string) =>
    resolvedConfig(`overwrite_output_dir: true\nresume_from_checkpoint: ${from}\n`).notes.filter((note) =>
      note.startsWith("overwrite_output_dir")
    );
  const unused =
    "overwrite_output_dir: not used, as resume_from_checkpoint continues with what is in output_dir";
  const { output_dir } = resolvedConfig("").config;
  assertEquals([notes("true"), notes(`${output_dir}/checkpoint-4`)], [[unused], [unused]]);
  // what another folder's checkpoint is continued in is emptied first
  assertEquals([notes("saves/other/checkpoint-4"), notes("false")], [[], []]);
  assertEquals(notes("auto"), [
    "overwrite_output_dir: only used where output_dir has no checkpoint, from which resume_from_checkpoint: auto would continue",
  ]);
});

Deno.test("use_llama_pro takes freeze_trainable_layers with LoRA, and an adapter that is trained on has its own modules", () => {
  const notes = (more: string) =>
    resolvedConfig(`freeze_trainable_layers: 3\nfreeze_extra_modules: norm\n${more}`).notes.filter((note) =>
      note.includes("freeze_") || note.includes("llama_pro")
    );
  assertEquals(notes("use_llama_pro: true\n"), [
    "freeze_extra_modules: not used, as finetuning_type is lora",
  ]);
  assertEquals(notes(""), [
    "freeze_trainable_layers, freeze_extra_modules: not used, as finetuning_type is lora",
  ]);
  assertEquals(
    notes("use_llama_pro: true\nadapter_name_or_path: a\n")[0],
    "use_llama_pro: not used, as the adapter of adapter_name_or_path has its own",
  );
});

Deno.test("timescale is said to do nothing, as in transformers 4", () => {
  const { notes } = resolvedConfig("lr_scheduler_type: inverse_sqrt\nlr_scheduler_kwargs: {timescale: 5}\n");
  assert(notes.some((note) => note.startsWith("lr_scheduler_kwargs timescale: not used")));
});

Deno.test("keys that do nothing beside the others are told, with what makes them idle; defaults aren't", () => {
  const idle = (more: string) =>
    resolvedConfig(more).notes.filter((note) => / not used, as (?!float32|it only|how)/.test(note));
  const cases: [string, string][] = [
    [
      "max_steps: 5\nnum_train_epochs: 2\n",
      "num_train_epochs: not used, as max_steps: 5 says how long the run is",
    ],
    [
      "warmup_steps: 5\nwarmup_ratio: 0.1\n",
      "warmup_ratio: not used, as warmup_steps: 5 says how long it warms up",
    ],
    ["eval_dataset: d\n", "eval_dataset: not used, as eval_strategy is no and do_eval isn't true"],
    [
      "optim: adafactor\nadam_beta2: 0.95\nadam_epsilon: 1.0e-8\n",
      "adam_beta2: not used, as optim: adafactor has no moments of AdamW's",
    ],
    ["eval_steps: 7\n", "eval_steps: not used, as eval_strategy is no"],
    ["save_strategy: epoch\nsave_steps: 7\n", "save_steps: not used, as save_strategy is epoch"],
    [
      "finetuning_type: full\nlora_rank: 4\nlora_target: q_proj\n",
      "lora_rank, lora_target: not used, as finetuning_type: full has no adapters",
    ],
    [
      "adapter_name_or_path: a\nlora_rank: 4\nlora_target: q_proj\n",
      "lora_rank, lora_target: not used, as the adapter of adapter_name_or_path has its own",
    ],
    [
      "freeze_trainable_layers: 3\nfreeze_extra_modules: norm\n",
      "freeze_trainable_layers, freeze_extra_modules: not used, as finetuning_type is lora",
    ],
    [
      "finetuning_type: freeze\nfreeze_trainable_layers: 3\nlora_rank: 4\n",
      "lora_rank: not used, as finetuning_type: freeze has no adapters",
    ],
    ["pref_beta: 0.2\npref_loss: ipo\n", "pref_beta: not used, as stage is sft"],
    ["stage: dpo\nsimpo_gamma: 1\n", "simpo_gamma: not used, as only pref_loss: simpo has a margin"],
    ["stage: dpo\nkto_chosen_weight: 2\n", "kto_chosen_weight: not used, as stage is dpo"],
    [
      "stage: iopo\nloss: mine\niopo_label_smoothing: 0.1\niopo_variant: first_group_only\n",
      "iopo_label_smoothing, iopo_variant: not used, as loss: mine has its own options (loss_options)",
    ],
    [
      "stage: dpo\nloss: mine\ndpo_label_smoothing: 0.1\n",
      "dpo_label_smoothing: not used, as loss: mine has its own options (loss_options)",
    ],
    [
      "packing: false\nneat_packing: true\n",
      "packing: false is not used, as neat_packing: true packs, as in LLaMA-Factory",
    ],
  ];
  for (const [more, note] of cases) assert(idle(more).includes(note), `${more}${idle(more).join("\n")}`);
  const defaults =
    "max_steps: 5\nnum_train_epochs: 3.0\nwarmup_steps: 5\nwarmup_ratio: 0\npref_beta: 0.1\npref_loss: sigmoid\n" +
    "finetuning_type: full\nlora_rank: 8\nlora_alpha: 16\nlora_target: all\nsave_strategy: epoch\nsave_steps: 500\n";
  assertEquals(idle(defaults), []);
});

Deno.test("rows that are held out for an evaluation that never comes are told; warm-up is whole steps or a share", () => {
  const only = /^val_size: .* only keeps rows from training, as eval_strategy is no and do_eval isn't true$/;
  const told = (more: string) => resolvedConfig(more).notes.some((note) => only.test(note));
  assertEquals(["val_size: 0.1\n", "val_size: 5\n", "val_size: 0\n"].map(told), [true, true, false]);
  assertEquals(["do_eval: true\n", "eval_strategy: epoch\n"].map((more) => told(`val_size: 5\n${more}`)), [
    false,
    false,
  ]);
  for (const steps of [0, 0.03, 1, 20]) {
    assertEquals(resolvedConfig(`warmup_steps: ${steps}\n`).config.warmup_steps, steps);
  }
  assertEquals(
    faultWith("warmup_steps: 2.5\n"),
    "t.yaml:6:1: Cannot warm up for 2.5 steps as a whole number is needed from 1 on, or a share of all steps below 1",
  );
});
