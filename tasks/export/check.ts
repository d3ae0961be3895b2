/**
 * The proof of an export: logits of a fixed prompt by the merged float32 weights and by what was written, opened again.
 * @module
 */
import { item } from "../../formats/elements.ts";
import { openModel } from "../../formats/hf_model/mod.ts";
import type { Tokenizer } from "../../formats/tokenizer/mod.ts";
import { layeredLogits } from "../../kernels/engine/layerwise/layered_logits.ts";
import { CPU } from "../../kernels/engine/generate/options.ts";
import { makeBackend } from "../../kernels/engine/backends.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import type { Registry } from "../../plugins/registry.ts";
import type { ExportDtype, ExportFormat } from "./config.ts";

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
 * Largest difference that is accepted between logits of what was written and of the weights that it was made of, rounded in memory
 * as its number type rounds them; a share of the logits' range. Both are the same float32 numbers in another order of sums, some 10⁻⁶; one
 * wrong row order, name or scale moves logits by tenths of their range. Products of ONNX in 8 and 4 bits read their inputs in 8 bits, too: models of random weights
 * move by up to 4 % so.
 */
export function writtenBound(format: ExportFormat, dtype: ExportDtype): number {
  return format === "onnx" && dtype !== "float32" ? 0.12 : 1e-4;
}

const PROMPT = 'The quick brown fox asked: "What is 12 × 3?"\nAnswer in one line, please. 36!';

/** Ids of the fixed prompt; counted up where there is no tokenizer, or it has ids that the model lacks. */
export function promptIds(
  tokenizer: Tokenizer | null,
  { vocabSize }: Pick<DecoderConfig, "vocabSize">,
): number[] {
  const ids = tokenizer?.encode(PROMPT).slice(0, 32) ?? new Array<number>(16).fill(vocabSize);
  return ids.map((id, i) => id < vocabSize ? id : i % vocabSize);
}

/** Compares logits `[T, V]`. @throws {RangeError} If there aren't as many of either */
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

/** Logits by a decoder's weights as they are read. */
export async function logitsOf(
  decoder: DecoderConfig,
  read: (name: string) => Float32Array<ArrayBuffer>,
  ids: readonly number[],
  onLayer: () => void,
): Promise<Float32Array> {
  const backend = await makeBackend(CPU);
  try {
    return await layeredLogits(backend, decoder, { read, ids, onLayer });
  } finally {
    await backend.dispose();
  }
}

/** Logits of a written folder or GGUF file, by this project's own reader. */
export async function logitsOfWritten(
  path: string,
  registry: Registry,
  ids: readonly number[],
  onLayer: () => void,
): Promise<Float32Array> {
  const model = await openModel(path);
  try {
    return await logitsOf(decoderOf(registry, model), (name) => model.weights.read(name), ids, onLayer);
  } finally {
    model.weights.close();
  }
}

/** `0.0123, 0.04 % of their range of 31.2; most likely token the same at ...`. */
export function differenceText({ largest, range, agreeing, positions, divergence }: LogitDifference): string {
  return `${largest.toPrecision(3)}, ${percent(largest / range)} of their range of ${
    range.toPrecision(3)
  }; ` +
    `most likely token the same at ${agreeing} of ${positions} positions, ` +
    `KL divergence ${Math.max(0, divergence).toExponential(1)} nats`;
}

/**
 * A note where rounding left little of a model: fewer than half of the prompt's positions keep their most likely token.
 * @returns null where more do
 */
export function lossNote({ agreeing, positions, divergence }: LogitDifference): string | null {
  if (2 * agreeing >= positions) return null;
  return `Note: rounding changed the most likely token at ${
    positions - agreeing
  } of ${positions} positions (KL divergence ${
    divergence.toPrecision(2)
  } nats): evaluate this model before it is used; 8 bits (export_quantization_bit=8, export_dtype=q8_0) keep more`;
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}

/**
 * Makes sure that an export computes what was tuned.
 * @returns The difference and its bound, human-readable
 * @throws {Error} If logits are further apart than `bound` of their range, or aren't numbers; nothing is published then
 */
export function checkDifference(difference: LogitDifference, bound: number, folder: string): string {
  const { largest, range } = difference;
  if (largest <= bound * range) return `${percent(largest / range)} of the range (bound ${percent(bound)})`;
  throw new Error(
    `Cannot export into ${folder} as what was written computes something else: logits differ by ${
      differenceText(difference)
    } (bound ${percent(bound)}). Nothing was put there`,
  );
}
