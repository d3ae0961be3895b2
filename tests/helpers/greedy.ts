/**
 * Greedy answers from logits of whole texts, without a cache or sampling: what programs that load an export are compared with.
 * @module
 */
import { item } from "../../formats/elements.ts";
import { referenceBackend } from "../../kernels/backends/reference/mod.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import { layeredLogits } from "../../kernels/engine/layerwise/layered_logits.ts";

/** Ids behind a prompt, to the end token or `count` of them, and the probability of each. */
export async function greedyIds(
  decoder: DecoderConfig,
  read: (name: string) => Float32Array<ArrayBuffer>,
  prompt: readonly number[],
  count: number,
): Promise<{ ids: number[]; probabilities: number[] }> {
  const backend = referenceBackend(), ids: number[] = [], probabilities: number[] = [];
  while (ids.length < count && !decoder.eosTokenIds.includes(ids.at(-1) ?? -1)) {
    const logits = await layeredLogits(backend, decoder, { read, ids: [...prompt, ...ids] });
    const last = logits.subarray(-decoder.vocabSize);
    const best = last.indexOf(last.reduce((a, b) => Math.max(a, b), -Infinity));
    ids.push(best);
    probabilities.push(1 / last.reduce((sum, x) => sum + Math.exp(x - item(last, best)), 0));
  }
  await backend.dispose();
  return { ids, probabilities };
}
