import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { resolveTrainConfig } from "./mod.ts";
import { keyTable } from "./key_table.ts";
import { otherNames } from "./other_names.ts";
import { faultOfYaml, faultWith, resolvedConfig } from "./_resolved.ts";

Deno.test("a stage, service or loss that isn't there is refused with what to use instead", () => {
  assertStringIncludes(faultWith("stage: ppo\n"), "use grpo on prompts");
  assertStringIncludes(faultWith("stage: orpo\n"), "set stage: dpo and pref_loss: orpo");
  assertStringIncludes(faultWith("stage: reward\n"), "set stage: rm");
  assertStringIncludes(faultWith("stage: iop\n"), 'did you mean "iopo"');
  assertStringIncludes(faultWith("report_to: wandb\n"), "use tensorboard or csv");
  assertStringIncludes(faultWith("report_to: [csv, tensorbord]\n"), "none, tensorboard, csv");
  assertStringIncludes(faultWith("report_to: tensorbord\n"), 'did you mean "tensorboard"');
  assertStringIncludes(faultWith("stage: dpo\npref_loss: kto_pair\n"), "use stage: kto");
  assertStringIncludes(
    faultWith("quantization_bit: 5\n"),
    "as 4 or 8, or nothing is needed: current value is 5",
  );
  for (
    const [other, why] of [
      ["finetuning_type: full", "weights that are trained are float32"],
      ["backend: webgpu", "it needs backend: onnx and provider: cpu"],
      ["backend: onnx\nprovider: cuda", "it needs backend: onnx and provider: cpu"],
      ["trainer: torch", "quantization: 4bit among its trainer_options"],
    ] as const
  ) assertStringIncludes(faultWith(`quantization_bit: 4\n${other}\n`), why);
  assertStringIncludes(faultWith("pure_bf16: true\n"), "use bf16");
  assertStringIncludes(faultWith("optim: lion_8bit\n"), "use adamw_torch");
  assertStringIncludes(faultWith("use_galore: true\n"), "Cannot use use_galore: true");
});

Deno.test("keys of axolotl, TRL and Unsloth get the key that is meant, or what to do instead", () => {
  const table = keyTable();
  for (const [from, to] of otherNames()) {
    assert(!table.has(from), `${from} is a key of its own`);
    if (to !== null) assertEquals(table.get(to)?.state, "works", `${from} → ${to}`);
    const found = faultWith(`${from}: 1\n`);
    assert(!found.includes("did you mean") && !found.includes("--help"), found);
  }
  for (
    const [key, hint] of [
      ["kto_beta", "it is called pref_beta here"], // LLaMA-Factory of before
      ["ray_run_name", "(docs/scale.md)"],
      ["sequence_parallel", "(docs/scale.md)"],
      ["image_resolution", "models here are text alone"],
      ["task", "deno task eval has others"],
      ["sequence_len", "it is called cutoff_len here"], // axolotl
      ["micro_batch_size", "it is called per_device_train_batch_size here"],
      ["adapter", "finetuning_type: lora"],
      ["datasets", "dataset names sets"],
      ["rl", "use stage: dpo"],
      ["noisy_embedding_alpha", "it is called neftune_noise_alpha here"],
      ["beta", "it is called pref_beta here"], // TRL
      ["dataset_num_proc", "it is called preprocessing_num_workers here"],
      ["max_prompt_length", "cutoff_len bounds"],
      ["undesirable_weight", "it is called kto_rejected_weight here"],
      ["load_in_4bit", "quantization_bit"], // Unsloth
      ["max_seq_length", "it is called cutoff_len here"],
      ["random_state", "it is called seed here"],
      ["r", "it is called lora_rank here"],
      ["relora_steps", "ReLoRA isn't there"], // near another key's name
      ["eos_token", "a template brings its own"],
      ["ref_model_init_kwargs", "adapters off"],
    ] as const
  ) assertStringIncludes(faultWith(`${key}: 1\n`), hint);
  for (
    const [written, hint] of [
      ["loss_type: dft", "use stage: sft with use_dft_loss: true"], // TRL's SFT and KTO trainers
      ["loss_type: nll", "that is the loss of stage: sft"],
      ["loss_type: [kto]", "use stage: kto"],
      ["loss_type: [sigmoid, sft]", "it is called pref_loss here"],
      ["loss_type: 1", "it is called pref_loss here"],
      ["loss_type: aot", "no loss here does: use pref_loss: sigmoid"],
      ["loss_type: [sft, sigmoid]", "pref_ftx, its weight beside another loss"],
      ["truncation_mode: keep_end", "it is called truncation here"],
      ["tokens: [<a>]", "it is called add_tokens here"], // axolotl
      ["special_tokens: {pad_token: <p>}", "add_special_tokens names further ones"],
      ["new_special_tokens: <a>,<b>", "it is called add_special_tokens here"], // LLaMA-Factory of before
      ["modules_to_save: [lm_head]", "it is called additional_target here"],
      ["lora_modules_to_save: [lm_head]", "it is called additional_target here"],
      ["truncation_side: left", "cut at their ends, by their lengths"],
      ["stage: dpo\npref_loss: dft", "use stage: sft with use_dft_loss: true"],
    ] as const
  ) assertStringIncludes(faultWith(`${written}\n`), hint);
  // a key of LLaMA-Factory's about generation, and of TRL's about rows
  assertStringIncludes(
    resolvedConfig("max_length: 512\n").notes.join(),
    "cutoff_len (which TRL calls max_length)",
  );
});

