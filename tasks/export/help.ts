/**
 * The help of the export task: examples, and its keys from their table.
 * @module
 */
import { helpText, keyLines } from "../train/config/describe.ts";
import { oneKeyHelp } from "../train/config/key_help.ts";
import { exportTable } from "./config.ts";

/**
 * Text below the usage, or about keys alone.
 * @param topic "" for examples and the keys that work, `all` for every key, or the name of one
 * @throws {RangeError} If there is no such key; says which is near
 */
export function exportHelp(topic: string): string {
  if (topic === "all") return helpText(exportTable());
  if (topic !== "") return oneKeyHelp(topic, exportTable());
  const keys = [...exportTable()].filter(([, { state }]) => state === "works");
  const first = ["export_dir", "export_format", "export_dtype", "infer_dtype", "export_size", "export_check"];
  const rank = ([key]: readonly [string, unknown]) => {
    const place = first.indexOf(key);
    return key === "model_name_or_path"
      ? -2
      : key === "adapter_name_or_path"
      ? -1
      : place < 0
      ? first.length
      : place;
  };
  return [
    "Examples",
    "  deno task export examples/export/merge.yaml",
    "  deno task export model_name_or_path=MODEL adapter_name_or_path=ADAPTER export_dir=merged",
    "  deno task export examples/export/merge.yaml export_format=gguf export_dtype=q8_0 export_dir=merged-gguf",
    "  deno task export examples/export/merge.yaml export_format=onnx export_dtype=q4_0 export_dir=merged-onnx",
    "",
    "Keys of the file, also as key=value (docs/export.md)",
    ...keyLines(keys.sort((a, b) => rank(a) - rank(b))),
  ].join("\n");
}
