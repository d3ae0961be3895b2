/**
 * A scalar reverse-mode tape in float64: what a loss formula is written with, so that its author writes no gradient.
 *
 * Every operation makes a new {@linkcode Scalar} that remembers what it was made from and the partial derivatives;
 * {@linkcode gradients} walks back from the loss. There is no global state: a formula's values are the tape.
 *
 * @example A formula and its gradient
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { gradients, logSigmoid, variable } from "./tape.ts";
 *
 * const chosen = variable(2), rejected = variable(1);
 * const loss = logSigmoid(chosen.minus(rejected).times(0.1)).neg();
 * assertAlmostEquals(loss.value, Math.log1p(Math.exp(-0.1)), 1e-15);
 * const [toChosen, toRejected] = gradients(loss, [chosen, rejected]);
 * assertAlmostEquals(toChosen!, -0.1 / (1 + Math.exp(0.1)), 1e-15);
 * assertAlmostEquals(toRejected!, 0.1 / (1 + Math.exp(0.1)), 1e-15);
 * ```
 * @module
 */
import { shown } from "../formats/message.ts";

/** A formula computes with a value of the tape as JavaScript does with numbers: it has no gradient, whatever the data. */
export class TapeFault extends TypeError {}

/** A number with a history. Immutable: every method gives a new one. Arguments may be plain numbers (constants). */
export class Scalar {
  /** The number without its history. */
  readonly value: number;
  /** Scalars it was computed from; empty for variables and constants. */
  readonly inputs: readonly Scalar[];
  /** Its derivative by each of `inputs`. */
  readonly partials: readonly number[];

  /** Prefer {@linkcode variable}, {@linkcode constant} and the methods; `inputs` and `partials` are as long as another. */
  constructor(value: number, inputs: readonly Scalar[] = [], partials: readonly number[] = []) {
    this.value = value;
    this.inputs = inputs;
    this.partials = partials;
  }

  /**
   * JavaScript's operators make no history: `a - b` would be NaN, and `a > b` always false.
   * @throws {TapeFault} Always
   */
  [Symbol.toPrimitive](): never {
    throw new TapeFault(
      "Cannot compute with a value of the tape by JavaScript's operators as they make no gradient: write a.plus(b), minus, times, dividedBy, " +
        `or a.value for its number alone: current value is ${this.value}`,
    );
  }

  /** This + other. */
  plus(other: Scalar | number): Scalar {
    const b = toScalar(other);
    return new Scalar(this.value + b.value, [this, b], [1, 1]);
  }

  /** This − other. */
  minus(other: Scalar | number): Scalar {
    const b = toScalar(other);
    return new Scalar(this.value - b.value, [this, b], [1, -1]);
  }

  /** This · other. */
  times(other: Scalar | number): Scalar {
    const b = toScalar(other);
    return new Scalar(this.value * b.value, [this, b], [b.value, this.value]);
  }

  /** This / other; not finite where `other` is 0. */
  dividedBy(other: Scalar | number): Scalar {
    const b = toScalar(other);
    const value = this.value / b.value;
    return new Scalar(value, [this, b], [1 / b.value, -value / b.value]);
  }

  /** The number with the other sign. */
  neg(): Scalar {
    return new Scalar(-this.value, [this], [-1]);
  }

  /** The square; more exact than a difference of products. */
  square(): Scalar {
    return new Scalar(this.value * this.value, [this], [2 * this.value]);
  }

  /** e to the power of it. */
  exp(): Scalar {
    const value = Math.exp(this.value);
    return new Scalar(value, [this], [value]);
  }

  /** Natural logarithm. */
  log(): Scalar {
    return new Scalar(Math.log(this.value), [this], [1 / this.value]);
  }

  /** log(1 + x), exact near 0. */
  log1p(): Scalar {
    return new Scalar(Math.log1p(this.value), [this], [1 / (1 + this.value)]);
  }

  /** log(1 - exp x) for x < 0, exact near 0 and for x far below 0 (Mächler 2012); -Infinity at 0, NaN above. */
  log1mExp(): Scalar {
    const x = this.value;
    const value = x > -Math.LN2 ? Math.log(-Math.expm1(x)) : Math.log1p(-Math.exp(x));
    return new Scalar(value, [this], [-1 / Math.expm1(-x)]);
  }

