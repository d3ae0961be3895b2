/**
 * Rules that look at one number at a time, as torch.optim computes them with its defaults, which is how transformers' Trainer makes them. Their weight decay is
 * added to the gradient: g ← g + wd · p.
 *
 * ```text
 * SGD      p ← p − lr · g
 * Adagrad  s ← s + g²                 p ← p − lr · g / (√s + 1e-10)
 * RMSprop  s ← 0.99 s + 0.01 g²       p ← p − lr · g / (√s + 1e-8)
 * ```
 * @module
 */
import { entryOf, float } from "../../../formats/elements.ts";
import type { UpdateRule } from "./rule.ts";

/** Stochastic gradient descent without momentum; keeps nothing. */
export const sgd: UpdateRule = Object.freeze<UpdateRule>({
  name: "SGD",
  states: () => ({}),
  update({ values, gradient }, { rate, weightDecay, gradientScale }) {
    for (let j = 0; j < values.length; j++) {
      const p = float(values, j);
      values[j] = p - rate * (float(gradient, j) * gradientScale + weightDecay * p);
    }
  },
});

/** Adagrad (Duchi, Hazan & Singer 2011). */
export const adagrad: UpdateRule = bySquares({
  name: "Adagrad",
  state: "sum",
  epsilon: 1e-10,
  next: (sum, square) => sum + square,
});

/** RMSprop (Tieleman & Hinton 2012). */
export const rmsprop: UpdateRule = bySquares({
  name: "RMSprop",
  state: "square_avg",
  epsilon: 1e-8,
  next: (average, square) => 0.99 * average + 0.01 * square,
});

function bySquares(
  { name, state, epsilon, next }: {
    name: string;
    state: string;
    epsilon: number;
    next: (kept: number, square: number) => number;
  },
): UpdateRule {
  return Object.freeze<UpdateRule>({
    name,
    states: (shape) => ({ [state]: shape.reduce((product, axis) => product * axis, 1) }),
    update({ values, gradient, states }, { rate, weightDecay, gradientScale }) {
      const kept = entryOf(states, state);
      for (let j = 0; j < values.length; j++) {
        const p = float(values, j), g = float(gradient, j) * gradientScale + weightDecay * p;
        const square = next(float(kept, j), g * g);
        kept[j] = square;
        values[j] = p - rate * g / (Math.sqrt(square) + epsilon);
      }
    },
  });
}
