/**
 * Disk and memory that a quantisation takes, known from shapes.
 * @module
 */
import { gptqShapes } from "../../../formats/gptq/mod.ts";
import { blockShapes, moduleShapes } from "../../../kernels/engine/decoder/decoder.ts";
import type { ExportEstimate } from "../estimate.ts";
import type { ExportSource } from "../source/source.ts";
import { GPTQ_GROUP } from "./quantise.ts";
import type { Quantisation } from "./quantisation.ts";

/** Bytes of a weight while its matrix is rounded: its value, what columns before it left (twice), its code, its rounded value. */
const ROUNDING = 4 + 8 + 8 + 1 + 4;
/** Bytes of an element of a Hessian: the sum, a text's share, and the product that factoring takes off. */
const HESSIAN = 8 + 4 + 8;

/** Disk and memory of `quantiseInto` (write.ts), in bytes. */
export function estimateGptq(
  { bits, texts, prompt }: Quantisation,
  { decoder, shapes, adapters }: Pick<ExportSource, "decoder" | "shapes" | "adapters">,
): ExportEstimate {
  const modules = [...moduleShapes(decoder).values()],
    size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  const quantised = modules.flatMap((shape) => Object.values(gptqShapes(shape, bits, GPTQ_GROUP)))
    .reduce((sum, { dtype, shape }) => sum + size(shape) * (dtype === "F16" ? 2 : 4), 0);
  const all = [...shapes.values()].reduce((sum, shape) => sum + size(shape), 0);
  const others = all - modules.reduce((sum, shape) => sum + size(shape), 0);
  const rows = texts.reduce((sum, { length }) => sum + length, prompt.length);
  const width = decoder.hiddenSize + Math.max(decoder.hiddenSize, decoder.numHeads * decoder.headDim);
  const layer = [...blockShapes(decoder).values()].reduce((sum, shape) => sum + size(shape), 0);
  const inputs = Math.max(...modules.map(([, inputs]) => inputs));
  const matrix = Math.max(...modules.map((shape) => 8 * shape[1] ** 2 + ROUNDING * size(shape)));
  const longest = texts.reduce((most, { length }) => Math.max(most, length), 0);
  const passing = 4 * longest * (3 * decoder.intermediateSize + 4 * decoder.hiddenSize);
  const lora = adapters.flatMap((adapter) => [...adapter.modules.values()])
    .reduce((sum, { a, b }) => sum + a.length + b.length, 0);
  const largest = Math.max(...[...shapes.values()].map(size));
  const work = 4 * rows * width + 4 * layer + Math.max(HESSIAN * inputs ** 2 + passing, matrix);
  return {
    // layers lie in files of their own until all are done
    disk: 2 * quantised + 2 * others,
    memory: 4 * lora + Math.max(work, 4 * (layer + 2 * largest) + 8 * decoder.vocabSize * prompt.length),
  };
}
