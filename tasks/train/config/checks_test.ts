import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
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

Deno.test("do_eval without do_train evaluates a finished model, and refuses what it has no loss of", () => {
  const yaml = BASE_YAML.replace("do_train: true\n", "").replace("dataset: d\n", "");
  const file = (more: string) =>
    resolveTrainConfig(parseYaml(yaml + "do_eval: true\neval_dataset: e\n" + more, "t.yaml"));
  assertEquals([file("").config.do_eval, file("stage: pt\n").config.stage], [true, "pt"]);
  assertEquals(file("stage: dpo\npref_loss: simpo\n").config.pref_loss, "simpo");
  assertEquals(file("stage: kto\nref_model: m\n").config.ref_model, "m");
  for (
    const [more, text] of [
      [
        "stage: dpo",
        "with stage: dpo without ref_model as its loss is relative to the model before training",
      ],
      ["stage: kto", "name that one as ref_model"],
      ["train_from_scratch: true\nfinetuning_type: full", "Cannot evaluate random weights"],
      ["rope_scaling: linear\nfinetuning_type: full", "Cannot evaluate with rope_scaling"],
      [
        "stage: dpo\nref_model: m\npref_bco_weight: 1",
        "Cannot evaluate a finished model with pref_bco_weight",
      ],
      ["streaming: true\nmax_steps: 1", "Cannot evaluate a finished model on a stream"],
    ] as const
  ) assertStringIncludes(assertThrows(() => file(more + "\n"), RangeError).message, text);
});

Deno.test("do_predict takes LLaMA-Factory's prediction file, and refuses what it can't predict with", () => {
  const lines = "do_train: false\ndo_predict: true\npredict_with_generate: true\neval_dataset: e\n";
  const yaml = BASE_YAML.replace("do_train: true\n", "").replace("dataset: d\n", "");
  const file = (more: string) => resolveTrainConfig(parseYaml(yaml + lines + more, "t.yaml"));
  const { config, notes } = file("temperature: 0.5\n");
  assertEquals([config.do_predict, config.top_k, config.max_new_tokens], [true, 50, 1024]);
  assertEquals(notes.filter((note) => /temperature|eval_dataset/.test(note)), []);
  assert(
    file("do_sample: false\ntemperature: 0.5\n").notes.includes(
      "temperature: not used, as do_sample: false takes the likeliest tokens",
    ),
  );
  for (
    const [more, text] of [
      ["stage: dpo", "set stage: sft"],
      ["num_beams: 4", "Cannot search with num_beams: 4 beams"],
      ["compute_accuracy: true", "Cannot use compute_accuracy with predict_with_generate"],
      ["eval_on_each_dataset: true", "Cannot predict for each data set by itself"],
      ["adapter_name_or_path: a,b", "merge them with deno task export"],
      ["streaming: true\nmax_steps: 1", "Cannot predict from a stream"],
      ["loss: dpo", "Cannot predict with a loss"],
      ["max_new_tokens: 0", "a whole number >= 1"],
      ["top_p: 0", "a number > 0 and <= 1"],
    ] as const
  ) assertStringIncludes(assertThrows(() => file(more + "\n"), RangeError).message, text);
  for (
    const [more, text] of [
      [
        "do_predict: true\npredict_with_generate: true\neval_dataset: e\nadapter_name_or_path: a\ncreate_new_adapter: true",
        "Cannot predict with several adapters",
      ],
      ["predict_with_generate: true\neval_dataset: e", "Cannot train with predict_with_generate"],
      ["do_predict: true\neval_dataset: e", "set predict_with_generate: true"],
    ] as const
  ) assertStringIncludes(faultWith(more + "\n"), text);
});

