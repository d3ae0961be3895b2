/**
 * Keys about the loss, and the reference that it compares with.
 * @module
 */
import { bool, fourOrEight, names, num, oneOf, orNull, text } from "../value_types.ts";
import { keyRows } from "./row.ts";

/** Their rows. */
export function lossKeys() {
  const row = keyRows("finetuning");
  const smoothing = num({ min: 0, below: 0.5 });
  return {
    ref_model: row(
      orNull(text()),
      null,
      "model whose log-probabilities are the reference of stages dpo, kto and iopo: a folder, a GGUF file or a hub id, with the tokens of " +
        "model_name_or_path; its pass goes before training, so that the two models are never in memory together",
      { derived: "model_name_or_path with its merged adapters, and without the trained one" },
    ),
    ref_model_adapters: row(
      names(),
      [],
      "adapters merged into ref_model, in turn; need ref_model, without which LLaMA-Factory doesn't read them",
    ),
    ref_model_quantization_bit: row(
      orNull(fourOrEight()),
      null,
      "weights of ref_model's modules in so many bits, with one adapter at most; on backend onnx on the CPU; quantization_bit is the policy's alone",
    ),
    pref_beta: row(num({ above: 0 }), 0.1, "beta of the preference loss"),
    pref_ftx: row(
      num({ min: 0 }),
      0,
      "weight of an added SFT loss on the chosen answer (its mean log-probability); stage kto adds its mean over a micro-batch's " +
        "desirable rows, times rows over desirable rows, as LLaMA-Factory does",
    ),
    pref_bco_weight: row(
      num({ min: 0 }),
      0,
      "stage dpo: weight of BCO's loss beside pref_loss, the sum over 1 + weight, as in LLaMA-Factory; its running mean of rewards is moved by training alone, " +
        "and kept in checkpoints",
    ),
    pref_loss: row(
      oneOf([
        ...["sigmoid", "hinge", "ipo", "robust", "orpo", "simpo"] as const,
        ...["exo_pair", "nca_pair", "bco_pair", "sppo_hard", "apo_zero", "apo_down"] as const,
      ]),
      "sigmoid",
      "preference loss of stage dpo, those from exo_pair on as in TRL; stage iopo takes sigmoid, hinge and robust; orpo and simpo use " +
        "no reference model",
      {
        refused: {
          kto_pair: "LLaMA-Factory 0.9.5 lists it but can't run it: use stage: kto, or sigmoid",
          dft: "it is no preference loss: use stage: sft with use_dft_loss: true",
        },
      },
    ),
    dpo_label_smoothing: row(
      smoothing,
      0,
      "label smoothing of stage dpo, with pref_loss sigmoid, robust or exo_pair (which needs it)",
    ),
    iopo_label_smoothing: row(
      smoothing,
      0,
      "label smoothing of stage iopo, with pref_loss sigmoid or robust (a key of the authors' IOPO code)",
    ),
    ld_alpha: row(
      orNull(num({ min: 0, max: 1 })),
      null,
      "stage dpo: length desensitising (LD-DPO): weight of the longer answer's tokens past the shorter one's length in the policy's sums, as in " +
        "LLaMA-Factory and TRL",
    ),
    use_dft_loss: row(
      bool(),
      false,
      "stage sft: dynamic fine-tuning (DFT): each token's loss is weighed by its probability, which the gradient takes as a constant; " +
        "evaluations' losses too, as in LLaMA-Factory",
    ),
    use_eaft_loss: row(
      bool(),
      false,
      "stage sft: entropy-adaptive fine-tuning (EAFT): each token's loss is weighed by (H / 3)^eaft_alpha, H the entropy of the 20 likeliest tokens, " +
        "which the gradient takes as a constant; evaluations' losses too, as in LLaMA-Factory",
    ),
    eaft_alpha: row(num({ min: 0 }), 1, "exponent of use_eaft_loss; 0 weighs all tokens alike"),
    use_asft_loss: row(
      bool(),
      false,
      "stage sft: anchored supervised fine-tuning (ASFT): use_dft_loss's loss, and asft_alpha times KL(reference ‖ policy) over the whole vocabulary for " +
        "each token; the reference is the model without adapters, of finetuning_type full or freeze the model before training, which is kept beside it",
    ),
    asft_alpha: row(num({ min: 0 }), 0.1, "weight of use_asft_loss's divergence"),
    kto_chosen_weight: row(num({ above: 0 }), 1, "stage kto: weight of desirable rows"),
    kto_rejected_weight: row(num({ above: 0 }), 1, "stage kto: weight of undesirable rows"),
    simpo_gamma: row(num(), 0.5, "target margin of pref_loss simpo"),
  };
}
