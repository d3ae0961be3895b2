/**
 * Logits of a written ONNX model by ONNX Runtime: first half of a prompt, then the rest on its cache.
 * @module
 */
import { entryOf } from "../../../formats/elements.ts";
import { type FileTensor, openModelFile } from "../../../kernels/backends/onnx/model_file.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { onnxCacheNames } from "./graph_attention.ts";

/** Of all `ids`, `[T, V]`. @param onLayer Called as often as the model has layers */
export async function onnxLogits(
  path: string,
  decoder: DecoderConfig,
  ids: readonly number[],
  onLayer: () => void = () => {},
): Promise<Float32Array> {
  const model = await openModelFile(path);
  try {
    const { numLayers, numKeyValueHeads, headDim, vocabSize } = decoder;
    const logits = new Float32Array(ids.length * vocabSize);
    const empty: FileTensor = { data: new Float32Array(0), shape: [1, numKeyValueHeads, 0, headDim] };
    const names = Array.from({ length: numLayers }, (_, layer) => Object.values(onnxCacheNames(layer)))
      .flat();
    let cache: Record<string, FileTensor> = Object.fromEntries(names.map(({ past }) => [past, empty]));
    const half = Math.ceil(ids.length / 2);
    for (const [start, end] of [[0, half], [half, ids.length]] as const) {
      const integers = (values: readonly number[]): FileTensor => ({
        data: BigInt64Array.from(values, BigInt),
        shape: [1, values.length],
      });
      const count = Array.from({ length: end - start }, (_, i) => start + i);
      const outputs = await model.run({
        input_ids: integers(ids.slice(start, end)),
        position_ids: integers(count),
        attention_mask: integers(new Array(end).fill(1)),
        num_logits_to_keep: { data: new BigInt64Array(1), shape: [] },
        ...cache,
      });
      logits.set(entryOf(outputs, "logits").data as Float32Array, start * vocabSize);
      cache = Object.fromEntries(names.map(({ past, present }) => [past, entryOf(outputs, present)]));
    }
    for (let layer = 0; layer < numLayers; layer++) onLayer();
    return logits;
  } finally {
    await model.dispose();
  }
}