Deno.test("keys that contradict each other are refused", () => {
  for (
    const [lines, text] of [
      ["eval_strategy: steps", "give eval_dataset or val_size"],
      ["do_eval: true", "give eval_dataset or val_size"],
      ["val_size: 0.1\neval_dataset: x", "with eval_dataset"],
      ["val_size: 1.5", "whole number"],
      ["streaming: true", "set max_steps"],
      ["streaming: true\nmax_steps: 5\nmax_samples: 3", "max_samples with streaming"],
      ["streaming: true\nmax_steps: 5\nval_size: 0.1", "a number of rows"],
      ["train_on_prompt: true\nmask_history: true", "remove one of them"],
      ["stage: dpo\ntrain_on_prompt: true", "it is for sft"],
      ["stage: dpo\nneat_packing: true", "it is for sft"],
      ["finetuning_type: full\nloraplus_lr_ratio: 4", "as it is the rate of adapters' B"],
      ["loraplus_lr_ratio: 0", "a number > 0"],
      [
        "finetuning_type: freeze\nloraplus_lr_ratio: 4",
        "with finetuning_type: freeze as it is the rate of adapters' B",
      ],
      [
        "finetuning_type: freeze\nadapter_name_or_path: a",
        "Cannot train a model's own weights from an adapter",
      ],
      [
        "finetuning_type: freeze\nquantization_bit: 4",
        "with finetuning_type: freeze: weights that are trained are float32",
      ],
      ["finetuning_type: freeze\nfreeze_trainable_modules: []", "names no module"],
      ["finetuning_type: full\nuse_llama_pro: true", "use finetuning_type: freeze or lora"],
      ["stage: dpo\nref_model_adapters: a", "without ref_model, as LLaMA-Factory reads them with it alone"],
      [
        "stage: kto\nref_model: m\nref_model_adapters: a,b\nref_model_quantization_bit: 4",
        "with 2 adapters, as merged weights are float32",
      ],
      [
        "stage: iopo\nref_model: m\nref_model_quantization_bit: 8\nbackend: webgpu",
        "it needs backend: onnx and provider: cpu",
      ],
      [
        "stage: dpo\nref_model: m\nref_model_quantization_bit: 8\ntrainer: torch",
        "with trainer: torch: it is the local trainer's",
      ],
      ["stage: dpo\nref_model: m\nref_model_quantization_bit: 3", "ref_model_quantization_bit"],
      ["pissa_init: true", "with pissa_convert: false, as such an adapter belongs upon a base"],
      ["pissa_init: true\npissa_convert: true\nuse_dora: true", "whose lengths no plain adapter has"],
      ["pissa_init: true\npissa_convert: true\ntrainer: mine", "it is of trainers local and torch"],
      ["pissa_init: true\npissa_convert: true\nquantization_bit: 4\nbackend: onnx", "is float32: remove"],
      ["pissa_iter: -2", "pissa_iter"],
      ["interleave_probs: [1]", "mix_strategy: concat"],
      ["interleave_probs: [0.5, 0.5]\nmix_strategy: interleave_over", "give one a set"],
      ["lr_scheduler_kwargs: {power: 2}", "lr_scheduler_kwargs power with lr_scheduler_type: linear"],
      ["lr_scheduler_type: cosine_with_min_lr", "without its floor"],
      [
        "lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr_rate: 0.1, min_lr: 1e-6}",
        "t.yaml:7:1: Cannot use lr_scheduler_kwargs min_lr with min_lr_rate",
      ],
      // of a peak of 0 it is no share: 0 * (min_lr / 0) is NaN
      [
        "lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr: 1e-6}\nlearning_rate: 0",
        "t.yaml:7:1: Cannot use lr_scheduler_kwargs min_lr with learning_rate: 0",
      ],
      ["lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr_rate: 2}", "min_lr_rate: 2 as"],
      ["lr_scheduler_type: cosine\nlr_scheduler_kwargs: {num_cycles: -1}", "num_cycles: -1 as"],
      ["lr_scheduler_type: polynomial\nlr_scheduler_kwargs: {lr_end: 1}", "below learning_rate 0.00005"],
      ["lr_scheduler_type: polynomial\nlearning_rate: 0", "below learning_rate 0: current value is 1e-7"],
      ["load_best_model_at_end: true", "eval_strategy: no"],
      [
        "early_stopping_steps: 2",
        "Cannot use early_stopping_steps with eval_strategy: no as nothing is evaluated that tells when to stop",
      ],
      ["val_size: 2\neval_strategy: epoch\nload_best_model_at_end: true", "make them equal"],
      [
        "val_size: 2\neval_strategy: steps\neval_steps: 3\nsave_steps: 5\nload_best_model_at_end: true",
        "a multiple",
      ],
      ["finetuning_type: full\nadapter_name_or_path: a", "merge it first"],
      ["adapter_name_or_path: a,b\nquantization_bit: 4", "Cannot merge adapters with quantization_bit: 4"],
      [
        "adapter_name_or_path: a\ncreate_new_adapter: true\nquantization_bit: 8",
        "Cannot merge an adapter with quantization_bit: 8",
      ],
      ["stage: iopo\npref_loss: orpo", "it takes sigmoid, hinge and robust"],
      ["stage: iopo\ndpo_label_smoothing: 0.1", "use iopo_label_smoothing"],
      ["stage: dpo\npref_loss: ipo\ndpo_label_smoothing: 0.1", "it is for sigmoid, robust and exo_pair"],
      ["stage: dpo\npref_loss: exo_pair", "exo_pair without dpo_label_smoothing, whose logarithm it takes"],
      ["stage: iopo\npref_loss: apo_zero", "it takes sigmoid, hinge and robust"],
      [
        "stage: dpo\nlabel_smoothing_factor: 0.1",
        "in stage dpo: it is for sft and pt, use dpo_label_smoothing",
      ],
      ["stage: kto\nlabel_smoothing_factor: 0.1", "in stage kto: it is for sft and pt"],
      ["train_from_scratch: true", "only the adapter would be saved"],
      ["train_from_scratch: true\nuse_dora: true", "Cannot train from scratch with finetuning_type: lora"],
      ["train_from_scratch: true\nfinetuning_type: full\nstage: dpo", "from scratch in stage dpo"],
      ["loss: mine\nlabel_smoothing_factor: 0.1", "Cannot use label_smoothing_factor with loss: mine"],
      ["stage: dpo\nuse_dft_loss: true", "Cannot use use_dft_loss in stage dpo: it is for sft"],
      ["stage: pt\nuse_dft_loss: true", "Cannot use use_dft_loss in stage pt: it is for sft"],
      ["ld_alpha: 0.5", "Cannot use ld_alpha in stage sft: it is for dpo"],
      ["stage: iopo\nld_alpha: 0", "Cannot use ld_alpha in stage iopo: it is for dpo"],
      ["stage: dpo\nld_alpha: 1.5", "<= 1"],
      ["stage: dpo\nld_alpha: 0.5\nloss: mine", "Cannot use ld_alpha with loss: mine"],
      ["use_dft_loss: true\nloss: mine", "Cannot use use_dft_loss with loss: mine"],
      [
        "use_dft_loss: true\nlabel_smoothing_factor: 0.1",
        "Cannot use use_dft_loss with label_smoothing_factor",
      ],
      ["stage: dpo\niopo_variant: first_group_only", "it is for iopo"],
      ["loss_options: {a: 1}", "without loss"],
      ["use_cpu: true\nprovider: cuda", "use_cpu: true"],
      [
        "backend: webgpu\nprovider: cuda",
        "Cannot use provider: cuda with backend: webgpu: providers are ONNX Runtime's",
      ],
      ["backend: reference\nprovider: webgpu", "leave provider out, or use backend: onnx"],
    ] as const
  ) assertStringIncludes(faultWith(lines + "\n"), text, lines);
  assertStringIncludes(
    faultWith("stage: pt\ntemplate_options: {a: 1}\n", "template=null"),
    "without template",
  );
});

Deno.test("ways to mix sets that can't be are refused with their place, before data are read", () => {
  for (const probs of ["0.7, 0.7", "1, 0", "1.5, -0.5"]) {
    assertStringIncludes(
      faultWith(`interleave_probs: [${probs}]\nmix_strategy: interleave_over\n`, "dataset=a,b"),
      "t.yaml:6:1: Cannot use interleave_probs: positive numbers that sum to 1 are needed: " +
        `current value is ${probs} (sum `,
    );
  }
  assertStringIncludes(
    faultWith("streaming: true\nmax_steps: 2\nmix_strategy: interleave_over\n", "dataset=a,b"),
    "t.yaml:8:1: Cannot stream 2 sets with mix_strategy: interleave_over: use concat, or leave streaming out",
  );
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
