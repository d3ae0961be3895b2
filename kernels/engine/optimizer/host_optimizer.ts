/**
 * Steps in the host's memory: float64 loops over everything, by whichever rule.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { rateFactor, takesWeightDecay } from "../weights/parameter_groups.ts";
import { checkOptions } from "./adamw.ts";
import { measureGradients } from "./clip.ts";
import type { NamedArrays, Optimizer } from "./optimizer.ts";
import type { Parameters } from "../weights/parameters.ts";
import { type OptimizerOptions, ruleOf } from "./rules.ts";
import { TensorStepper } from "./tensor_stepper.ts";

/** Steps trained tensors that lie in the host's memory. */
export class HostOptimizer implements Optimizer {
  readonly #parameters: Parameters;
  readonly #stepper: TensorStepper;

  /** @throws {RangeError} If an option is out of range. */
  constructor(parameters: Parameters, options: OptimizerOptions) {
    checkOptions(options);
    this.#parameters = parameters;
    const trained = [...parameters.trained.values()].map(({ name, values, shape }) => {
      if (!values) throw new TypeError(`Cannot step "${name}" on the host: it isn't in the host's memory`);
      return { name, values, shape, decay: takesWeightDecay(name), rate: rateFactor(name, options) };
    });
    this.#stepper = new TensorStepper(trained, ruleOf(options), options.weightDecay);
  }

  async step(learningRate: number, maxNorm: number): Promise<number> {
    const gradients = await this.#parameters.gradients(), names = [...this.#parameters.trained.keys()];
    const { norm, factor } = measureGradients(
      gradients.map((values, i) => ({ name: item(names, i), values })),
      maxNorm,
    );
    this.#stepper.step(gradients, learningRate, factor);
    this.#parameters.publish();
    this.#parameters.tuned.zeroGradients();
    return norm;
  }

  state(): Promise<NamedArrays> {
    const copies = Object.entries(this.#stepper.state()).map(([name, values]) => [name, values.slice()]);
    return Promise.resolve(Object.fromEntries(copies));
  }

  restore(state: Readonly<NamedArrays>): void {
    this.#stepper.restore(state);
  }
}
