/**
 * The help of the export task: examples, and its keys from their table.
 * @module
 */
import { namedLines } from "../common/cli/help.ts";
import { helpText } from "../train/config/describe.ts";
import { oneKeyHelp } from "../train/config/key_help.ts";
import { exportTable } from "./keys.ts";

/** Keys that most files have, and a few words about each; the table has the whole of it. */
const COMMON: readonly (readonly [key: string, words: string])[] = [
  ["model_name_or_path", "folder, GGUF file or hub id of the base model"],
  ["adapter_name_or_path", "folders or hub ids of adapters, merged in turn"],
  ["export_dir", "folder to write"],
  ["export_format", "safetensors, gguf, gguf-adapter (llama.cpp's) or onnx"],
  ["export_dtype", "float32, float16, bfloat16, q8_0, q4_k_m … or auto"],
];

/**
 * Text below the usage, or about keys alone.
 * @param topic "" for examples and the names of keys that work, `all` for every key, or the name of one
 * @throws {RangeError} If there is no such key; says which is near
 */
export function exportHelp(topic: string): string {
  if (topic === "all") return helpText(exportTable());
  if (topic !== "") return oneKeyHelp(topic, exportTable());
  const width = Math.max(...COMMON.map(([key]) => key.length)) + 2;
  const keys = [...exportTable()].filter(([key, { state }]) =>
    state === "works" && COMMON.every(([known]) => known !== key)
  );
  return [
    "Examples:",
    "  deno task export examples/export/merge.yaml --dry-run    after deno task train",
    "  deno task export merge.yaml export_format=gguf export_dtype=q8_0    or onnx",
    "  deno task export examples/export/gptq.yaml               4 bits by GPTQ",
    "",
    "Keys of the file (docs/export.md; --help KEY tells of one, --help all of each)",
    ...COMMON.map(([key, words]) => `  ${key.padEnd(width)}${words}`),
    "",
    ...namedLines(keys.map(([key]) => key)),
  ].join("\n");
}
