/**
 * PiSSA (Meng et al. 2024): an adapter begins as the leading singular part of its module's weight, B₀ A₀ = U S Vᵀ / s, and the frozen
 * base is the rest, W − s B₀ A₀. What is saved is the LoRA upon W itself that computes the same, of twice the rank:
 * W − s B₀ A₀ + s B A = W + s [B | −B₀] [A ; A₀], as PEFT's `path_initial_model_for_weight_conversion` makes it.
 * @module
 */
import { float, item, valueOf } from "../../../../formats/elements.ts";
import type { WeightSource } from "../../../../formats/hf_model/mod.ts";
import {
  type LoraConfig,
  loraOf,
  type LoraTensors,
  matchTargets,
  type ModuleShapes,
  readAdapter,
} from "../../../../formats/peft/mod.ts";
import { fillNormal, stream } from "../../../../kernels/random/counter.ts";
import { type LeadingPart, leadingPart } from "./leading_part.ts";

/** A and B of a module. */
export type Pair = Pick<LoraTensors, "a" | "b">;

/** A₀ and B₀ by module. */
export type PissaStart = ReadonlyMap<string, Pair>;

/** How {@linkcode pissaStart} finds them. */
export interface PissaOptions {
  /** `pissa_iter`: subspace iterations, or −1: in full. */
  iterations: number;
  /** Of the random numbers that iterations begin with. */
  seed: number;
  /** Called before each module is worked upon, and at the end. */
  onModule?: (done: number, total: number) => void;
}

/**
 * Adapters that are the leading parts of their modules' weights.
 * @param weights Of the model with merged adapters, if any
 * @throws {RangeError} If a module has fewer singular values than the rank
 */
export async function pissaStart(
  lora: LoraConfig,
  weights: Pick<WeightSource, "read">,
  shapes: ModuleShapes,
  { iterations, seed, onModule }: PissaOptions,
): Promise<PissaStart> {
  const names = matchTargets(lora, [...shapes.keys()]), start = new Map<string, Pair>();
  for (const name of names) {
    onModule?.(start.size, names.length);
    // a turn for signals and progress
    await new Promise((resolve) => setTimeout(resolve));
    const [rows, columns] = valueOf(shapes, name), { r, scale } = loraOf(lora, name);
    if (r > Math.min(rows, columns)) {
      throw new RangeError(
        `Cannot begin from singular parts (pissa_init) as ${name} has ${
          Math.min(rows, columns)
        } of them: current value is lora_rank ${r}`,
      );
    }
    const random = new Float32Array(r * columns);
    if (iterations >= 0) fillNormal(random, { mean: 0, deviation: 1 }, { seed, of: stream(`pissa/${name}`) });
    const matrix = { values: weights.read(`${name}.weight`), rows, columns };
    start.set(name, halved(leadingPart(matrix, r, iterations < 0 ? null : { iterations, random }), scale));
  }
  onModule?.(names.length, names.length);
  return start;
}

/** A = √(S / s) Vᵀ, B = U √(S / s). */
function halved({ values, left, right }: LeadingPart, scale: number): Pair {
  const r = values.length, rows = item(left, 0).length, columns = item(right, 0).length;
  const a = new Float32Array(r * columns), b = new Float32Array(rows * r);
  values.forEach((value, k) => {
    const root = Math.sqrt(value / scale);
    item(right, k).forEach((v, j) => a[k * columns + j] = root * v);
    item(left, k).forEach((v, i) => b[i * r + k] = root * v);
  });
  return { a, b };
}

/** −B₀ with A₀: merged into W it leaves the rest. */
export function negated(start: PissaStart): Map<string, Pair> {
  return new Map([...start].map(([name, { a, b }]) => [name, { a, b: b.map((value) => -value) }]));
}

/** The configuration of the saved adapter: twice the rank at the same scale. */
export function convertedConfig(lora: LoraConfig): LoraConfig {
  return { ...lora, r: 2 * lora.r, alpha: lora.useRslora ? lora.alpha * Math.SQRT2 : 2 * lora.alpha };
}

/** `[A ; A₀]` and `[B | −B₀]`. */
export function converted(
  trained: ReadonlyMap<string, Pair>,
  start: PissaStart,
  r: number,
): Map<string, Pair> {
  return new Map([...trained].map(([name, { a, b }]) => {
    const first = valueOf(start, name), both = new Float32Array(2 * b.length);
    const merged = new Float32Array(2 * a.length);
    merged.set(a);
    merged.set(first.a, a.length);
    for (let i = 0; i < b.length; i++) {
      const index = 2 * (i - i % r) + i % r;
      both[index] = float(b, i);
      both[index + r] = -float(first.b, i);
    }
    return [name, { a: merged, b: both }];
  }));
}

/**
 * What {@linkcode converted} put together, read back.
 * @throws {RangeError} If the adapter isn't of twice the rank
 */
export function readConverted(
  directory: string,
  r: number,
  shapes: ModuleShapes,
  root: string | undefined,
): { trained: Map<string, Pair>; start: Map<string, Pair> } {
  const { config, modules } = readAdapter(directory, shapes, root);
  if (config.r !== 2 * r) {
    throw new RangeError(
      `Cannot go on from ${directory} with pissa_init: true as what it saves has twice lora_rank, ${
        2 * r
      }: current value is ${config.r}; ` +
        "it is of another run",
    );
  }
  const trained = new Map<string, Pair>(), start = new Map<string, Pair>();
  for (const [name, { a, b }] of modules) {
    const half = b.length / 2, own = { a: a.slice(0, a.length / 2), b: new Float32Array(half) };
    const first = { a: a.slice(a.length / 2), b: new Float32Array(half) };
    for (let i = 0; i < half; i++) {
      const index = 2 * (i - i % r) + i % r;
      own.b[i] = float(b, index);
      first.b[i] = -float(b, index + r);
    }
    trained.set(name, own);
    start.set(name, first);
  }
  return { trained, start };
}
