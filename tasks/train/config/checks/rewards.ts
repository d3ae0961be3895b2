/**
 * Checks of keys for stage grpo: answers that the policy draws, and their rewards.
 * @module
 */
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import type { Refuse } from "./refuse.ts";

/** What is drawn, by what, and what a step takes of it. */
export function checkRewards(c: TrainConfig, refuse: Refuse): void {
  if (c.stage !== "grpo") return;
  checkPreferenceKeys(c, refuse);
  checkEngine(c, refuse);
  checkAdapter(c, refuse);
  checkDrawing(c, refuse);
  checkGroups(c, refuse);
  checkEvaluation(c, refuse);
}

/** What TRL calls beta and loss_type in every trainer. */
function checkPreferenceKeys(c: TrainConfig, refuse: Refuse): void {
  for (
    const [key, fallback, own] of [["pref_beta", 0.1, "grpo_beta"], [
      "pref_loss",
      "sigmoid",
      "grpo_loss_type",
    ]] as const
  ) {
    refuse(
      c[key] !== fallback,
      key,
      `Cannot use ${key} in stage grpo: it is for preference stages, use ${own}`,
    );
  }
}

function checkEngine(c: TrainConfig, refuse: Refuse): void {
  refuse(
    c.trainer !== "local",
    "trainer",
    `Cannot train with stage: grpo on trainer: ${c.trainer} as answers are drawn by this project's generator: leave it out, and deepspeed and fsdp, which choose torch`,
  );
  refuse(
    c.backend === "webgpu",
    "backend",
    "Cannot train with stage: grpo on backend: webgpu, on which it isn't tried: use backend: onnx",
  );
  refuse(
    c.backend !== "webgpu" && c.provider !== "cpu",
    "provider",
    `Cannot train with stage: grpo on provider: ${c.provider}, on which it isn't tried: use provider: cpu`,
  );
}

/** The policy is the model's own files and one adapter beside them, so that a generator has it at once. */
function checkAdapter(c: TrainConfig, refuse: Refuse): void {
  const used = "Cannot train with stage: grpo and",
    why = "as answers are drawn with a plain adapter beside the model";
  refuse(
    c.finetuning_type !== "lora",
    "finetuning_type",
    `${used} finetuning_type: ${c.finetuning_type} ${why}: use finetuning_type: lora`,
  );
  for (const key of ["use_dora", "pissa_init"] as const) {
    refuse(c[key], key, `${used} ${key}: true ${why}: leave it out`);
  }
  const grows = c.resize_vocab || c.add_tokens.length + c.add_special_tokens.length > 0 ||
    c.new_special_tokens_config !== null;
  refuse(
    c.additional_target.length > 0 || grows,
    c.additional_target.length > 0 ? "additional_target" : "stage",
    `${used} additional_target or a changed vocabulary ${why}: leave them out, or learn the tokens in stage sft and merge (deno task export)`,
  );
  refuse(
    c.adapter_name_or_path.length > 1 || (c.create_new_adapter && c.adapter_name_or_path.length > 0),
    "adapter_name_or_path",
    `${used} merged adapters ${why}: merge them (deno task export), and name the result as model_name_or_path`,
  );
  refuse(
    c.ref_model !== null,
    "ref_model",
    `${used} ref_model as the reference is the model without the adapter: leave it out`,
  );
}

function checkDrawing(c: TrainConfig, refuse: Refuse): void {
  refuse(
    !c.do_sample || c.temperature === 0,
    c.do_sample ? "temperature" : "do_sample",
    `Cannot train with stage: grpo and ${
      c.do_sample ? "temperature: 0" : "do_sample: false"
    } as the answers of a group would all be the same: use temperature: 1`,
  );
  refuse(
    c.num_iterations !== 1,
    "num_iterations",
    `Cannot train with num_iterations: ${c.num_iterations} as each answer is learnt from once: leave it out`,
  );
  refuse(
    c.streaming,
    "streaming",
    "Cannot train with stage: grpo on a stream: leave it out (max_samples takes the first rows)",
  );
  refuse(
    c.packing || c.neat_packing,
    c.packing ? "packing" : "neat_packing",
    "Cannot use packing with stage: grpo as its rows are prompts, and packs are made of answers anyway: leave it out",
  );
}

function checkGroups(c: TrainConfig, refuse: Refuse): void {
  const answers = c.per_device_train_batch_size * c.gradient_accumulation_steps;
  refuse(
    answers % c.num_generations !== 0,
    "num_generations",
    `Cannot train with num_generations: ${c.num_generations} as a step's ${answers} answers (per_device_train_batch_size ${c.per_device_train_batch_size} × ` +
      `gradient_accumulation_steps ${c.gradient_accumulation_steps}) aren't whole groups: change one of them`,
  );
  const { reward_funcs: funcs, reward_weights: weights } = c;
  refuse(
    funcs.length === 0,
    "reward_funcs",
    "Cannot train with stage: grpo without reward_funcs: name a judge, such as rules",
  );
  refuse(
    weights !== null && weights.length !== funcs.length,
    "reward_weights",
    `Cannot weigh ${funcs.length} of reward_funcs by ${weights?.length} reward_weights: give one for each`,
  );
}

function checkEvaluation(c: TrainConfig, refuse: Refuse): void {
  refuse(
    c.do_eval || c.eval_on_start,
    c.eval_strategy === "no" ? c.do_eval ? "do_eval" : "eval_on_start" : "eval_strategy",
    "Cannot evaluate with stage: grpo as rewards of held-out prompts aren't computed in training: leave it out, and judge the trained adapter with deno task eval",
  );
  refuse(
    c.val_size > 0 || c.eval_dataset.length > 0,
    c.val_size > 0 ? "val_size" : "eval_dataset",
    "Cannot hold out prompts with stage: grpo as nothing is evaluated in training: leave it out, and judge the trained adapter with deno task eval",
  );
}
