/**
 * GPTQ over a model: layer after layer, and in a layer from input to input, so that each matrix sees what the quantised ones before it give
 * (`true_sequential` of transformers' `GPTQConfig`). One layer's weights and one matrix's factor are in memory at a time.
 * @module
 */
import { item, valueOf } from "../../../formats/elements.ts";
import { roundInPlace } from "../../../formats/gguf/mod.ts";
import type { Backend, Tensor } from "../../../kernels/backend.ts";
import { DoubleProducts } from "../../../kernels/backends/onnx/double_products.ts";
import { scaleValues } from "../../../kernels/engine/body/embedding.ts";
import {
  blockShapes,
  EMBEDDING,
  linearModules,
  modulesByInput,
  moduleShape,
  ofLayer,
} from "../../../kernels/engine/decoder/decoder.ts";
import {
  type DecoderConfig,
  type LayerAttention,
  layerAttentions,
} from "../../../kernels/engine/decoder/decoder_config.ts";
import { headLogits } from "../../../kernels/engine/layerwise/layered_logits.ts";
import { feedbackOf, quantise, type Quantised, quantisedValues } from "./quantise.ts";
import { CalibrationRows, compileStages, type StagePrograms } from "./rows.ts";

/** A model to quantise. */
export interface GptqSource {
  decoder: DecoderConfig;
  /** Float32 values of a tensor; a fresh array each call. */
  read(name: string): Float32Array<ArrayBuffer>;
  bits: 4 | 8;
  /** Token ids of the calibration's texts. */
  texts: readonly (readonly number[])[];
  /** Token ids of a text whose logits are wanted. */
  prompt: readonly number[];
}

/** Called as the work goes on. */
export interface GptqListener {
  /** Called often; it may throw to end the work. */
  goesOn(): void;
  /** Called with each matrix, by the full name of its module. */
  quantised(module: string, matrix: Quantised): void;
  /** Called when all matrices of a layer are done. */
  layer(index: number): void;
}

/** Stages by the index of {@linkcode modulesByInput}, with the rows that they make and leave behind. */
const STAGES: readonly { stage: keyof StagePrograms; made: readonly string[]; spent: readonly string[] }[] = [
  { stage: "norm", made: [], spent: [] },
  { stage: "attention", made: ["o"], spent: [] },
  { stage: "middle", made: ["middle"], spent: ["x", "o"] },
  { stage: "gated", made: [], spent: [] },
];

/**
 * Quantises all linear modules of all layers; what else a layer has is rounded to float16, as it is written.
 * @returns Logits of the prompt by the quantised model, `[T, vocabulary]`
 * @throws {RangeError} As of {@linkcode feedbackOf} and {@linkcode quantise}
 */
export async function quantiseLayers(
  backend: Backend,
  source: GptqSource,
  listener: GptqListener,
): Promise<Float32Array> {
  const { decoder } = source;
  const rounded = (name: string) => {
    const values = source.read(name);
    roundInPlace(values, "F16");
    return values;
  };
  const products = await DoubleProducts.open();
  const programs = new Map<LayerAttention, StagePrograms>();
  const rows = new CalibrationRows(
    backend,
    decoder,
    {
      embedding: scaleValues(rounded(EMBEDDING), decoder.embeddingScale),
      texts: source.texts,
      prompt: source.prompt,
    },
    () => listener.goesOn(),
  );
  try {
    for (const [index, attention] of layerAttentions(decoder).entries()) {
      const stages = programs.get(attention) ?? await compileStages(backend, decoder, attention);
      programs.set(attention, stages);
      const weights = plainWeights(backend, decoder, index, rounded);
      for (const [input, modules] of modulesByInput(decoder).entries()) {
        const { stage, made, spent } = item(STAGES, input), size = moduleShape(decoder, item(modules, 0))[1];
        const moments = await rows.run(stages[stage], weights, { made, spent, size });
        const names = modules.map((module) => ofLayer(index, module));
        const feedback = await feedbackOf(moments, size, { products, name: names.join(", ") });
        for (const [i, module] of modules.entries()) {
          listener.goesOn();
          const name = item(names, i), shape = moduleShape(decoder, module);
          const values = source.read(`${name}.weight`);
          const matrix = await quantise({ values, outputs: shape[0], bits: source.bits }, feedback, {
            products,
            name,
          });
          // garbage is collected later than the next matrix is read
          values.buffer.transfer(0);
          weights[`${module}.weight`] = backend.upload(quantisedValues(matrix), shape);
          listener.quantised(name, matrix);
        }
      }
      await rows.run(stages.end, weights, { made: ["y"], spent: ["middle"], size: 0 });
      for (const tensor of Object.values(weights)) tensor.dispose();
      listener.layer(index);
    }
    return await headLogits(backend, decoder, rounded, rows.promptRows);
  } finally {
    rows.dispose();
    for (const stages of programs.values()) {
      for (const program of Object.values(stages)) await program.dispose();
    }
    await products.dispose();
  }
}

/** Norms and biases of a layer. */
function plainWeights(
  backend: Backend,
  decoder: DecoderConfig,
  layer: number,
  read: (name: string) => Float32Array<ArrayBuffer>,
): Record<string, Tensor> {
  const shapes = blockShapes(decoder);
  const matrices = linearModules(decoder).map((module) => `${module}.weight`);
  const names = [...shapes.keys()].filter((name) => !matrices.includes(name));
  return Object.fromEntries(
    names.map((name) => [name, backend.upload(read(ofLayer(layer, name)), valueOf(shapes, name))]),
  );
}