/** Fields that the DPOConfig of TRL 0.24 or 1.16 adds to, or sets anew of, transformers' arguments. */
const DPO_CONFIG = [
  ...[
    "learning_rate",
    "logging_steps",
    "gradient_checkpointing",
    "model_init_kwargs",
    "ref_model_init_kwargs",
  ],
  ...[
    "model_adapter_name",
    "ref_adapter_name",
    "force_use_ref_model",
    "disable_dropout",
    "use_logits_to_keep",
  ],
  ...["dataset_num_proc", "pad_token", "label_pad_token_id", "max_prompt_length", "max_completion_length"],
  ...[
    "max_length",
    "truncation_mode",
    "padding_free",
    "precompute_ref_log_probs",
    "precompute_ref_batch_size",
  ],
  ...["tools", "loss_type", "use_liger_loss", "base_model_attribute_name", "beta", "f_divergence_type"],
  ...[
    "f_alpha_divergence_coef",
    "reference_free",
    "label_smoothing",
    "use_weighting",
    "rpo_alpha",
    "ld_alpha",
  ],
  ...["discopop_tau", "loss_weights", "sync_ref_model", "ref_model_mixup_alpha", "ref_model_sync_steps"],
  ...[
    "generate_during_eval",
    "padding_value",
    "trust_remote_code",
    "router_aux_loss_coef",
    "pad_to_multiple_of",
  ],
  "activation_offloading",
];

Deno.test("every field of TRL's DPOConfig is a key here, or gets a hint of its own", () => {
  const table = keyTable(), others = otherNames();
  assertEquals(DPO_CONFIG.filter((name) => !table.has(name) && !others.has(name)), []);
});

Deno.test("axolotl's base_model without model_name_or_path gets the name used here", () => {
  const text = "base_model: owner/name\ndo_train: true\ndataset: d\ntemplate: qwen\noutput_dir: o\n";
  const { message } = assertThrows(() => resolveTrainConfig(parseYaml(text, "t.yaml")), RangeError);
  assertStringIncludes(message, "Cannot train as model_name_or_path is needed");
  assertStringIncludes(message, "base_model is only the name that the adapter carries");
});

Deno.test("a file that isn't for training is named for what it is", () => {
  const files = {
    "deno task eval takes it": "evaluator:\n  type: constraints\n",
    "merging an adapter (llamafactory-cli export): deno task export takes it":
      "model_name_or_path: m\nadapter_name_or_path: a\ntemplate: llama3\ntrust_remote_code: true\n" +
      "export_dir: out\nexport_size: 5\nexport_device: cpu\nexport_legacy_format: false\n",
    "llamafactory-cli eval":
      "model_name_or_path: m\ntask: mmlu_test\ntemplate: fewshot\nlang: en\nn_shot: 5\nsave_dir: s\n",
    "deno task chat MODEL --adapter ADAPTER and deno task serve do that":
      "model_name_or_path: m\nadapter_name_or_path: a\ntemplate: llama3\ninfer_backend: huggingface\n" +
      "trust_remote_code: true\n",
    "chatting or serving (llamafactory-cli chat": "model_name_or_path: m\ntemplate: llama3\n",
    "accelerate's own file": "compute_environment: LOCAL_MACHINE\ndistributed_type: FSDP\nnum_processes: 2\n",
    // the form of 0.9.5's examples/extras/multi_tokens/tokens_cfg.yaml
    "as new_special_tokens_config names one: name it so in the file that you train with":
      '"<|START_OF_SVG|>": "Marks the beginning"\n' +
      '"<|end_of_g|>": "Ends a group element"\n',
    "LLaMA-Factory's v1 (USE_V1=1)":
      "model: m\nmodel_class: llm\npeft_config:\n  name: lora\ntrain_dataset: d.yaml\noutput_dir: o\n",
  };
  for (const [text, yaml] of Object.entries(files)) {
    const found = faultOfYaml(yaml);
    assertStringIncludes(found, text);
    assert(!found.includes("output_dir is needed") && !found.includes("\n"), found);
  }
  assertStringIncludes(faultOfYaml("model_name_or_path: m\ndataset: d\n"), "output_dir is needed");
});
