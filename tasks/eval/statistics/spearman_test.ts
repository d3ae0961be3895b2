import { assertAlmostEquals, assertEquals } from "@std/assert";
import { levelsOf, spearman, spearmanOfLevels } from "./spearman.ts";

Deno.test("spearman() ranks ties by their mean (by hand: 1 − 6·Σd²/(n(n²−1)) without ties)", () => {
  assertAlmostEquals(
    spearman([86, 97, 99, 100, 101, 103, 106, 110, 112, 113], [
      2,
      20,
      28,
      27,
      50,
      29,
      7,
      17,
      6,
      12,
    ])!,
    -29 / 165,
    1e-12,
  );
  assertAlmostEquals(spearman([1, 2, 2, 3], [1, 2, 2, 3])!, 1, 1e-12);
  assertEquals(spearman([1, 1], [1, 2]), null);
});

Deno.test("spearmanOfLevels() is spearman() of the pairs as often as they are there", () => {
  const [x, y] = [[3, -1, 3, 8, 0.5], [2, 2, 7, 1, 4]];
  const times = [2, 0, 1, 3, 1];
  const repeated = (values: number[]) =>
    values.flatMap((value, i) => new Array<number>(times[i]!).fill(value));
  const found = spearmanOfLevels(levelsOf(x), levelsOf(y), Float64Array.from(times));
  assertEquals(found, spearman(repeated(x), repeated(y)));
  // ranks by hand of (3,2) (3,2) (3,7) (8,1) (8,1) (8,1) (0.5,4)
  const [a, b] = [[3, 3, 3, 6, 6, 6, 1], [4.5, 4.5, 7, 2, 2, 2, 6]];
  const product = (u: number[], v: number[]) => u.reduce((sum, rank, i) => sum + (rank - 4) * (v[i]! - 4), 0);
  assertAlmostEquals(found!, product(a, b) / Math.sqrt(product(a, a) * product(b, b)), 1e-15);
});
