/**
 * Optimizers of an engine: AdamW where the tensors live. In the host's memory one loop in float64 passes over everything
 * once; on a device a kernel does it, and parameters, gradients and moments stay there.
 * @module
 */
import { AdamW, type AdamWOptions, takesWeightDecay, type Values } from "./adamw.ts";
import { measureGradients } from "./clip.ts";
import { DeviceOptimizer } from "./device_optimizer.ts";
import type { Parameters } from "./parameters.ts";

/** Named float arrays: optimizer moments as {@linkcode AdamW.state} names them. */
export type NamedArrays = Record<string, Values>;

/** Steps the trained tensors of an engine. */
export interface Optimizer {
  /**
   * Clips, steps and zeroes gradients. Gives their L2 norm before clipping.
   * @throws {RangeError} If a gradient isn't finite (the tensor is named); nothing was changed then.
   */
  step(learningRate: number, maxNorm: number): Promise<number>;
  /** Copies of moments and the number of steps. */
  state(): Promise<NamedArrays>;
  /** Takes over a state (copied). @throws {TypeError} If a tensor is missing, left over, or of another size. */
  restore(state: Readonly<NamedArrays>): void;
}

/** The optimizer that fits where a model's tensors live. */
export function makeOptimizer(parameters: Parameters, options: AdamWOptions): Optimizer {
  return parameters.backend.hostMemory
    ? new HostOptimizer(parameters, options)
    : new DeviceOptimizer(parameters.backend, parameters, options);
}

class HostOptimizer implements Optimizer {
  readonly #parameters: Parameters;
  readonly #adamw: AdamW;

  constructor(parameters: Parameters, options: AdamWOptions) {
    this.#parameters = parameters;
    const trained = [...parameters.trained.values()];
    this.#adamw = new AdamW(
      trained.map(({ name, values }) => ({ name, values: values!, decay: takesWeightDecay(name) })),
      options,
    );
  }

  async step(learningRate: number, maxNorm: number): Promise<number> {
    const gradients = await this.#parameters.gradients(), names = [...this.#parameters.trained.keys()];
    const { norm, factor } = measureGradients(
      gradients.map((values, i) => ({ name: names[i]!, values })),
      maxNorm,
    );
    this.#adamw.step(gradients, learningRate, factor);
    this.#parameters.publish();
    this.#parameters.zeroGradients();
    return norm;
  }

  state(): Promise<NamedArrays> {
    const copies = Object.entries(this.#adamw.state()).map(([name, values]) => [name, values.slice()]);
    return Promise.resolve(Object.fromEntries(copies));
  }

  restore(state: Readonly<NamedArrays>): void {
    this.#adamw.restore(state);
  }
}
