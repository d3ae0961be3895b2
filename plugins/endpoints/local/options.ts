/**
 * Options of the endpoint `local`.
 * @module
 */
import { z } from "zod";

import type { Quantization } from "../../../kernels/engine/generate/generator.ts";
import { MAX_BATCH } from "../../../kernels/engine/generate/max_batch.ts";
import { thoughtTags } from "../thought_tags.ts";

/** The schema; its descriptions are help and docs. */
export const Options = z.strictObject({
  model: z.string().min(1).describe(
    "model directory, .gguf file, or hub id such as Qwen/Qwen2.5-0.5B-Instruct",
  ),
  adapter: z.string().min(1).nullable().default(null).describe(
    "PEFT adapter directory, such as a training run's output, or its hub id; merged into float32 weights, beside packed ones",
  ),
  adapters: z.record(z.string().min(1), z.string().min(1)).default({}).describe(
    "further adapter directories (or hub ids) by name; a request chooses one by extra.adapter, in place of adapter",
  ),
  weights: z.enum(["stored", "float32"]).default("stored").describe(
    "stored: a GGUF file's blocks stay in the bits that they have, inputs of products are rounded to 8 bits; float32: the reference, slower",
  ),
  quantization_bit: z.union([z.literal(4), z.literal(8)]).nullable().default(null).describe(
    "rounds float32 weights to so many bits when the model is opened",
  ),
  speculation: z.int().min(0).max(64).default(0).describe(
    "tokens of a draft looked up in prompt and answer, at most, where one greedy answer runs alone; 0: none",
  ),
  template: z.string().min(1).default("auto").describe(
    "chat template by name; auto: the model's own (or the adapter's, where its directory has a tokenizer)",
  ),
  template_options: z.record(z.string(), z.unknown()).default({}).describe("options of the template"),
  backend: z.enum(["auto", "onnx", "webgpu", "reference"]).default("auto").describe(
    "what runs the kernels; auto: webgpu on a GPU that passes its self-test, else onnx",
  ),
  provider: z.enum(["cpu", "cuda", "webgpu"]).default("cpu").describe("execution provider of ONNX Runtime"),
  threads: z.int().positive().nullable().default(null).describe(
    "threads of ONNX Runtime; null: OMP_NUM_THREADS, or one per core",
  ),
  max_model_len: z.int().min(2).nullable().default(null).describe(
    "tokens of prompt and answer together; null: as many as the model was made for",
  ),
  max_batch: z.int().positive().default(MAX_BATCH).describe("answers that are generated at once, at most"),
  name: z.string().min(1).nullable().default(null).describe("model's name in reports; null: from the paths"),
  thought_tags: thoughtTags,
});

/** Validated options; the schema's descriptions say what they mean. */
export type LocalOptions = z.output<typeof Options>;

/**
 * Bits of weights in memory.
 * @throws {RangeError} If both options say something else
 */
export function quantizationOf({ weights, quantization_bit: bits }: LocalOptions): Quantization {
  if (bits === null) return weights;
  if (weights === "stored") return bits;
  throw new RangeError(
    `Cannot hold weights as float32 and in ${bits} bits: leave out weights or quantization_bit`,
  );
}
