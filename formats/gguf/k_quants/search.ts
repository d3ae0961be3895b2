/**
 * Scales of a group of values for codes of few bits, searched for as llama.cpp's reference quantisers do (ggml-quants.c, `make_qkx2_quants`,
 * `make_qx_quants`): a scale is tried by rounding with it, the best one for these codes follows by weighted least squares, and the one with the
 * smallest error stays. Every step is rounded to float32 in its order, so that the bytes are the same. The trials are vector code (trials.ts).
 * @module
 */
import { f32 } from "../../elements.ts";
import { wasmModule } from "../../simd/assemble.ts";
import { aroundZero, CODES, FOUND, MOST_VALUES, NUMERATORS, withMinimum } from "./trials.ts";

const round = Math.fround;

/** Below it, a group's values become 0 in any block, and float32 products of them would hang on how a thread takes subnormal numbers. */
const LEAST = 2 ** -30;

/** Adding it to a float32 rounds that to a whole number, halves to even. */
const WHOLE = 12582912;

/** The nearest whole number of a float32 of size below 2²², halves to even. */
export function nearestWhole(value: number): number {
  return round(value + WHOLE) - WHOLE;
}

/** Codes of a group: value ≈ scale · code − minimum. */
export interface Fit {
  scale: number;
  minimum: number;
}

/** What a search with a minimum tries: `(nmax + first + i · 0.1) / range`, i from 0 to `steps`. */
export interface Trials {
  readonly most: number;
  readonly first: number;
  readonly steps: number;
}

/** Groups that are searched at once. */
const TOGETHER = 4;

/** Tries the numerators that lie from one address to another. */
type VectorSearch = (from: number, unused: number, to: number) => void;

/** Vector code with its memory. */
class Search {
  readonly #memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  readonly #x = new Float32Array(this.#memory.buffer, 0, TOGETHER * MOST_VALUES);
  readonly #codes = new Float32Array(this.#memory.buffer, CODES, TOGETHER * MOST_VALUES);
  readonly #found = new Float32Array(this.#memory.buffer, FOUND, TOGETHER * MOST_VALUES);
  readonly #run: VectorSearch;
  readonly #end: number;

  constructor(code: ReturnType<typeof aroundZero>, numerators: readonly number[]) {
    const module = new WebAssembly.Module(wasmModule(code, 1));
    const { exports } = new WebAssembly.Instance(module, { in: { memory: this.#memory } });
    this.#run = exports[code.name] as VectorSearch;
    new Float32Array(this.#memory.buffer, NUMERATORS, numerators.length).set(numerators);
    this.#end = NUMERATORS + 4 * numerators.length;
  }

  /** Searches for four groups of `count` values from `at` on. */
  search(x: Float32Array, at: number, count: number): void {
    for (let group = 0; group < TOGETHER; group++) {
      for (let i = 0; i < count; i++) this.#x[TOGETHER * i + group] = f32(x, at + count * group + i);
    }
    this.#run(NUMERATORS, 0, this.#end);
  }

  /** Vector `place` of what was found, of a group. */
  found(place: number, group: number): number {
    return f32(this.#found, TOGETHER * place + group);
  }

  /** Codes of a group and `more`, from `at` on; 0 for what is no number. */
  take(
    group: number,
    codes: Uint8Array,
    { at, count, more }: { at: number; count: number; more: number },
  ): void {
    for (let i = 0; i < count; i++) codes[at + i] = f32(this.#codes, TOGETHER * i + group) + more;
  }
}

const searches = new Map<Trials | "zero", Search>();

/** Compiled when it is first asked for. */
function searchOf(trials: Trials | "zero"): Search {
  let found = searches.get(trials);
  if (found) return found;
  const tenths = (first: number, count: number) =>
    Array.from({ length: count }, (_, i) => round(round(0.1) * (first + i)));
  if (trials === "zero") {
    // the first trial stands, whatever its error; it comes in place of the one without tenths
    const others = [...tenths(-9, 9), ...tenths(1, 9)].map((more) => -round(32 + more));
    found = new Search(aroundZero(), [-32, ...others]);
  } else {
    const { most, first, steps } = trials;
    const others = tenths(0, steps + 1).map((more) => round(round(first + more) + most));
    found = new Search(withMinimum(most), [most, ...others]);
  }
  searches.set(trials, found);
  return found;
}

/**
 * Codes 0…`most` and a minimum for each 32 of the values, errors weighted by size + root mean square.
 * @param x `[n]`, n a multiple of 128
 * @param codes `[n]`, written
 */
export function fitsWithMinimum(x: Float32Array, codes: Uint8Array, trials: Trials): Fit[] {
  const search = searchOf(trials), count = 32, fits: Fit[] = [];
  for (let first = 0; first < x.length; first += TOGETHER * count) {
    search.search(x, first, count);
    for (let group = 0; group < TOGETHER; group++) {
      const at = first + count * group;
      const [size, least, largest, scale, minimum] = [0, 1, 2, 3, 4].map((place) =>
        search.found(place, group)
      ) as [
        number,
        number,
        number,
        number,
        number,
      ];
      const isZero = size < LEAST;
      if (isZero || largest === least) {
        codes.fill(0, at, at + count);
        fits.push({ scale: 0, minimum: isZero ? 0 : -least });
        continue;
      }
      search.take(group, codes, { at, count, more: 0 });
      fits.push({ scale, minimum: -minimum });
    }
  }
  return fits;
}

/**
 * The scale of each 16 of the values for codes −32…31, errors weighted by the values' squares; codes are written 32 above.
 * @param x `[n]`, n a multiple of 64
 * @returns They, of either sign
 */
export function fitsAroundZero(x: Float32Array, codes: Uint8Array): number[] {
  const search = searchOf("zero"), count = 16, scales: number[] = [];
  for (let first = 0; first < x.length; first += TOGETHER * count) {
    search.search(x, first, count);
    for (let group = 0; group < TOGETHER; group++) {
      const at = first + count * group, isZero = search.found(0, group) < LEAST;
      if (isZero) codes.fill(0, at, at + count);
      else search.take(group, codes, { at, count, more: 32 });
      scales.push(isZero ? 0 : search.found(1, group));
    }
  }
  return scales;
}
