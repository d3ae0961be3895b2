/**
 * A validated file for merging: its formats, number types and keys.
 * @module
 */
import type { TrainConfig } from "../../plugins/kinds/train_config.ts";

/** Files that an export writes. */
export const EXPORT_FORMATS = ["safetensors", "gguf", "gguf-adapter", "onnx"] as const;
/** Number types of weights, in the words of LLaMA-Factory and (the last ones) llama.cpp. */
export const EXPORT_DTYPES = [
  "auto",
  "float32",
  "float16",
  "bfloat16",
  "q8_0",
  "q6_k",
  "q5_k_m",
  "q5_k_s",
  "q4_k_m",
  "q4_k_s",
  "q4_0",
] as const;

const FLOATS = ["float32", "float16", "bfloat16"] as const;
/** Number types by format. */
export const DTYPES_OF: Readonly<Record<ExportFormat, readonly ExportDtype[]>> = {
  safetensors: FLOATS,
  gguf: [...FLOATS, "q8_0", "q6_k", "q5_k_m", "q5_k_s", "q4_k_m", "q4_k_s", "q4_0"],
  "gguf-adapter": FLOATS,
  onnx: ["float32", "q8_0", "q4_0"],
};

/** Format of an export. */
export type ExportFormat = typeof EXPORT_FORMATS[number];
/** Number type of an export's weights. */
export type ExportDtype = Exclude<typeof EXPORT_DTYPES[number], "auto">;

/** Keys of a training file that mean the same here. */
export const SHARED_KEYS = [
  "model_name_or_path",
  "adapter_name_or_path",
  "cache_dir",
  "model_revision",
  "hf_hub_token",
  "template",
  "template_options",
  "default_system",
  "tool_format",
  "enable_thinking",
  "preserve_thinking",
  "split_special_tokens",
  "plugins",
] as const;

/** A validated file for merging. */
export interface ExportConfig extends Pick<TrainConfig, typeof SHARED_KEYS[number]> {
  /** Folder to write. */
  export_dir: string;
  /** Gigabytes (10⁹ bytes) of tensors a file at most. */
  export_size: number;
  /** LLaMA-Factory's; merging is done on the CPU. */
  export_device: "cpu" | "auto";
  /** Bits of the linear modules' weights, by GPTQ; null: they aren't quantised. */
  export_quantization_bit: 4 | 8 | null;
  /** File with texts that a quantisation is calibrated on. */
  export_quantization_dataset: string | null;
  /** Number of them. */
  export_quantization_nsamples: number;
  /** Tokens of each. */
  export_quantization_maxlen: number;
  /** LLaMA-Factory's name for the number type. */
  infer_dtype: "auto" | "float32" | "float16" | "bfloat16";
  /** Format of the files. */
  export_format: ExportFormat;
  /** Number type of the weights; wins over `infer_dtype`. */
  export_dtype: typeof EXPORT_DTYPES[number];
  /** `rm`: the value head is written too; others change nothing. */
  stage: string | null;
  /** True if the logits before and after are compared. */
  export_check: boolean;
}
