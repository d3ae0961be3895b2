/**
 * What a run trains: tensors with their first values, and how they are saved.
 * @module
 */
import type { LoadedModel } from "../../../../formats/hf_model/mod.ts";
import type { DecoderConfig } from "../../../../kernels/engine/decoder/decoder_config.ts";
import type { Tuning, ValueHeadSettings } from "../../../../kernels/engine/weights/tuning.ts";
import type { FreezeKeys } from "../../../kinds/targets/freeze_targets.ts";
import type { TrainConfig } from "../../../kinds/train_config.ts";
import type { WrittenFile } from "../../../kinds/trainer.ts";
import type { PissaStart } from "./pissa.ts";
import type { ValueHeadStart } from "./value_head.ts";

/** Tensors by name, float32. */
export type Tensors = Record<string, Float32Array<ArrayBuffer>>;

/** Trained tensors, and their writer. */
export interface Target {
  tuning: Tuning;
  /** Initial tensors of LoRA and of a value head by the engine's names; {} where only the model's own are trained. */
  initial: Tensors;
  /** With PiSSA: A₀ and B₀, without which base and adapter aren't known; null without. */
  pissa: PissaStart | null;
  /** Writes trained tensors as an adapter or model directory, with the files beside them. Gives the files. */
  save(directory: string, trained: Tensors): WrittenFile[];
}

/** Keys of a configuration that decide what is trained. */
export type TargetConfig =
  & Pick<
    TrainConfig,
    | "finetuning_type"
    | "adapter_name_or_path"
    | "model_name_or_path"
    | "base_model"
    | "lora_target"
    | "lora_rank"
    | "lora_alpha"
    | "lora_dropout"
    | "additional_target"
    | "use_rslora"
    | "use_dora"
    | "pissa_init"
    | "seed"
  >
  & FreezeKeys;

/** What goes into the trained tensors of a run, and beside them. */
export interface TargetParts {
  /** Written beside the weights, by name. */
  files: Record<string, string | Uint8Array>;
  /** Initial adapters of a run with `pissa_init`; what is saved is upon the model itself, of twice their rank. Default null. */
  pissa?: PissaStart | null;
  /** Trained and saved beside the rest, in the output head's place; null, the default: there is none. */
  valueHead?: ValueHeadStart | null;
}

/** The part of a tuning that names a value head; null: none. */
export type HeadTuning = { valueHead: ValueHeadSettings } | null;

/** The model that a target is of. */
export interface TargetModel {
  model: LoadedModel;
  decoder: DecoderConfig;
}
