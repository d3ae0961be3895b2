/**
 * Keys about what is learnt, and which weights learn it.
 * @module
 */
import { bool, int, names, num, oneOf, orNull } from "../value_types.ts";
import { keyRows } from "./row.ts";

/** Their rows. */
export function tuningKeys() {
  const row = keyRows("finetuning");
  return {
    stage: row(
      oneOf(["pt", "sft", "dpo", "kto", "iopo"]),
      "sft",
      "what is learnt: text, answers, or preferences",
      {
        refused: {
          rm: "there are no reward models here: use dpo, which needs none",
          ppo: "there is no reinforcement learning here: use dpo, kto or iopo on preference data",
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
    lora_rank: row(int(1), 8, "rank of the adapters"),
    lora_alpha: row(orNull(num({ above: 0 })), null, "scale of the adapters, over the rank", {
      derived: "twice lora_rank",
    }),
    lora_dropout: row(num({ min: 0, below: 1 }), 0, "probability of dropping an input of the adapters"),
    lora_target: row(
      names(),
      ["all"],
      "modules that get adapters; all: every linear layer but the output head",
    ),
    use_rslora: row(bool(), false, "divide by the square root of the rank instead of the rank"),
    use_dora: row(
      bool(),
      false,
      "DoRA: train lengths of the merged weights' rows beside the adapters, which give their directions",
    ),
    pissa_init: row(
      bool(),
      false,
      "PiSSA: begin from the leading singular parts of the weights, whose rest is the base; needs pissa_convert",
    ),
    pissa_iter: row(
      int(-1),
      16,
      "iterations from random numbers that find these parts; -1: in full, for small models (the work is the smaller size cubed a module)",
    ),
    pissa_convert: row(
      bool(),
      false,
      "PiSSA: save a plain adapter upon the model itself, of twice lora_rank, here in output_dir and its checkpoints",
    ),
    create_new_adapter: row(
      bool(),
      false,
      "merge every adapter of adapter_name_or_path into the model, and train a new one upon that; to be used on the model with those merged in",
    ),
    loraplus_lr_ratio: row(
      orNull(num({ above: 0 })),
      null,
      "LoRA+: learning rate of the adapters' B over learning_rate, which A keeps; weight decay follows each one's own rate",
    ),
  };
}
