/**
 * Keys of a file for merging: LLaMA-Factory's `export_*` and the keys of model and template that it has beside them, and our
 * own for formats that it doesn't write.
 * @module
 */
import { type KeySpec, type KeyType, REQUIRED, type WorkingKey } from "../train/config/key.ts";
import { keyTable } from "../train/config/key_table.ts";
import { bool, fourOrEight, int, oneOf, orNull, text } from "../train/config/value_types.ts";
import { EXPORT_DTYPES, EXPORT_FORMATS, SHARED_KEYS } from "./export_config.ts";

const OTHERS = "an export needs the model, its adapters and a template only";

/** Every key of a file for merging: those that work, and all others of a training file, ignored or refused. */
export function exportTable(): ReadonlyMap<string, KeySpec> {
  const shared: readonly string[] = SHARED_KEYS;
  const table = new Map<string, KeySpec>();
  for (const [key, spec] of keyTable()) {
    if (shared.includes(key)) table.set(key, reworded(key, spec as WorkingKey<unknown>));
    // a key that changes the model when it is loaded would change what is merged
    else if (spec.state === "refused" && spec.group === "model") table.set(key, spec);
    else table.set(key, { state: "ignored", group: spec.group, reason: OTHERS, default: null });
  }
  for (const [key, spec] of Object.entries({ ...fileKeys(), ...calibrationKeys(), ...notDoneKeys() })) {
    table.set(key, spec);
  }
  // of the run.yaml that a training leaves
  table.set("provenance", { state: "ignored", group: "own", reason: OTHERS, default: null });
  return table;
}

function row<T>(
  type: KeyType<T>,
  standard: NoInfer<T> | typeof REQUIRED,
  description: string,
  own = false,
): WorkingKey<T> {
  return { state: "works", group: own ? "own" : "model", type, default: standard, description };
}

/** What is written, and where. */
function fileKeys(): Record<string, KeySpec> {
  return {
    export_dir: row(
      text(),
      REQUIRED,
      "folder to write; made, or replaced where it holds an earlier export",
    ),
    export_size: row(
      int(1, 1000),
      5,
      "gigabytes (10⁹ bytes) of tensors a file at most; safetensors and onnx",
    ),
    export_device: row(
      oneOf(["cpu", "auto"]),
      "cpu",
      "merging is done tensor by tensor on the CPU in either case",
    ),
    infer_dtype: row(
      oneOf(["auto", "float32", "float16", "bfloat16"]),
      "auto",
      "number type of the weights; auto: as config.json names it (float32 for a GGUF file)",
    ),
    export_format: row(
      oneOf(EXPORT_FORMATS),
      "safetensors",
      "safetensors: a folder for transformers and vLLM; gguf: the model for llama.cpp; gguf-adapter: the adapter alone for " +
        "llama.cpp; onnx: a folder for transformers.js",
      true,
    ),
    export_dtype: row(
      oneOf(EXPORT_DTYPES),
      "auto",
      "number type, wins over infer_dtype; q8_0 and q4_0 with export_format: gguf and onnx, q6_k, q5_k_m, q5_k_s, q4_k_m and q4_k_s with gguf; auto: infer_dtype's",
      true,
    ),
    stage: row(
      orNull(oneOf(["pt", "sft", "rm", "ppo", "dpo", "kto", "iopo", "grpo"])),
      null,
      "rm: with the value head of the last adapter, or of the model without one (value_head.safetensors; export_format: safetensors); others change nothing",
    ),
    export_check: row(
      bool(),
      true,
      "open what was written and compare logits of a fixed prompt with the merged float32 weights",
      true,
    ),
  };
}

/** GPTQ, and the texts that it is calibrated on. */
function calibrationKeys(): Record<string, KeySpec> {
  return {
    export_quantization_bit: row(
      orNull(fourOrEight()),
      null,
      "4 or 8: GPTQ, in groups of 128 inputs, calibrated on export_quantization_dataset; null: weights aren't quantised so",
    ),
    export_quantization_dataset: row(
      orNull(text()),
      null,
      "file with a text a row (json, jsonl, csv, parquet, txt) that export_quantization_bit is calibrated on",
    ),
    export_quantization_nsamples: row(int(1), 128, "texts that are taken of it"),
    export_quantization_maxlen: row(
      int(1),
      1024,
      "tokens of each, a window at random of a row that has more",
    ),
  };
}

/** LLaMA-Factory's that are not done here. */
function notDoneKeys(): Record<string, KeySpec> {
  return {
    export_legacy_format: refused(
      false,
      [false],
      "weights are written as safetensors only, which every reader takes",
      "leave it out",
    ),
    export_hub_model_id: refused(
      null,
      [null],
      "nothing is uploaded from here",
      "leave it out, and upload export_dir with the hub's own program",
    ),
    quantization_bit: refused(
      null,
      [null],
      "an adapter isn't merged into weights that were rounded first, there or here",
      "leave it out; export_dtype rounds once, after merging",
    ),
  };
}

function refused(standard: unknown, accepted: unknown[], reason: string, instead: string): KeySpec {
  return { state: "refused", group: "model", default: standard, accepted, reason, instead };
}

function reworded(key: string, spec: WorkingKey<unknown>): KeySpec {
  switch (key) {
    case "template":
      return {
        ...spec,
        default: null,
        description: "chat template to write into the folder; left out: the adapter's own, else the model's",
      };
    case "adapter_name_or_path":
      return { ...spec, description: "folders or hub ids of adapters, merged one after the other" };
    default:
      return spec;
  }
}
