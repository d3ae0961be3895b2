/**
 * Trained tensors on a backend with the sums of their gradients. Where tensors may be parts of others, they lie in {@linkcode Stretch}es, values in one
 * tensor and gradients in another: a step is a few dispatches then, and gradients are cleared by one command a stretch.
 * @module
 */
import { valueOf } from "../../../formats/elements.ts";
import type { Backend, Tensor, TensorParts } from "../../backend.ts";
import { type Stretch, stretchesOf, type StretchPart } from "./stretches.ts";

/** One trained tensor. */
export interface Trained {
  name: string;
  shape: readonly number[];
  /** The tensor's values where tensors live in the host's memory (there an optimizer changes them), else null. */
  values: Float32Array<ArrayBuffer> | null;
  tensor: Tensor;
  /** Sum of gradients so far; null: zero. */
  gradient: Tensor | null;
}

/** The tensors of a device that are trained, as an optimizer steps them. */
export interface SteppedTensors {
  readonly stretches: readonly Stretch[];
  /** Values and sum of gradients of a stretch; gradients are read only. */
  ofStretch(stretch: Stretch): { values: Tensor; gradient: Tensor };
  zeroGradients(): void;
  /** A tensor that was made anew takes the place of a stretch that is one tensor alone; the old one is disposed of. */
  replace(stretch: Stretch, tensor: Tensor): void;
}

/** Trained tensors by name. */
export class TrainedTensors implements SteppedTensors {
  readonly all = new Map<string, Trained>();
  readonly stretches: readonly Stretch[];
  readonly #parts: TensorParts | null;
  /** By stretch; gradients are there once they were asked for. */
  readonly #whole = new Map<Stretch, { values: Tensor; gradient: Tensor | null }>();
  readonly #places = new Map<string, { stretch: Stretch; part: StretchPart }>();
  /** One tensor of zeros a shape, for programs that add to a gradient that is still zero. */
  readonly #zeros = new Map<string, Tensor>();
  /** True if gradients that lie side by side may be other than zero. */
  #written = false;

  /** @param shapes Of everything that is trained, by name; values are put there one by one. */
  constructor(readonly backend: Backend, shapes: ReadonlyMap<string, readonly number[]>) {
    this.#parts = backend.parts ?? null;
    this.stretches = stretchesOf(shapes, this.#parts !== null);
    for (const stretch of this.stretches) {
      for (const part of stretch.parts) this.#places.set(part.name, { stretch, part });
    }
  }

  /** Puts the values of a tensor there. */
  put(name: string, values: Float32Array<ArrayBuffer>): void {
    const { stretch, part: { shape, first } } = valueOf(this.#places, name), { backend } = this;
    const tensor = this.#parts
      ? this.#parts.of(this.#valuesOf(stretch, this.#parts), first, shape)
      : backend.upload(values, shape);
    if (this.#parts) backend.write(tensor, values);
    this.all.set(name, {
      name,
      shape,
      values: backend.hostMemory ? values : null,
      tensor,
      gradient: null,
    });
  }

  /** Sum of gradients of a tensor so far. Read it only. */
  gradient(name: string): Tensor {
    const { gradient, shape } = valueOf(this.all, name);
    const found = this.#gradientPart(name) ?? gradient;
    if (found) return found;
    const key = String(shape), zero = this.#zeros.get(key) ?? this.backend.zeros(shape);
    this.#zeros.set(key, zero);
    return zero;
  }

  /** Where the next sum of gradients of a tensor is to be written; null: in memory of its own. */
  gradientPlace(name: string): Tensor | null {
    return this.#gradientPart(name) ?? (this.backend.inPlace ? valueOf(this.all, name).gradient : null);
  }

  /** A program's `d.X`, in which `acc.X` is already contained, becomes the gradient of a tensor. @throws {Error} If it had to be written in its place */
  setGradient(name: string, sum: Tensor): void {
    this.#written = true;
    const entry = valueOf(this.all, name);
    if (this.#parts && entry.gradient !== sum) {
      throw new Error(`Cannot take a sum of gradients of "${name}" as it needs to be written in its place`);
    }
    if (entry.gradient !== sum) entry.gradient?.dispose();
    entry.gradient = sum;
  }

  zeroGradients(): void {
    if (this.#parts) {
      if (!this.#written) return;
      this.#written = false;
      for (const { gradient } of this.#whole.values()) if (gradient) this.#parts.clear(gradient);
      return;
    }
    for (const entry of this.all.values()) {
      entry.gradient?.dispose();
      entry.gradient = null;
    }
  }

  ofStretch(stretch: Stretch): { values: Tensor; gradient: Tensor } {
    const whole = this.#parts && this.#wholeOf(stretch, this.#parts);
    return whole ?? { values: valueOf(this.all, stretch.name).tensor, gradient: this.gradient(stretch.name) };
  }

  replace({ name }: Stretch, tensor: Tensor): void {
    const entry = valueOf(this.all, name);
    entry.tensor.dispose();
    entry.tensor = tensor;
  }

  #gradientPart(name: string): Tensor | null {
    const entry = valueOf(this.all, name);
    if (!this.#parts || entry.gradient) return entry.gradient;
    const { stretch, part: { first } } = valueOf(this.#places, name);
    return entry.gradient = this.#parts.of(this.#wholeOf(stretch, this.#parts).gradient, first, entry.shape);
  }

  #wholeOf(stretch: Stretch, parts: TensorParts): { values: Tensor; gradient: Tensor } {
    const values = this.#valuesOf(stretch, parts), known = this.#whole.get(stretch)?.gradient;
    const gradient = known ?? parts.zeros(stretch.shape);
    if (!known) this.#whole.set(stretch, { values, gradient });
    return { values, gradient };
  }

  #valuesOf(stretch: Stretch, parts: TensorParts): Tensor {
    const known = this.#whole.get(stretch);
    if (known) return known.values;
    const values = parts.zeros(stretch.shape);
    this.#whole.set(stretch, { values, gradient: null });
    return values;
  }
}
