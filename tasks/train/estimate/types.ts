/**
 * An estimate, and the keys that it is made of.
 * @module
 */
import type { runLength } from "../../../plugins/trainers/local/batches/steps.ts";
import type { TrainConfig } from "../config/mod.ts";
import type { DrawnLengthKeys } from "./drawn.ts";

/** Needs of a run in bytes and seconds. */
export interface Estimate {
  /** Weights of the model. */
  parameters: number;
  /** Weights that are trained. */
  trained: number;
  /** Numbers that the optimizer keeps of them. */
  kept: number;
  /** Storage of frozen matrices, in words. */
  storage: string;
  /** Subgroup functions of shaders, in words. */
  shaders?: string;
  /** Whose memory {@linkcode Estimate.memory} is. A device that keeps no tensors needs the weights in the host's memory too. */
  place: "host" | "device" | "device alone";
  /** Processes that each need it. */
  processes: number;
  /** Optimizer steps of the run. */
  steps: number;
  /** Rows that go through the model for an average example, shared beginnings once. */
  rowsPerExample: number;
  /** Rows of the largest example. */
  largestExample: number;
  /**
   * Parts of the peak; `drawing` is the second model that draws answers, with its keys and values, in stage grpo, `saving` the copy that is written
   * to files, absent where that lies in other memory or isn't reckoned.
   */
  memory: {
    weights: number;
    trained: number;
    activations: number;
    runtime: number;
    drawing?: number;
    saving?: number;
    total: number;
  };
  /** Most tokens of an answer that is drawn, which rows and work count each answer with; absent where none is. */
  drawnTokens?: number;
  /** Parts of the peak of a reference model's pass, which is over before the policy is loaded; absent without one. */
  reference?: Estimate["memory"];
  /** Whether quantization_bit: 4 is taken and makes the model's weights smaller, and ref_model_quantization_bit: 4 those of a reference model. */
  fewerBits: Readonly<Record<"model" | "reference", boolean>>;
  /** Floating-point operations of a step. */
  flopsPerStep: number;
  /** 10⁹ operations a second of this machine; null when not measured. */
  gflops: number | null;
  /** null when the speed wasn't measured. */
  time: { step: number; reference: number; total: number } | null;
}

/** Keys of a configuration that decide what a run needs. */
export type EstimateConfig =
  & Parameters<typeof runLength>[0]
  & Pick<
    TrainConfig,
    | "finetuning_type"
    | "freeze_trainable_layers"
    | "freeze_trainable_modules"
    | "freeze_extra_modules"
    | "use_llama_pro"
    | "lora_target"
    | "additional_target"
    | "lora_rank"
    | "lora_dropout"
    | "use_dora"
    | "micro_batch_tokens"
    | "disable_gradient_checkpointing"
    | "backend"
    | "provider"
    | "cuda_tensors"
    | "quantization_bit"
    | "trainer"
    | "pissa_init"
    | "adapter_name_or_path"
    | "create_new_adapter"
    | "ref_model_adapters"
    | "label_smoothing_factor"
    | "optim"
    | "save_only_model"
  >
  & DrawnLengthKeys
  & {
    /** Most rows of packs that are kept at once; absent: a pack's. */
    together?: number;
  };
