/**
 * Keys about what is learnt, and which weights learn it.
 * @module
 */
import { bool, int, names, oneOf } from "../value_types.ts";
import { keyRows } from "./row.ts";

/** Of a loss that isn't a stage. */
function ofPairs(loss: string): string {
  return `it is a loss of preference pairs: set stage: dpo and pref_loss: ${loss}`;
}

/** Their rows. */
export function tuningKeys() {
  const row = keyRows("finetuning");
  return {
    stage: row(
      oneOf(["pt", "sft", "rm", "dpo", "kto", "iopo", "grpo"]),
      "sft",
      "what is learnt: text, answers, rewards of answers (rm: a reward model), preferences, or what the model's own answers are rewarded for (grpo)",
      {
        refused: {
          ppo:
            "answers are learnt from without a value model here: use grpo on prompts with constraints, or dpo, kto or iopo on preference data",
          // trainers of TRL's
          orpo: ofPairs("orpo"),
          simpo: ofPairs("simpo"),
          ipo: ofPairs("ipo"),
          bco: ofPairs("bco_pair"),
          reward: "it is called rm: set stage: rm",
          pretrain: "it is called pt: set stage: pt",
        },
      },
    ),
    finetuning_type: row(
      oneOf(["lora", "freeze", "full"]),
      "lora",
      "train adapters, some layers, or all weights",
      {
        refused: {
          oft: "there are no OFT adapters here: use lora",
        },
      },
    ),
    freeze_trainable_layers: row(
      int(-Number.MAX_SAFE_INTEGER),
      2,
      "finetuning_type: freeze: how many of the last layers are trained; negative: of the first ones; 0: freeze_extra_modules alone; " +
        "use_llama_pro: how many blocks the model was expanded by",
    ),
    freeze_trainable_modules: row(
      names(),
      ["all"],
      "finetuning_type: freeze: modules of these layers that are trained (self_attn, mlp, input_layernorm, post_attention_layernorm); all: every one",
    ),
    freeze_extra_modules: row(
      names(),
      [],
      "finetuning_type: freeze: modules beside the layers that are trained too (embed_tokens, norm, lm_head); norm is a part of layers' names as well, " +
        "and trains their norms, as in LLaMA-Factory",
    ),
    use_llama_pro: row(
      bool(),
      false,
      "finetuning_type: freeze or lora: train, or adapt, the last layer of each of freeze_trainable_layers equal shares, which block expansion " +
        "(LLaMA Pro) has added to the model",
    ),
  };
}
