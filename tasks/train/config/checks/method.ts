/**
 * Checks of keys that say what is trained and by which loss.
 * @module
 */
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import { isWithoutReference } from "../idle_keys.ts";
import { checkReference } from "./reference.ts";
import type { Refuse } from "./refuse.ts";

/** Values of pref_loss that take label smoothing. */
const SMOOTHED: readonly string[] = ["sigmoid", "robust", "exo_pair"];

/** Adapters, modules, losses and their options. */
export function checkMethod(c: TrainConfig, refuse: Refuse): void {
  checkTuning(c, refuse);
  if (!isWithoutReference(c)) checkReference(c, refuse);
  checkNewTokens(c, refuse);
  if (c.pissa_init && c.finetuning_type === "lora") checkPissa(c, refuse);
  checkFromScratch(c, refuse);
  checkPreference(c, refuse);
  checkSmoothing(c, refuse);
  checkTokenWeights(c, refuse);
  checkPluginOptions(c, refuse);
  if (c.stage === "rm") checkReward(c, refuse);
}

function checkReward(c: TrainConfig, refuse: Refuse): void {
  refuse(
    c.trainer !== "local" && c.trainer !== "torch",
    "trainer",
    `Cannot train a reward model with trainer: ${c.trainer} as value heads are of trainers local and torch: leave it out`,
  );
  const grows = c.resize_vocab || c.add_tokens.length + c.add_special_tokens.length > 0 ||
    c.new_special_tokens_config !== null;
  refuse(
    grows && c.finetuning_type === "lora",
    "stage",
    "Cannot train a reward model with LoRA and a changed vocabulary, whose lm_head is trained beside adapters: rewards are read from the hidden state, so it would " +
      "learn nothing. Add the tokens in stage sft, or use finetuning_type: full or freeze",
  );
  for (const [key, type] of [["additional_target", "lora"], ["freeze_extra_modules", "freeze"]] as const) {
    refuse(
      c.finetuning_type === type && c[key].includes("lm_head"),
      key,
      `Cannot train lm_head in stage rm as rewards are read from the hidden state, so that it would learn nothing: leave it out of ${key}`,
    );
  }
}

function checkTuning(c: TrainConfig, refuse: Refuse): void {
  const adapters = c.adapter_name_or_path.length;
  refuse(
    adapters > 0 && c.finetuning_type !== "lora",
    "adapter_name_or_path",
    "Cannot train a model's own weights from an adapter: merge it first, or use finetuning_type: lora",
  );
  refuse(
    c.quantization_bit !== null && (adapters > 1 || (adapters > 0 && c.create_new_adapter)),
    "adapter_name_or_path",
    `Cannot merge ${
      adapters === 1 ? "an adapter" : "adapters"
    } with quantization_bit: ${c.quantization_bit} as merged weights are float32: merge ` +
      "first (deno task export), and give that folder as model_name_or_path",
  );
  refuse(
    c.lora_target.length === 0,
    "lora_target",
    "Cannot train as lora_target names no module: use all, or names",
  );
  refuse(
    c.loraplus_lr_ratio !== null && c.finetuning_type !== "lora",
    "loraplus_lr_ratio",
    `Cannot use loraplus_lr_ratio with finetuning_type: ${c.finetuning_type} as it is the rate of adapters' B: leave it out, or use finetuning_type: lora`,
  );
  refuse(
    c.use_llama_pro && c.finetuning_type === "full",
    "use_llama_pro",
    "Cannot use use_llama_pro with finetuning_type: full, as in LLaMA-Factory: use finetuning_type: freeze or lora",
  );
  refuse(
    c.freeze_trainable_modules.length === 0,
    "freeze_trainable_modules",
    "Cannot train as freeze_trainable_modules names no module: use all, or names",
  );
}

function checkFromScratch(c: TrainConfig, refuse: Refuse): void {
  const { stage } = c;
  refuse(
    c.train_from_scratch && c.finetuning_type === "lora",
    "train_from_scratch",
    "Cannot train from scratch with finetuning_type: lora as only the adapter would be saved, and its base, random weights, be lost: " +
      "use finetuning_type: full",
  );
  refuse(
    c.train_from_scratch && stage !== "pt" && stage !== "sft",
    "train_from_scratch",
    `Cannot train from scratch in stage ${stage} as an untrained model has no answers to prefer: use stage: pt or sft`,
  );
}

function checkPreference(c: TrainConfig, refuse: Refuse): void {
  const { stage } = c;
  refuse(
    stage === "iopo" && !["sigmoid", "hinge", "robust"].includes(c.pref_loss),
    "pref_loss",
    `Cannot use pref_loss: ${c.pref_loss} in stage iopo: it takes sigmoid, hinge and robust`,
  );
  refuse(
    c.iopo_variant !== "full" && stage !== "iopo",
    "iopo_variant",
    `Cannot use iopo_variant: ${c.iopo_variant} in stage ${stage}: it is for iopo`,
  );
}

