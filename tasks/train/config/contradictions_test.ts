/** Keys that contradict each other are refused, with their place. */
import { assertStringIncludes } from "@std/assert";
import { faultWith } from "./_resolved.ts";

/** Asserts that each of the keys' lines is refused with a text that has the other one. */
function assertRefused(cases: readonly (readonly [lines: string, text: string])[]): void {
  for (const [lines, text] of cases) assertStringIncludes(faultWith(lines + "\n"), text, lines);
}

Deno.test("keys of data that contradict each other are refused", () => {
  assertRefused([
    ["streaming: true", "set max_steps"],
    ["streaming: true\nmax_steps: 5\nmax_samples: 3", "max_samples with streaming"],
    ["streaming: true\nmax_steps: 5\nval_size: 0.1", "a number of rows"],
    ["train_on_prompt: true\nmask_history: true", "remove one of them"],
    ["stage: dpo\ntrain_on_prompt: true", "it is for sft"],
    ["stage: dpo\nneat_packing: true", "it is for sft"],
    ["interleave_probs: [1]", "mix_strategy: concat"],
    ["interleave_probs: [0.5, 0.5]\nmix_strategy: interleave_over", "give one a set"],
  ]);
  assertStringIncludes(
    faultWith("stage: pt\ntemplate_options: {a: 1}\n", "template=null"),
    "without template",
  );
});

Deno.test("keys of evaluations and schedules that contradict each other are refused", () => {
  assertRefused([
    ["eval_strategy: steps", "give eval_dataset or val_size"],
    ["do_eval: true", "give eval_dataset or val_size"],
    ["val_size: 0.1\neval_dataset: x", "with eval_dataset"],
    ["val_size: 1.5", "whole number"],
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
  ]);
});

Deno.test("keys of what is trained that contradict each other are refused", () => {
  assertRefused([
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
    ["stage: rm\ntrainer: mine", "with trainer: mine as value heads are of trainers local and torch"],
    ["stage: rm\nadd_tokens: zwei\nresize_vocab: true", "with LoRA and a changed vocabulary"],
    ["stage: rm\nadditional_target: embed_tokens,lm_head", "leave it out of additional_target"],
    [
      "stage: rm\nfinetuning_type: freeze\nfreeze_extra_modules: lm_head",
      "leave it out of freeze_extra_modules",
    ],
    ["pissa_init: true", "with pissa_convert: false, as such an adapter belongs upon a base"],
    ["pissa_init: true\npissa_convert: true\nuse_dora: true", "whose lengths no plain adapter has"],
    ["pissa_init: true\npissa_convert: true\ntrainer: mine", "it is of trainers local and torch"],
    ["pissa_init: true\npissa_convert: true\nquantization_bit: 4\nbackend: onnx", "is float32: remove"],
    ["pissa_iter: -2", "pissa_iter"],
    ["finetuning_type: full\nadapter_name_or_path: a", "merge it first"],
    ["adapter_name_or_path: a,b\nquantization_bit: 4", "Cannot merge adapters with quantization_bit: 4"],
    [
      "adapter_name_or_path: a\ncreate_new_adapter: true\nquantization_bit: 8",
      "Cannot merge an adapter with quantization_bit: 8",
    ],
    ["train_from_scratch: true", "only the adapter would be saved"],
    ["train_from_scratch: true\nuse_dora: true", "Cannot train from scratch with finetuning_type: lora"],
    ["train_from_scratch: true\nfinetuning_type: full\nstage: dpo", "from scratch in stage dpo"],
  ]);
});

Deno.test("keys of losses and references that contradict each other are refused", () => {
  assertRefused([
    ["stage: rm\nlabel_smoothing_factor: 0.1", "in stage rm: it is for sft and pt"],
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
    ["stage: pt\nuse_eaft_loss: true", "Cannot use use_eaft_loss in stage pt: it is for sft"],
    ["stage: dpo\nuse_asft_loss: true", "Cannot use use_asft_loss in stage dpo: it is for sft"],
    ["use_eaft_loss: true\nloss: mine", "Cannot use use_eaft_loss with loss: mine"],
    ["use_asft_loss: true\nlabel_smoothing_factor: 0.1", "use_asft_loss with label_smoothing_factor"],
    ["use_eaft_loss: true\neaft_alpha: -1", "eaft_alpha"],
    ["use_asft_loss: true\nuse_dft_loss: true", "Cannot use use_dft_loss with use_asft_loss, of which"],
    ["use_asft_loss: true\ntrainer: torch", "Cannot use use_asft_loss on trainer: torch"],
    ["use_asft_loss: true\nref_model: other", "Cannot use use_asft_loss with ref_model"],
    ["stage: dpo\niopo_variant: first_group_only", "it is for iopo"],
    ["loss_options: {a: 1}", "without loss"],
  ]);
});

Deno.test("keys of stage grpo that contradict each other are refused", () => {
  assertRefused([
    ["stage: ppo", "without a value model here: use grpo"],
    ["stage: grpo\ntrainer: torch", "leave it out, and deepspeed and fsdp"],
    ["stage: grpo\nbackend: webgpu", "use backend: onnx"],
    ["stage: grpo\nprovider: cuda", "use provider: cpu"],
    ["stage: grpo\nbackend: onnx\nprovider: webgpu", "use provider: cpu"],
    ["stage: grpo\nfinetuning_type: full", "use finetuning_type: lora"],
    ["stage: grpo\nuse_dora: true", "use_dora: true as answers are drawn with a plain adapter"],
    ["stage: grpo\nref_model: m\ngrpo_beta: 0.1", "the reference is the model without the adapter"],
    ["stage: grpo\ndo_sample: false", "would all be the same"],
    ["stage: grpo\ntemperature: 0", "use temperature: 1"],
    ["stage: grpo\nnum_iterations: 2", "each answer is learnt from once"],
    ["stage: grpo\nper_device_train_batch_size: 4\nnum_generations: 3", "a step's 4 answers"],
    ["stage: grpo\nreward_weights: [1, 2]", "Cannot weigh 1 of reward_funcs by 2"],
    ["stage: grpo\nval_size: 0.1", "judge the trained adapter with deno task eval"],
    ["stage: grpo\neval_strategy: steps", "Cannot evaluate with stage: grpo"],
    ["stage: grpo\npref_beta: 0.3", "use grpo_beta"],
    ["stage: grpo\npacking: true", "packs are made of answers anyway"],
  ]);
});

Deno.test("keys of devices that contradict each other are refused", () => {
  assertRefused([
    ["use_cpu: true\nprovider: cuda", "use_cpu: true"],
    [
      "backend: webgpu\nprovider: cuda",
      "Cannot use provider: cuda with backend: webgpu: providers are ONNX Runtime's",
    ],
    ["backend: reference\nprovider: webgpu", "leave provider out, or use backend: onnx"],
  ]);
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
