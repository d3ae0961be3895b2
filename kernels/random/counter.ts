/**
 * Random numbers that depend on nothing but what they are for: Philox4x32-10 (Salmon et al. 2011, "Parallel random
 * numbers: as easy as 1, 2, 3"). There is no generator state: number i of a stream at a step is a function of
 * `(seed, stream, step, i)`, so that order of use, packing, threads and a resumed run can't change it.
 *
 * Key: the seed (53 bits). Counter: block of four numbers, step, and 64 bits of the stream's name.
 * @module
 */
import { createHash } from "node:crypto";
import { u32 } from "../../formats/elements.ts";

/** A named sequence of random numbers; two 32-bit words. Make with {@linkcode stream}. */
export type Stream = readonly [number, number];

/** Which numbers of a stream are drawn. */
export interface StreamPlace {
  /** Whole, in [0, 2^53). */
  seed: number;
  /** The stream. */
  of: Stream;
  /** Optimizer step, or another counter in [0, 2^32); another one gives other numbers. Absent: 0. */
  step?: number;
}

/** The stream of a name, such as "dropout/model.layers.0.self_attn.q_proj": the first 64 bits of its SHA-256. */
export function stream(name: string): Stream {
  const digest = createHash("sha256").update(name).digest();
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}

/** Philox4x32-10: four 32-bit words from a 128-bit counter and a 64-bit key, all as unsigned numbers. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  const words = new Uint32Array(4);
  fillWords(words, counter, key);
  return [u32(words, 0), u32(words, 1), u32(words, 2), u32(words, 3)];
}

/**
 * One number in [0, 1) with 53 random bits; `counter` and `step` are whole numbers in [0, 2^32).
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { stream, uniform } from "@dinotune/dinotune/kernels";
 *
 * const of = stream("my_plugin/order");
 * assertEquals(uniform(42, of, 3), uniform(42, of, 3));
 * assertEquals(uniform(42, of, 3) === uniform(42, of, 4), false);
 * ```
 */
