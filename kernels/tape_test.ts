import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";

import { constant, gradients, logSigmoid, mean, relu, type Scalar, sigmoid, variable } from "./tape.ts";

/** Slope of `f` at x by Richardson's extrapolation of central differences, good to about 1e-10 of its size. */
function slope(f: (x: number) => number, x: number): number {
  const h = 1e-3 * Math.max(1, Math.abs(x));
  const slope = (step: number) => (f(x + step) - f(x - step)) / (2 * step);
  return (4 * slope(h / 2) - slope(h)) / 3;
}

const UNARY: [name: string, f: (x: Scalar) => Scalar, points: number[]][] = [
  ["neg", (x) => x.neg(), [-2, 3]],
  ["square", (x) => x.square(), [-2, 3]],
  ["exp", (x) => x.exp(), [-2, 0, 1.5]],
  ["log", (x) => x.log(), [0.3, 1, 7]],
  ["log1p", (x) => x.log1p(), [-0.4, 0, 5]],
  ["log1mExp", (x) => x.log1mExp(), [-0.1, -0.7, -3]],
  ["sigmoid", sigmoid, [-4, -0.2, 0, 1, 6]],
  ["logSigmoid", logSigmoid, [-4, -0.2, 0, 1, 6]],
  ["relu", relu, [-1.5, 2]],
  ["x plus itself", (x) => x.plus(x), [1.7]],
  ["x times itself", (x) => x.times(x), [1.7]],
  ["x over (x + 2)", (x) => x.dividedBy(x.plus(2)), [1.7, -5]],
  ["3 - x", (x) => constant(3).minus(x), [2]],
  ["max with 1", (x) => x.max(1), [0, 2]],
  ["min with 1", (x) => x.min(1), [0, 2]],
  ["mean of x, x², 4", (x) => mean([x, x.square(), constant(4)]), [1.2]],
];

for (const [name, f, points] of UNARY) {
  Deno.test(`gradients() of ${name} equals central differences`, () => {
    for (const x of points) {
      const v = variable(x);
      const [actual] = gradients(f(v), [v]);
      const expected = slope((t) => f(variable(t)).value, x);
      assert(
        Math.abs(actual! - expected) <= 1e-7 * Math.abs(expected) + 1e-9,
        `at ${x}: ${actual}, central differences ${expected}`,
      );
    }
  });
}

Deno.test("gradients() follows every path of a shared value once", () => {
  // f = (x + y)² · x: df/dx = 2(x + y)x + (x + y)², df/dy = 2(x + y)x, by hand at x = 2, y = 3.
  const x = variable(2), y = variable(3), unused = variable(9);
  const f = x.plus(y).square().times(x);
  assertEquals(f.value, 50);
  assertEquals(gradients(f, [x, y, unused]), [45, 20, 0]);
});

Deno.test("gradients() of a chain of 200,000 steps doesn't overflow the stack", () => {
  const x = variable(1);
  let sum = x;
  for (let i = 0; i < 200_000; i++) sum = sum.plus(x);
  assertEquals(gradients(sum, [x]), [200_001]);
});

Deno.test("JavaScript's operators and texts in a formula are refused: they would make NaN, or no gradient", () => {
  // what a person who writes JavaScript, and no types, may write
  const a = variable(2) as unknown as number, b = variable(1) as unknown as number;
  for (const wrong of [() => a - b, () => -a, () => a > b, () => a * 2, () => Math.exp(a), () => `${a}`]) {
    assertThrows(
      wrong,
      TypeError,
      "operators as they make no gradient: write a.plus(b), minus, times, dividedBy",
    );
  }
  assertThrows(
    () => variable(2).plus("1" as unknown as number),
    TypeError,
    'as a Scalar or a number is needed: current value is "1"',
  );
});

Deno.test("logSigmoid() and sigmoid() keep their digits from -1e3 to 1e3", () => {
  // Far below 0: log σ(z) = z and slope 1; far above: log σ(z) = -e^-z to first order and slope e^-z.
  for (
    const [z, value, derivative] of [[-1e3, -1e3, 1], [-745, -745, 1], [
      36.5,
      -Math.exp(-36.5),
      Math.exp(-36.5),
    ]]
  ) {
    const x = variable(z!);
    const y = logSigmoid(x);
    assertAlmostEquals(y.value, value!, 1e-15 * Math.abs(value!));
    assertAlmostEquals(gradients(y, [x])[0]!, derivative!, 1e-14 * derivative!);
  }
  assertAlmostEquals(logSigmoid(constant(36.5)).value, -1.4068617124461467e-16, 1e-30);
  assertEquals(Math.abs(logSigmoid(constant(1e3)).value), 0);
  assertEquals(sigmoid(constant(-1e3)).value, 0);
  assertEquals(sigmoid(constant(1e3)).value, 1);
  assertAlmostEquals(sigmoid(constant(-700)).value, Math.exp(-700), 1e-14 * Math.exp(-700));
  for (const z of [-1e3, 1e3]) {
    const x = variable(z);
    assert(gradients(sigmoid(x), [x]).every(Number.isFinite));
  }
});

Deno.test("log1mExp() is exact near 0 and far below, -Infinity at 0", () => {
  assertAlmostEquals(variable(-1e-9).log1mExp().value, Math.log(1e-9) - 5e-10, 1e-14); // log(x - x²/2) by series
  assertAlmostEquals(variable(-50).log1mExp().value, -Math.exp(-50), 1e-35);
  const far = variable(-1e3);
  assertEquals(gradients(far.log1mExp(), [far]).map(Math.abs), [0]);
  assertEquals(variable(0).log1mExp().value, -Infinity);
});

Deno.test("max(), min() and relu() keep NaN, which a comparison alone would hide", () => {
  assert(Number.isNaN(variable(NaN).max(1).value));
  assert(Number.isNaN(variable(1).min(NaN).value));
  assert(Number.isNaN(relu(variable(NaN)).value));
});

Deno.test("gradients(): an infinite slope behind the branch not taken doesn't turn the gradient into NaN", () => {
  const x = variable(0);
  assertEquals(gradients(x.plus(5).max(x.log()), [x]), [1]);
});

Deno.test("relu() has slope 0 at 0, as PyTorch's has", () => {
  for (const [at, slope] of [[-1, 0], [0, 0], [1e-300, 1]] as const) {
    const x = variable(at);
    assertEquals(gradients(relu(x), [x]), [slope]);
  }
});
