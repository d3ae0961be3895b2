/**
 * Merged weights as an export holds them, rounded in memory tensor by tensor: what a written file must give again.
 * @module
 */
import { item, valueOf } from "../../formats/elements.ts";
import { ggufName, roundInPlace } from "../../formats/gguf/mod.ts";
import { quantized, unpacked } from "../../formats/packed/mod.ts";
import { type Adapter, type LoraTensors, mergedWeights } from "../../formats/peft/mod.ts";
import type { ExportConfig, ExportDtype } from "./config.ts";
import { architectureOf } from "./gguf.ts";
import { ENCODINGS, ggufEncodingOf } from "./gguf_types.ts";
import { withOneAlpha } from "./gguf_adapter.ts";
import { onnxBits } from "./onnx/weights.ts";
import type { ExportSource } from "./source/source.ts";

/**
 * Reads weights rounded.
 * @returns Values by name as `ExportSource.read` gives them; null where nothing is rounded
 * @throws {RangeError} (when read) If a value has no place in its number type
 */
export function roundedReader(
  format: ExportConfig["export_format"],
  source: ExportSource,
  dtype: ExportDtype,
): ((name: string) => Float32Array<ArrayBuffer>) | null {
  if (dtype === "float32") return null;
  const { decoder, shapes, model } = source, encoding = ENCODINGS[dtype];
  switch (format) {
    case "safetensors":
      return rounded(source, () => encoding);
    case "gguf": {
      const target = (name: string) =>
        ggufName(name, architectureOf(decoder), decoder.numHeads, decoder.numKeyValueHeads).name;
      return rounded(source, (name) => ggufEncodingOf(target(name), valueOf(shapes, name), dtype, decoder));
    }
    case "gguf-adapter": {
      const modules = roundedAdapter(item(source.adapters, 0), encoding);
      return mergedWeights((name) => model.weights.read(name), { modules });
    }
    case "onnx":
      return (name) => {
        const values = source.read(name), [rows = 1, columns] = valueOf(shapes, name);
        const bits = columns === undefined
          ? null
          : onnxBits(name, columns, dtype === "q4_0" ? 4 : 8, decoder);
        return bits === null || columns === undefined
          ? values
          : unpacked(quantized(values, rows, columns, bits));
      };
  }
}

function rounded({ read }: ExportSource, encodingOf: (name: string) => typeof ENCODINGS[ExportDtype]) {
  return (name: string) => {
    const values = read(name);
    roundInPlace(values, encodingOf(name));
    return values;
  };
}

/** A and B as the file has them. */
function roundedAdapter(
  adapter: Adapter,
  encoding: typeof ENCODINGS[ExportDtype],
): Map<string, LoraTensors> {
  const { alpha, modules } = withOneAlpha(adapter);
  return new Map([...modules].map(([name, { r, scaledB, ...module }]) => {
    const a = module.a.slice(), b = scaledB().slice();
    for (const values of [a, b]) roundInPlace(values, encoding);
    return [name, { r, alpha, scale: alpha / r, a, b }];
  }));
}
