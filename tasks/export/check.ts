/**
 * The proof of an export: logits of a fixed prompt by the merged float32 weights and by what was written, opened again.
 * @module
 */
import { item } from "../../formats/elements.ts";
import { openModel } from "../../formats/hf_model/mod.ts";
import type { Tokenizer } from "../../formats/tokenizer/mod.ts";
import { layeredLogits } from "../../kernels/engine/layered_logits.ts";
import { CPU } from "../../kernels/engine/generate/options.ts";
import { makeBackend } from "../../kernels/engine/backends.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder_config.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import type { Registry } from "../../plugins/registry.ts";
import type { ExportDtype } from "./config.ts";
import type { ExportSource } from "./source.ts";

/** Distance of two models' logits. */
export interface LogitDifference {
  /** Largest absolute difference of two logits. */
  largest: number;
  /** Largest minus smallest logit before, of the position where they are furthest apart. */
  range: number;
  /** Positions whose most likely token is the same. */
  agreeing: number;
  /** Number of compared positions. */
  positions: number;
  /** Mean over positions of KL(before ‖ after), nats. */
  divergence: number;
}

/**
 * Largest difference of logits that is accepted, as a share of their range. Rounding weights to b bits of mantissa moves
 * logits by some 2^−b of their range; one wrong row order or scale moves them by tenths of it. Four bits a weight leave no
 * bound that would tell a fault from rounding: there the weights themselves are compared in tests.
 */
export const BOUNDS: Readonly<Record<ExportDtype, number>> = {
  float32: 1e-4,
  float16: 0.01,
  bfloat16: 0.05,
  q8_0: 0.08,
  q4_0: 0.6,
};

const PROMPT = 'The quick brown fox asked: "What is 12 × 3?"\nAnswer in one line, please. 36!';

/** Ids of the fixed prompt; counted up where there is no tokenizer, or it has ids that the model lacks. */
export function promptIds(
  tokenizer: Tokenizer | null,
  { vocabSize }: Pick<DecoderConfig, "vocabSize">,
): number[] {
  const ids = tokenizer?.encode(PROMPT).slice(0, 32) ?? new Array<number>(16).fill(vocabSize);
  return ids.map((id, i) => id < vocabSize ? id : i % vocabSize);
}

/** Compares logits `[T, V]`. */
export function compareLogits(before: Float32Array, after: Float32Array, positions: number): LogitDifference {
  const vocabulary = before.length / positions;
  if (after.length !== before.length) {
    throw new RangeError(
      `Cannot compare logits as there must be ${before.length} of them: current value is ${after.length}`,
    );
  }
  const result = { largest: 0, range: 0, agreeing: 0, positions, divergence: 0 };
  for (let t = 0; t < positions; t++) {
    const a = before.subarray(t * vocabulary, (t + 1) * vocabulary);
    const b = after.subarray(t * vocabulary, (t + 1) * vocabulary);
    let largest = 0, low = Infinity, high = -Infinity;
    for (let i = 0; i < vocabulary; i++) {
      const difference = Math.abs(item(a, i) - item(b, i));
      if (!(difference <= largest)) largest = difference;
      low = Math.min(low, item(a, i));
      high = Math.max(high, item(a, i));
    }
    if (!(largest <= result.largest) || t === 0) Object.assign(result, { largest, range: high - low });
    if (a.indexOf(Math.max(...top(a))) === b.indexOf(Math.max(...top(b)))) result.agreeing++;
    result.divergence += divergence(a, b) / positions;
  }
  return result;
}

function top(values: Float32Array): [number] {
  return [values.reduce((x, y) => Math.max(x, y), -Infinity)];
}

function divergence(a: Float32Array, b: Float32Array): number {
  const [highA] = top(a), [highB] = top(b);
  let sumA = 0, sumB = 0, cross = 0;
  for (let i = 0; i < a.length; i++) {
    const p = Math.exp(item(a, i) - highA);
    sumA += p;
    sumB += Math.exp(item(b, i) - highB);
    cross += p * (item(a, i) - highA - (item(b, i) - highB));
  }
  return cross / sumA - Math.log(sumA) + Math.log(sumB);
}

/** Logits of the merged weights, before anything is rounded. */
export async function logitsBefore(
  source: ExportSource,
  ids: readonly number[],
  onLayer: () => void,
): Promise<Float32Array> {
  const backend = await makeBackend(CPU);
  try {
    return await layeredLogits(backend, source.decoder, tied(source), ids, onLayer);
  } finally {
    await backend.dispose();
  }
}

/** Reads the embedding for a tied output, with what is merged into it. */
function tied({ decoder, read }: ExportSource): (name: string) => Float32Array<ArrayBuffer> {
  return (name) =>
    read(decoder.tieWordEmbeddings && name === "lm_head.weight" ? "model.embed_tokens.weight" : name);
}

/** Logits of a written folder or GGUF file, by this project's own reader. */
export async function logitsOfWritten(
  path: string,
  registry: Registry,
  ids: readonly number[],
  onLayer: () => void,
): Promise<Float32Array> {
  const model = await openModel(path);
  const backend = await makeBackend(CPU);
  try {
    const read = (name: string) => model.weights.read(name);
    return await layeredLogits(backend, decoderOf(registry, model), read, ids, onLayer);
  } finally {
    model.weights.close();
    await backend.dispose();
  }
}

/** `largest difference of logits 0.0123 of a range of 31.2 (0.04 %, bound 1 %); ...`. */
export function differenceText(difference: LogitDifference, dtype: ExportDtype): string {
  const { largest, range, agreeing, positions, divergence } = difference;
  const percent = (share: number) => `${Number((100 * share).toPrecision(2))} %`;
  return `largest difference of logits ${largest.toPrecision(3)}, ${
    percent(largest / range)
  } of their range of ` +
    `${range.toPrecision(3)} (bound ${
      percent(BOUNDS[dtype])
    }); most likely token the same at ${agreeing} of ${positions} ` +
    `positions; KL divergence ${Math.max(0, divergence).toExponential(1)} nats`;
}

/**
 * Makes sure that an export computes what was tuned.
 * @throws {Error} If logits are further apart than their bound, or aren't numbers; nothing is published then
 */
export function checkDifference(difference: LogitDifference, dtype: ExportDtype, folder: string): void {
  if (difference.largest <= BOUNDS[dtype] * difference.range) return;
  throw new Error(
    `Cannot export into ${folder} as what was written computes something else: ${
      differenceText(difference, dtype)
    }. ` +
      "Nothing was put there",
  );
}
