/**
 * Keys of a file for merging that don't go together.
 * @module
 */
import { shown } from "../../formats/message.ts";
import { keyTable } from "../train/config/key_table.ts";
import type { Written } from "../train/config/read_keys.ts";
import { DTYPES_OF, type ExportConfig } from "./export_config.ts";

/** Those of them that a template takes. */
const OF_TEMPLATE = [
  "template_options",
  "default_system",
  "tool_format",
  "enable_thinking",
  "preserve_thinking",
] as const;

/**
 * Faults of a file whose keys are right each for itself.
 * @param written Keys that were written, with their values
 * @returns Each with the key that it is told at
 */
export function contradictions(config: ExportConfig, written: ReadonlyMap<string, Written>) {
  const { export_format: format, adapter_name_or_path: adapters } = config;
  const faults: { key: string; message: string }[] = [];
  if (config.export_quantization_bit !== null) faults.push(...quantisationFaults(config));
  const key = config.export_dtype === "auto" ? "infer_dtype" : "export_dtype", dtype = config[key];
  if (dtype !== "auto" && !DTYPES_OF[format].includes(dtype)) {
    faults.push({
      key,
      message: `Cannot write ${dtype} as export_format: ${format} as it holds ${
        DTYPES_OF[format].join(", ")
      }: current value is ${dtype}`,
    });
  }
  if (config.stage === "rm" && format !== "safetensors") {
    faults.push({
      key: "stage",
      message:
        `Cannot write a reward model as export_format: ${format} as a value head has no place in it: use export_format: safetensors, or leave stage out to ` +
        "write the language model alone",
    });
  }
  if (format === "gguf-adapter" && adapters.length !== 1) {
    faults.push({
      key: "adapter_name_or_path",
      message: `Cannot write export_format: gguf-adapter as it needs one adapter: current value is ${
        adapters.length === 0 ? "none" : adapters.join(", ")
      }`,
    });
  }
  for (const key of OF_TEMPLATE) {
    const value = written.get(key)?.value;
    if (
      config.template !== null || value === undefined ||
      JSON.stringify(config[key]) === JSON.stringify(keyTable().get(key)?.default)
    ) {
      continue;
    }
    faults.push({
      key,
      message:
        `Cannot use ${key} as it is for a template, and none is named: current value is ${shown(value)}; ` +
        "write template, too, or leave it out",
    });
  }
  if (format.startsWith("gguf") && written.has("export_size")) {
    const value = written.get("export_size")?.value;
    if (value !== 5) {
      faults.push({
        key: "export_size",
        message:
          `Cannot split export_format: ${format} into files of export_size as it is one file: leave it out`,
      });
    }
  }
  return faults;
}

function quantisationFaults(config: ExportConfig): { key: string; message: string }[] {
  const { export_quantization_bit: bits, export_format: format, export_quantization_dataset: dataset } =
    config;
  const faults: { key: string; message: string }[] = [];
  if (dataset === null) {
    faults.push({
      key: "export_quantization_bit",
      message:
        `Cannot quantise by export_quantization_bit: ${bits} as it needs texts to calibrate on: current value of ` +
        "export_quantization_dataset is null; name a jsonl file with a text a row",
    });
  }
  if (format !== "safetensors") {
    faults.push({
      key: "export_format",
      message:
        `Cannot write export_quantization_bit: ${bits} as export_format: ${format} as GPTQ's files are safetensors: leave one of them out; ` +
        "export_dtype: q8_0 or q4_0 rounds for gguf and onnx",
    });
  }
  for (const key of ["export_dtype", "infer_dtype"] as const) {
    if (config[key] === "auto" || config[key] === "float16") continue;
    faults.push({
      key,
      message: `Cannot write ${
        config[key]
      } beside export_quantization_bit: ${bits} as what isn't quantised is float16 there: leave it out`,
    });
  }
  return faults;
}
