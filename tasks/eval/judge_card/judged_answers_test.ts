import { assertAlmostEquals } from "@std/assert";

import { JudgedAnswers } from "./judged_answers.ts";

Deno.test("a judge's biases are SciPy's correlations of exact scores: rounding ranks no equal difference above another", () => {
  const own = [[9, 5, 6], [6, 6, 9], [10, 8, 5], [5, 6, 7], [8, 7, 6], [5, 9, 9], [5, 5, 7], [7, 10, 8]];
  const others = [[6, 7, 8], [8, 5, 9], [9, 10, 9], [5, 6, 8], [8, 8, 10], [6, 10, 4], [4, 10, 10], [
    6,
    4,
    6,
  ]];
  const verdicts = (scores: readonly number[]) => scores.map((score) => ({ score }));
  const reference = { name: "people", scale: 10, verdicts: () => Promise.resolve(null) };
  const seen = new JudgedAnswers(10, reference);
  for (const [i, scores] of own.entries()) {
    seen.add("x".repeat(i + 1), verdicts(scores), verdicts(others[i]!));
  }
  const { lengthBias, positionBias } = seen.biases(0);
  // SciPy 1.17.1, spearmanr of lengths 1 to 8 with the sums of differences, of places with the differences, in whole numbers;
  // of the same as shares of the scale it is 0.0719 and −0.3039, as 0.9 − 0.6 is above 0.7 − 0.4 there
  assertAlmostEquals(lengthBias.value!, 0.14730858484207093, 1e-12);
  assertAlmostEquals(positionBias.value!, -0.29010919774034366, 1e-12);
});