export function uniform(seed: number, of: Stream, counter: number, step = 0): number {
  const [high, low] = philox([counter, step, of[0], of[1]], keyOf(seed));
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

/**
 * Fills with numbers uniform in [low, high], 24 random bits each.
 * @throws {RangeError} If the seed isn't a whole number in [0, 2^53).
 */
export function fillUniform(
  out: Float32Array,
  [low, high]: readonly [number, number],
  place: StreamPlace,
): void {
  const scale = (high - low) / 2 ** 24;
  // The middle of each of 2^24 cells, so that neither end is favoured.
  const offset = low + scale / 2;
  forEachChunk(out.length, place, (words, start, count) => {
    for (let i = 0; i < count; i++) out[start + i] = offset + (u32(words, i) >>> 8) * scale;
  });
}

/** Fills with numbers from the normal distribution (Box & Muller 1958). */
export function fillNormal(
  out: Float32Array,
  { mean, deviation }: { mean: number; deviation: number },
  place: StreamPlace,
): void {
  forEachChunk(out.length, place, (words, start, count) => {
    for (let i = 0; i < count; i += 2) {
      const radius = deviation * Math.sqrt(-2 * Math.log((u32(words, i) + 0.5) / 2 ** 32));
      const angle = 2 * Math.PI * ((u32(words, i + 1) + 0.5) / 2 ** 32);
      out[start + i] = mean + radius * Math.cos(angle);
      if (i + 1 < count) out[start + i + 1] = mean + radius * Math.sin(angle);
    }
  });
}

/**
 * Inverted dropout: each entry 0 with probability `rate`, else 1 / (1 − rate), so that the mean is 1.
 * @param rate in [0, 1).
 * @throws {RangeError} If `rate` or the seed is out of range.
 */
export function dropoutMask(out: Float32Array, rate: number, place: StreamPlace): void {
  if (!(rate >= 0 && rate < 1)) {
    throw new RangeError(`Cannot make a dropout mask as it needs a rate in [0, 1): current value is ${rate}`);
  }
  // 31 bits, so that the comparison is the sign of a 32-bit difference: a branch here would be mispredicted.
  const threshold = Math.min(2 ** 31 - 1, Math.round(rate * 2 ** 31));
  const keep = 1 / (1 - rate);
  forEachChunk(out.length, place, (words, start, count) => {
    for (let i = 0; i < count; i++) out[start + i] = keep * (1 + (((u32(words, i) >>> 1) - threshold) >> 31));
  });
}

/**
 * LoRA's A as PEFT initialises it: kaiming_uniform with a = √5, which is U(±1/√fan_in). Its stream is the tensor's name,
 * so a layer's start doesn't depend on which other layers are trained.
 * @param fanIn number of inputs of the linear layer, >= 1.
 * @throws {RangeError} If `fanIn` isn't a whole number >= 1, or the seed none in [0, 2^53)
 */
export function kaimingUniformA(out: Float32Array, fanIn: number, seed: number, name: string): void {
  if (!(Number.isSafeInteger(fanIn) && fanIn >= 1)) {
    throw new RangeError(`Cannot initialise "${name}" as it needs a fan-in >= 1: current value is ${fanIn}`);
  }
  const bound = 1 / Math.sqrt(fanIn);
  fillUniform(out, [-bound, bound], { seed, of: stream(`init/${name}`) });
}

/** Hands `use` the stream's words in chunks that fit a cache; chunks but the last hold an even number. */
function forEachChunk(
  length: number,
  { seed, of, step = 0 }: StreamPlace,
  use: (words: Uint32Array, start: number, count: number) => void,
): void {
  const key = keyOf(seed);
  const words = new Uint32Array(Math.min(CHUNK, Math.ceil(length / 4) * 4));
  for (let start = 0; start < length; start += CHUNK) {
    const count = Math.min(CHUNK, length - start);
    const blocks = Math.ceil(count / 4);
    fillWords(words.subarray(0, blocks * 4), [start / 4, step, of[0], of[1]], key);
    use(words, start, count);
  }
}

const CHUNK = 4096;

function keyOf(seed: number): [number, number] {
  if (!(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new RangeError(
      `Cannot draw numbers as it needs a whole seed in [0, 2^53): current value is ${seed}`,
    );
  }
  return [seed >>> 0, Math.floor(seed / 2 ** 32)];
}

/** Fills `words` (a multiple of four) with the blocks of counters c0, c0 + 1, … */
function fillWords(
  words: Uint32Array,
  counter: readonly [number, number, number, number],
  [k0, k1]: readonly [number, number],
): void {
  let [c0] = counter;
  const [, c1, c2, c3] = counter;
  for (let i = 0; i < words.length; i += 4, c0++) {
    let x0 = c0 | 0, x1 = c1 | 0, x2 = c2 | 0, x3 = c3 | 0, key0 = k0 | 0, key1 = k1 | 0;
    for (let round = 0; round < 10; round++) {
      // High words of the 64-bit products 0xD2511F53·x0 and 0xCD9E8D57·x2, from 16-bit halves: JS has no such product.
      let low = x0 & 0xffff, high = x0 >>> 16;
      let t = (Math.imul(high, 0x1f53) + (Math.imul(low, 0x1f53) >>> 16)) | 0;
      let u = (Math.imul(low, 0xd251) + (t & 0xffff)) | 0;
      const high0 = (Math.imul(high, 0xd251) + (t >>> 16) + (u >>> 16)) | 0;
      const low0 = Math.imul(x0, 0xd2511f53);
      low = x2 & 0xffff;
      high = x2 >>> 16;
      t = (Math.imul(high, 0x8d57) + (Math.imul(low, 0x8d57) >>> 16)) | 0;
      u = (Math.imul(low, 0xcd9e) + (t & 0xffff)) | 0;
      const high2 = (Math.imul(high, 0xcd9e) + (t >>> 16) + (u >>> 16)) | 0;
      const low2 = Math.imul(x2, 0xcd9e8d57);
      x0 = high2 ^ x1 ^ key0;
      x1 = low2;
      x2 = high0 ^ x3 ^ key1;
      x3 = low0;
      key0 = (key0 + 0x9e3779b9) | 0;
      key1 = (key1 + 0xbb67ae85) | 0;
    }
    words[i] = x0;
    words[i + 1] = x1;
    words[i + 2] = x2;
    words[i + 3] = x3;
  }
}
