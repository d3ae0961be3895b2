/**
 * A written GGUF adapter, read again and merged into the base as llama.cpp applies it: α / rank of B, rows of q and k back in
 * transformers' order.
 * @module
 */
import { item } from "../../formats/elements.ts";
import { deinterleave, GgufFile, ggufName } from "../../formats/gguf/mod.ts";
import { type LoraTensors, mergedWeights } from "../../formats/peft/mod.ts";
import { moduleShapes } from "../../kernels/engine/decoder/decoder.ts";
import { architectureOf } from "./gguf.ts";
import type { ExportSource } from "./source/source.ts";

/**
 * Modules of a GGUF adapter by transformers' names.
 * @throws {RangeError} If it has no alpha, or tensors that the model has no place for
 */
export function readGgufAdapter(
  path: string,
  { decoder }: Pick<ExportSource, "decoder">,
): Map<string, LoraTensors> {
  using file = new GgufFile(path);
  const alpha = file.metadata.get("adapter.lora.alpha");
  if (typeof alpha !== "number" || alpha === 0) {
    throw new RangeError(
      `Cannot use ${path} as an adapter as adapter.lora.alpha is needed: current value is ${alpha}`,
    );
  }
  const modules = new Map<string, LoraTensors>();
  for (const module of moduleShapes(decoder).keys()) {
    const { name, interleavedHeads } = ggufName(
      `${module}.weight`,
      architectureOf(decoder),
      decoder.numHeads,
      decoder.numKeyValueHeads,
    );
    if (!file.tensors.has(`${name}.lora_a`)) continue;
    const [outputs, r] = file.info(`${name}.lora_b`).shape as [number, number];
    const b = file.readFloat32(`${name}.lora_b`);
    modules.set(module, {
      r,
      alpha,
      scale: alpha / r,
      a: file.readFloat32(`${name}.lora_a`),
      b: interleavedHeads === null ? b : deinterleave(b, outputs, interleavedHeads),
    });
  }
  const found = 2 * modules.size;
  if (found !== file.tensors.size) {
    const names = [...file.tensors.keys()];
    throw new RangeError(
      `Cannot use ${path} as an adapter: ${file.tensors.size - found} tensors have no place, such as ${
        item(names, 0)
      }`,
    );
  }
  return modules;
}

/** Weights of the base model with a written adapter. */
export function readWithAdapter(
  path: string,
  source: Pick<ExportSource, "decoder" | "model">,
): (name: string) => Float32Array<ArrayBuffer> {
  return mergedWeights((name) => source.model.weights.read(name), { modules: readGgufAdapter(path, source) });
}
