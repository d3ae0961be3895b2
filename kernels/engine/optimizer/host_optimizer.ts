/**
 * AdamW in the host's memory: one float64 loop over everything a step.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { rateFactor, takesWeightDecay } from "../weights/parameter_groups.ts";
import { AdamW, type AdamWOptions } from "./adamw.ts";
import { measureGradients } from "./clip.ts";
import type { NamedArrays, Optimizer } from "./optimizer.ts";
import type { Parameters } from "../weights/parameters.ts";

/** Steps trained tensors that lie in the host's memory. */
export class HostOptimizer implements Optimizer {
  readonly #parameters: Parameters;
  readonly #adamw: AdamW;

  constructor(parameters: Parameters, options: AdamWOptions) {
    this.#parameters = parameters;
    const trained = [...parameters.trained.values()].map(({ name, values }) => {
      if (!values) throw new TypeError(`Cannot step "${name}" on the host: it isn't in the host's memory`);
      return { name, values, decay: takesWeightDecay(name), rate: rateFactor(name, options) };
    });
    this.#adamw = new AdamW(trained, options);
  }

  async step(learningRate: number, maxNorm: number): Promise<number> {
    const gradients = await this.#parameters.gradients(), names = [...this.#parameters.trained.keys()];
    const { norm, factor } = measureGradients(
      gradients.map((values, i) => ({ name: item(names, i), values })),
      maxNorm,
    );
    this.#adamw.step(gradients, learningRate, factor);
    this.#parameters.publish();
    this.#parameters.tuned.zeroGradients();
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
