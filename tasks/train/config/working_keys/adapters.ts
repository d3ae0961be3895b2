/**
 * Keys about adapters: LoRA and its variants.
 * @module
 */
import { bool, int, names, num, orNull } from "../value_types.ts";
import { keyRows } from "./row.ts";

/** Their rows. */
export function adapterKeys() {
  const row = keyRows("finetuning");
  return {
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
    additional_target: row(
      names(),
      [],
      "modules that are trained and saved whole beside the adapters, by endings of their names, such as embed_tokens,lm_head (PEFT's modules_to_save)",
      { derived: "embed_tokens, lm_head where resize_vocab is on, else none" },
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
