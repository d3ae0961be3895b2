/**
 * The files of each format.
 * @module
 */
import { item } from "../../formats/elements.ts";
import type { Adapter } from "../../formats/peft/mod.ts";
import type { ExportConfig, ExportDtype } from "./config.ts";
import { exportGguf, ggufPath } from "./gguf.ts";
import { exportGgufAdapter } from "./gguf_adapter.ts";
import { exportOnnx, type OnnxDtype } from "./onnx/model.ts";
import { exportSafetensors } from "./safetensors.ts";
import type { ExportSource } from "./source/source.ts";

/**
 * Writes what a configuration asks for, a tensor at each step.
 * @param files `folder` of the files, which exists; `onTensor` is called for each
 * @returns Notes for whoever reads along
 */
export function* writeFiles(
  { export_format: format, export_size }: ExportConfig,
  source: ExportSource,
  { dtype, folder, onTensor }: { dtype: ExportDtype; folder: string; onTensor: () => void },
): Generator<void, string[]> {
  const shardBytes = export_size * 1e9;
  switch (format) {
    case "safetensors":
      yield* exportSafetensors(folder, source, { dtype: dtype as "float32", shardBytes, onTensor });
      return [];
    case "gguf":
      return yield* exportGguf(ggufPath(folder, format, dtype), source, dtype, onTensor);
    case "gguf-adapter":
      return yield* exportGgufAdapter(ggufPath(folder, format, dtype), source, onlyAdapter(source), {
        dtype,
        onTensor,
      });
    case "onnx":
      yield* exportOnnx(folder, source, { dtype: dtype as OnnxDtype, limit: shardBytes, onTensor });
      return [];
  }
}

/** The configuration lets no other number of them pass. */
function onlyAdapter({ adapters }: ExportSource): Adapter {
  return item(adapters, 0);
}
