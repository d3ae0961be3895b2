/**
 * A quantised model as transformers, vLLM and GPTQModel read it: `qweight`, `qzeros`, `scales` and `g_idx` in place of each linear module's weight,
 * all else in float16, and config.json and quantize_config.json that say how.
 * @module
 */
import { join } from "@std/path";

import { valueOf } from "../../../formats/elements.ts";
import { gptqShapes, type GptqTensorName, gptqTensors } from "../../../formats/gptq/mod.ts";
import { type ModelTensor, savingModel } from "../../../formats/hf_model/mod.ts";
import { SafetensorsFile, writeSafetensors } from "../../../formats/safetensors/mod.ts";
import { makeBackend } from "../../../kernels/engine/backends.ts";
import { moduleShapes } from "../../../kernels/engine/decoder/decoder.ts";
import { CPU } from "../../../kernels/engine/generate/options.ts";
import { VERSION } from "../../common/version.ts";
import { holding } from "../holding.ts";
import { checkGoesOn } from "../interruptible.ts";
import type { Talk } from "../prove.ts";
import { generationConfig, sourceTokenizerFiles, valueHeadFile } from "../safetensors.ts";
import type { ExportSource } from "../source/source.ts";
import { quantiseLayers } from "./layers.ts";
import { DAMPING, GPTQ_GROUP, type Quantised } from "./quantise.ts";
import type { Quantisation } from "./quantisation.ts";

/** Folder of finished layers, inside that of the files. */
const LAYERS = ".layers";
const PARTS: readonly GptqTensorName[] = ["qweight", "qzeros", "scales", "g_idx"];

/** A model whose layers are quantised and lie on disk. */
export interface QuantisedModel {
  /** Logits of the prompt by the quantised weights in memory, `[T, vocabulary]`. */
  readonly logits: Float32Array;
  /** Number of tensors to write. */
  readonly count: number;
  /**
   * Writes the folder, a tensor a turn.
   * @param onTensor Called in front of each tensor
   */
  writing(source: ExportSource, shardBytes: number, onTensor: () => void): Generator<void, string[]>;
}

/**
 * Quantises a model; finished layers are put into files, so that one is in memory at a time.
 * @param folder Of the files, which exists
 * @throws {Error} If it was interrupted
 */
export async function quantiseInto(
  folder: string,
  { bits, texts, prompt }: Quantisation,
  source: ExportSource,
  { progress, signal }: Pick<Talk, "progress" | "signal">,
): Promise<QuantisedModel> {
  const { decoder } = source, shapes = moduleShapes(decoder), layers = join(folder, LAYERS);
  Deno.mkdirSync(layers);
  const fileOf = (layer: number) => join(layers, `${layer}.safetensors`);
  let matrices: [string, Quantised][] = [], done = 0;
  const show = () => progress.phase("quantising matrices", done, shapes.size);
  show();
  const backend = await makeBackend(CPU);
  let logits: Float32Array;
  try {
    logits = await quantiseLayers(backend, { decoder, read: source.read, bits, texts, prompt }, {
      goesOn: () => checkGoesOn(signal),
      quantised: (module, matrix) => {
        matrices.push([module, matrix]);
        done++;
        show();
      },
      layer: (index) => {
        writeSafetensors(fileOf(index), matrices.flatMap(([module, matrix]) => tensorsOf(module, matrix)));
        matrices = [];
      },
    });
  } finally {
    await backend.dispose();
  }
  progress.stop();
  const count = source.shapes.size + (PARTS.length - 1) * shapes.size;
  return {
    logits,
    count,
    writing: (from, shardBytes, onTensor) => {
      const files = Array.from(
        { length: decoder.numLayers },
        (_, layer) => new SafetensorsFile(fileOf(layer)),
      );
      return writing(folder, from, { bits, layers: files, shardBytes, onTensor });
    },
  };
}

function tensorsOf(module: string, matrix: Quantised) {
  return Object.entries(gptqTensors(matrix, GPTQ_GROUP)).map(([part, { dtype, shape, data }]) => ({
    name: `${module}.${part}`,
    dtype,
    shape,
    data: () => data,
  }));
}

function* writing(
  folder: string,
  source: ExportSource,
  { bits, layers, shardBytes, onTensor }: {
    bits: 4 | 8;
    layers: readonly SafetensorsFile[];
    shardBytes: number;
    onTensor: () => void;
  },
): Generator<void, string[]> {
  const modules = moduleShapes(source.decoder);
  const files = new Map(
    layers.flatMap((file) => [...file.tensors.keys()].map((name) => [name, file] as const)),
  );
  const tensors = [...source.shapes].flatMap(([name, shape]): ModelTensor[] => {
    const module = name.replace(/\.weight$/, ""), quantised = name.endsWith(".weight") && modules.get(module);
    if (!quantised) {
      const data = () => {
        onTensor();
        return holding(name, source.read(name), "F16");
      };
      return [{ name, shape, data }];
    }
    const shapes = gptqShapes(quantised, bits, GPTQ_GROUP);
    return PARTS.map((part) => {
      const name = `${module}.${part}`;
      const data = () => {
        onTensor();
        return valueOf(files, name).read(name);
      };
      return { name, ...shapes[part], data };
    });
  });
  const settings = settingsOf(bits);
  try {
    yield* savingModel(folder, tensors, {
      config: { ...source.model.config, quantization_config: settings },
      generationConfig: generationConfig(source),
      dtype: "float16",
      maxShardBytes: shardBytes,
      files: {
        ...sourceTokenizerFiles(source),
        ...valueHeadFile(source),
        "quantize_config.json": JSON.stringify(settings, null, 2) + "\n",
      },
    });
  } finally {
    for (const file of layers) file.close();
  }
  Deno.removeSync(join(folder, LAYERS), { recursive: true });
  return [];
}

/** As transformers (4 and 5), GPTQModel and vLLM name it. */
function settingsOf(bits: 4 | 8): Record<string, unknown> {
  return {
    quant_method: "gptq",
    bits,
    group_size: GPTQ_GROUP,
    desc_act: false,
    sym: true,
    true_sequential: true,
    lm_head: false,
    damp_percent: DAMPING,
    checkpoint_format: "gptq",
    pack_dtype: "int32",
    meta: { quantizer: [`dinotune:${VERSION}`] },
  };
}
