/**
 * Keys about the steps: batches, the optimizer, the learning rate over the steps, the order of rows.
 * @module
 */
import { bool, int, num, oneOf, orNull, settingMap } from "../value_types.ts";
import { keyRows } from "./row.ts";

/** Optimizers that transformers knows besides. */
const ABSENT: readonly string[] = [
  ...["adamw_anyprecision", "adamw_torch_4bit", "adamw_torch_8bit", "adamw_bnb_8bit", "adamw_8bit"],
  ...["paged_adamw_32bit", "paged_adamw_8bit", "ademamix", "ademamix_8bit", "paged_ademamix_32bit"],
  ...["paged_ademamix_8bit", "lion_8bit", "lion_32bit", "paged_lion_32bit", "paged_lion_8bit"],
  ...["rmsprop_bnb", "rmsprop_bnb_8bit", "rmsprop_bnb_32bit", "galore_adamw", "galore_adamw_8bit"],
  ...["galore_adafactor", "galore_adamw_layerwise", "galore_adamw_8bit_layerwise"],
  ...["galore_adafactor_layerwise", "lomo", "adalomo", "grokadamw", "schedule_free_radam"],
  ...["schedule_free_adamw", "schedule_free_sgd", "apollo_adamw", "apollo_adamw_layerwise", "stable_adamw"],
];

const NOT_THERE =
  "it isn't there: use adamw_torch (lower learning_rate if it was another one), or adafactor where memory is short";

/** Their rows. */
export function optimizationKeys() {
  const row = keyRows("training");
  const method = keyRows("finetuning");
  const beta = num({ min: 0, below: 1 });
  return {
    per_device_train_batch_size: row(int(1), 8, "examples of one micro-batch"),
    gradient_accumulation_steps: row(int(1), 1, "micro-batches of one optimizer step"),
    learning_rate: row(num({ min: 0 }), 5e-5, "peak learning rate"),
    weight_decay: row(
      num({ min: 0 }),
      0,
      "weight decay, not on biases and norms; decoupled in AdamW and Adafactor, added to the gradient in the others, as in torch",
    ),
    optim: row(
      oneOf([
        ...["adamw_torch", "adamw_torch_fused", "adamw_torch_xla", "adamw_torch_npu_fused"] as const,
        ...["adamw_apex_fused", "adafactor", "sgd", "adagrad", "rmsprop"] as const,
      ]),
      "adamw_torch_fused",
      "optimizer; names that begin with adamw are one and the same AdamW. adafactor keeps squares by row and column alone, has the run's learning rate, and no " +
        "scaling by parameters or relative steps, as transformers makes it; sgd (without momentum), adagrad and rmsprop are torch's with its defaults. Others " +
        "than AdamW work with trainer: torch, and trainer: local with neither backend: webgpu nor cuda_tensors: device",
      { refused: Object.fromEntries(ABSENT.map((name) => [name, NOT_THERE])) },
    ),
    adam_beta1: row(beta, 0.9, "decay of AdamW's first moment"),
    adam_beta2: row(beta, 0.999, "decay of AdamW's second moment"),
    adam_epsilon: row(num({ above: 0 }), 1e-8, "AdamW's epsilon"),
    label_smoothing_factor: row(
      num({ min: 0, below: 1 }),
      0,
      "stages sft and pt: share of each label that is spread evenly over the vocabulary; the losses of evaluations are smoothed too, as in transformers",
    ),
    neftune_noise_alpha: row(
      orNull(num({ min: 0 })),
      null,
      "NEFTune: training passes add noise to embeddings, uniform in ±alpha/√(L·D), L the tokens of the row's sequence, D the hidden size; 5 to 15 is usual",
    ),
    max_grad_norm: row(num({ min: 0 }), 1, "limit of the gradient's global norm; 0: no clipping"),
    num_train_epochs: row(num({ above: 0 }), 3, "epochs; may be a fraction"),
    max_steps: row(int(-1), -1, "optimizer steps; overrides num_train_epochs when positive"),
    lr_scheduler_type: row(
      oneOf([
        "linear",
        "cosine",
        "cosine_with_restarts",
        "polynomial",
        "constant",
        "constant_with_warmup",
        "inverse_sqrt",
        "cosine_with_min_lr",
        "warmup_stable_decay",
      ]),
      "linear",
      "how the learning rate changes over the steps",
      {
        refused: {
          reduce_lr_on_plateau: "it isn't there yet: use cosine or linear",
          cosine_warmup_with_min_lr: "it isn't there yet: use cosine_with_min_lr",
        },
      },
    ),
    lr_scheduler_kwargs: row(
      orNull(settingMap()),
      null,
      "further settings of the schedule: num_cycles, power, lr_end, timescale, min_lr, min_lr_rate; of warmup_stable_decay num_stable_steps (a third of what follows the warm-up), " +
        "num_decay_steps (the rest), min_lr_ratio, num_cycles, warmup_type and decay_type (linear, cosine, 1-sqrt)",
    ),
    warmup_ratio: row(
      num({ min: 0, max: 1 }),
      0,
      "share of the steps that warm up, rounded up",
    ),
    warmup_steps: row(
      num({ min: 0 }),
      0,
      "warm-up steps; below 1 a share of all steps, rounded up; overrides warmup_ratio when positive",
    ),
    seed: row(
      int(0, 2 ** 32 - 1),
      42,
      "seed of initial adapters, dropout, noise, validation split and row order",
    ),
    data_seed: row(orNull(int(0, 2 ** 32 - 1)), null, "seed of the row order", { derived: "seed" }),
    dataloader_drop_last: row(bool(), false, "leave out an epoch's last micro-batch when it isn't full"),
    disable_shuffling: method(bool(), false, "keep the order of the training rows"),
  };
}