  /** The larger one; where both are equal the gradient goes to this one. */
  max(other: Scalar | number): Scalar {
    return choose(this, toScalar(other), (a, b) => a >= b);
  }

  /** The smaller one; where both are equal the gradient goes to this one. */
  min(other: Scalar | number): Scalar {
    return choose(this, toScalar(other), (a, b) => a <= b);
  }
}

/** A number that {@linkcode gradients} can be asked about. */
export function variable(value: number): Scalar {
  return new Scalar(value);
}

/** A number with no gradient of its own; plain numbers do as well wherever a method takes one. */
export function constant(value: number): Scalar {
  return new Scalar(value);
}

/** 1 / (1 + e^-x), with no overflow: exact to the last digits at x = ±1e3. */
export function sigmoid(x: Scalar): Scalar {
  const value = sigmoidOf(x.value);
  return new Scalar(value, [x], [value * sigmoidOf(-x.value)]);
}

/** log(1 / (1 + e^-x)): x itself far below 0, -e^-x (never rounded to 0 before x = 745) far above. */
export function logSigmoid(x: Scalar): Scalar {
  const value = x.value >= 0 ? -Math.log1p(Math.exp(-x.value)) : x.value - Math.log1p(Math.exp(x.value));
  return new Scalar(value, [x], [sigmoidOf(-x.value)]);
}

/** max(0, x), with slope 0 at 0 as in PyTorch. NaN stays NaN. */
export function relu(x: Scalar): Scalar {
  return new Scalar(x.value <= 0 ? 0 : x.value, [x], [x.value <= 0 ? 0 : 1]);
}

/** The mean of one or more. */
export function mean(terms: readonly Scalar[]): Scalar {
  const sum = terms.reduce((total, term) => total + term.value, 0);
  return new Scalar(sum / terms.length, terms, terms.map(() => 1 / terms.length));
}

/**
 * d loss / d variable for each of `variables`, 0 for one that the loss doesn't depend on. A branch whose derivative is
 * exactly 0 passes nothing on, so that an infinite partial behind an unused branch of `max` can't make it NaN.
 */
export function gradients(loss: Scalar, variables: readonly Scalar[]): number[] {
  const adjoints = new Map<Scalar, number>([[loss, 1]]);
  for (const node of consumersFirst(loss)) {
    const adjoint = adjoints.get(node) ?? 0;
    if (adjoint === 0) continue;
    node.inputs.forEach((input, i) => {
      const partial = node.partials[i] ?? 0;
      if (partial !== 0) adjoints.set(input, (adjoints.get(input) ?? 0) + adjoint * partial);
    });
  }
  return variables.map((v) => adjoints.get(v) ?? 0);
}

/** Every node below `root`, each after all nodes that use it. A stack of its own: long chains don't overflow the call stack. */
function consumersFirst(root: Scalar): Scalar[] {
  const finished: Scalar[] = [];
  const seen = new Set<Scalar>([root]);
  const stack: { node: Scalar; next: number }[] = [{ node: root, next: 0 }];
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    const input = top.node.inputs[top.next++];
    if (input === undefined) {
      finished.push(top.node);
      stack.pop();
    } else if (!seen.has(input)) {
      seen.add(input);
      stack.push({ node: input, next: 0 });
    }
  }
  return finished.reverse();
}

function toScalar(x: Scalar | number): Scalar {
  if (x instanceof Scalar) return x;
  if (typeof x === "number") return new Scalar(x);
  throw new TapeFault(
    `Cannot compute with a value of the tape and another one as a Scalar or a number is needed: current value is ${
      shown(x)
    }`,
  );
}

/** One of two; NaN on either side gives NaN, as a comparison alone would hide it. */
function choose(a: Scalar, b: Scalar, first: (a: number, b: number) => boolean): Scalar {
  if (Number.isNaN(a.value) || Number.isNaN(b.value)) return new Scalar(NaN, [a, b], [NaN, NaN]);
  return first(a.value, b.value) ? new Scalar(a.value, [a], [1]) : new Scalar(b.value, [b], [1]);
}

function sigmoidOf(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}
