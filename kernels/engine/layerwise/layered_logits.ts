/**
 * Logits of a short text with one layer's weights in memory at a time, so that a model larger than the memory can be
 * compared with another one.
 * @module
 */
import { entryOf, valueOf } from "../../../formats/elements.ts";
import type { Backend, HostArray, Tensor } from "../../backend.ts";
import { blockGraph } from "../decoder/block_graph.ts";
import { blockShapes, headWeight } from "../decoder/decoder.ts";
import { type DecoderConfig, layerAttentions } from "../decoder/decoder_config.ts";
import { scaleValues } from "../body/embedding.ts";
import { logitsGraph } from "../generate/blocks/graph.ts";
import { RotaryTables } from "../decoder/rope.ts";

/**
 * Runs the model over one text.
 * @param text `read`: float32 values of a tensor by its name in transformers, `lm_head.weight` too; `ids` `[T]`, each below the size of the
 * vocabulary; `onLayer` is called when a layer is done
 * @returns `[T, vocabulary]`
 * @throws {RangeError} If an id has no row in the embedding
 */
export async function layeredLogits(
  backend: Backend,
  config: DecoderConfig,
  { read, ids, onLayer = () => {} }: {
    read: (name: string) => Float32Array<ArrayBuffer>;
    ids: readonly number[];
    onLayer?: (() => void) | undefined;
  },
): Promise<Float32Array> {
  const rows = ids.length, width = config.hiddenSize;
  const upload = (values: HostArray, shape: readonly number[]) => backend.upload(values, shape);
  const embedded = embed(read("model.embed_tokens.weight"), ids, width);
  let x = upload(scaleValues(embedded, config.embeddingScale), [rows, width]);
  const positions = Int32Array.from(ids, (_, i) => i);
  const common: Record<string, Tensor> = {
    ...new RotaryTables(config).upload(backend, positions),
    until: upload(new Int32Array(rows).fill(rows), [rows]),
    positions: upload(positions, [rows]),
  };
  const attentions = layerAttentions(config);
  const programs = new Map(
    await Promise.all(
      [...new Set(attentions)].map(async (attention) =>
        [attention, await backend.compile(blockGraph(config, attention), "block of a check")] as const
      ),
    ),
  );
  for (const [layer, attention] of attentions.entries()) {
    const weights: Record<string, Tensor> = {};
    for (const [name, shape] of blockShapes(config)) {
      weights[name] = upload(read(`model.layers.${layer}.${name}`), shape);
    }
    const before = x;
    x = entryOf(await valueOf(programs, attention).run({ x, ...common, ...weights }), "y");
    for (const tensor of [before, ...Object.values(weights)]) tensor.dispose();
    onLayer();
  }
  for (const program of programs.values()) await program.dispose();
  const values = await headLogits(backend, config, read, x);
  for (const tensor of [x, ...Object.values(common)]) tensor.dispose();
  return values;
}

/**
 * Logits of rows behind the last block.
 * @param read As of {@linkcode layeredLogits}
 * @param x `[T, D]`
 * @returns `[T, vocabulary]`
 */
export async function headLogits(
  backend: Backend,
  config: DecoderConfig,
  read: (name: string) => Float32Array<ArrayBuffer>,
  x: Tensor,
): Promise<Float32Array> {
  const head = await backend.compile(logitsGraph(config), "head of a check"), count = x.shape[0] ?? 0;
  const norm = backend.upload(read("model.norm.weight"), [config.hiddenSize]);
  const w = backend.upload(read(headWeight(config)), [config.vocabSize, config.hiddenSize]);
  const rows = backend.upload(Int32Array.from({ length: count }, (_, i) => i), [count]);
  const logits = entryOf(await head.run({ x, norm, w, rows }), "logits");
  const values = Float32Array.from(await backend.download(logits));
  for (const tensor of [norm, w, rows, logits]) tensor.dispose();
  await head.dispose();
  return values;
}

function embed(table: Float32Array, ids: readonly number[], width: number): Float32Array<ArrayBuffer> {
  const x = new Float32Array(ids.length * width);
  ids.forEach((id, row) => {
    if (!(id >= 0 && (id + 1) * width <= table.length)) {
      throw new RangeError(
        `Cannot embed token ${id}: current value of the embedding is ${table.length / width} rows`,
      );
    }
    x.set(table.subarray(id * width, (id + 1) * width), row * width);
  });
  return x;
}