function checkSmoothing(c: TrainConfig, refuse: Refuse): void {
  const { stage } = c;
  refuse(
    stage === "dpo" && c.loss === null && c.pref_loss === "exo_pair" && c.dpo_label_smoothing === 0,
    "pref_loss",
    "Cannot use pref_loss: exo_pair without dpo_label_smoothing, whose logarithm it takes: its paper uses 0.001",
  );
  for (const [name, key] of [["dpo", "dpo_label_smoothing"], ["iopo", "iopo_label_smoothing"]] as const) {
    refuse(
      c[key] > 0 && stage !== name,
      key,
      `Cannot use ${key} in stage ${stage}: it is for ${name}` +
        (stage === "iopo" || stage === "dpo" ? `, use ${stage}_label_smoothing` : ""),
    );
    refuse(
      c[key] > 0 && stage === name && !SMOOTHED.includes(c.pref_loss),
      key,
      `Cannot use ${key} with pref_loss: ${c.pref_loss}: it is for sigmoid${
        stage === "dpo" ? ", robust and exo_pair" : " and robust"
      }`,
    );
  }
  refuse(
    c.label_smoothing_factor > 0 && stage !== "sft" && stage !== "pt",
    "label_smoothing_factor",
    `Cannot use label_smoothing_factor in stage ${stage}: it is for sft and pt` +
      (stage === "iopo" || stage === "dpo" ? `, use ${stage}_label_smoothing` : ""),
  );
  refuse(
    c.label_smoothing_factor > 0 && c.loss !== null && (stage === "sft" || stage === "pt"),
    "label_smoothing_factor",
    `Cannot use label_smoothing_factor with loss: ${c.loss} as the log-probabilities that it gets would not be the model's: leave one of them out`,
  );
}

function checkTokenWeights(c: TrainConfig, refuse: Refuse): void {
  const { stage, loss } = c;
  const ofSft = TOKEN_LOSSES.map((key) => [key, "sft"] as const);
  for (const [key, of] of [...ofSft, ["ld_alpha", "dpo"]] as const) {
    if (c[key] === null || c[key] === false) continue;
    refuse(
      stage !== of,
      key,
      `Cannot use ${key} in stage ${stage}: it is for ${of}`,
    );
    refuse(
      stage === of && loss !== null,
      key,
      `Cannot use ${key} with loss: ${loss}, which weighs tokens itself: leave one of them out`,
    );
  }
  const [used, ...more] = TOKEN_LOSSES.filter((key) => c[key]);
  if (used === undefined) return;
  refuse(
    c.label_smoothing_factor > 0,
    used,
    `Cannot use ${used} with label_smoothing_factor, which LLaMA-Factory passes over then: leave one of them out`,
  );
  refuse(
    more.length > 0,
    used,
    `Cannot use ${used} with ${
      more.join(" and ")
    }, of which LLaMA-Factory takes one alone: leave the others out`,
  );
  refuse(
    c.trainer === "torch" && used !== "use_dft_loss",
    used,
    `Cannot use ${used} on trainer: torch, whose processes give log-probabilities of labels alone: use trainer: local`,
  );
  if (c.use_asft_loss) checkAnchor(c, refuse);
}

/** Losses of stage sft that weigh tokens, in the order in which LLaMA-Factory looks at them. */
const TOKEN_LOSSES = ["use_dft_loss", "use_eaft_loss", "use_asft_loss"] as const;

function checkAnchor(c: TrainConfig, refuse: Refuse): void {
  const key = "use_asft_loss";
  refuse(
    c.ref_model !== null,
    key,
    "Cannot use use_asft_loss with ref_model: the reference is the model itself before training, since whole distributions of another one aren't kept: leave ref_model out",
  );
  refuse(
    c.do_eval && !c.do_train && !c.do_predict && !c.predict_with_generate,
    key,
    "Cannot evaluate a finished model with use_asft_loss as its loss is relative to the model before training, which isn't known any more: leave it out, or evaluate in training (eval_strategy)",
  );
}

function checkPluginOptions(c: TrainConfig, refuse: Refuse): void {
  refuse(
    c.loss === null && Object.keys(c.loss_options).length > 0,
    "loss_options",
    "Cannot use loss_options without loss: name the loss plugin they are for",
  );
  refuse(
    c.template === null && Object.keys(c.template_options).length > 0,
    "template_options",
    "Cannot use template_options without template: name the template plugin they are for",
  );
}

function checkNewTokens(c: TrainConfig, refuse: Refuse): void {
  refuse(
    c.init_special_tokens !== "noise_init" && c.new_special_tokens_config === null,
    "init_special_tokens",
    `Cannot use init_special_tokens: ${c.init_special_tokens} without new_special_tokens_config, whose texts it takes: name such a file, or leave it out ` +
      "(LLaMA-Factory goes on with noise_init)",
  );
}

function checkPissa(c: TrainConfig, refuse: Refuse): void {
  const key = "pissa_init", used = "Cannot use pissa_init: true with";
  refuse(
    !c.pissa_convert,
    key,
    `${used} pissa_convert: false, as such an adapter belongs upon a base without the weights' leading parts, which every program would have to ` +
      "take out again: set pissa_convert: true, which saves the same as a plain adapter of twice the rank",
  );
  refuse(c.use_dora, key, `${used} use_dora: true, whose lengths no plain adapter has: remove one of them`);
  refuse(
    c.additional_target.length > 0 || c.resize_vocab || c.add_tokens.length + c.add_special_tokens.length > 0,
    key,
    `${used} additional_target or a changed vocabulary, whose modules are trained whole: remove one of them`,
  );
  refuse(
    c.quantization_bit !== null,
    key,
    `${used} quantization_bit: ${c.quantization_bit}, as the rest of the weights is float32: remove one of them`,
  );
  refuse(
    c.trainer !== "local" && c.trainer !== "torch",
    key,
    `${used} trainer: ${c.trainer}: it is of trainers local and torch; leave it out`,
  );
}
