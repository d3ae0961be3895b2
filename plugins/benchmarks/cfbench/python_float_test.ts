/** Python's `float` on texts that judges may write after a tab. */
import { assertEquals } from "@std/assert";
import { pythonFloat } from "./python_float.ts";

// CPython 3.11: repr(float(text)), null where it raises a ValueError
const CASES: [text: string, number: number | undefined][] = [
  ["1", 1.0],
  ["0", 0.0],
  [" 1 ", 1.0],
  ["+1", 1.0],
  ["-0", -0.0],
  ["01", 1.0],
  ["1.", 1.0],
  ["1.0", 1.0],
  [".5", 0.5],
  ["1e0", 1.0],
  ["1E-0", 1.0],
  ["1_0", 10.0],
  ["1__0", undefined],
  ["_1", undefined],
  ["1_", undefined],
  ["1._0", undefined],
  ["\uff11", 1.0],
  ["\uff10", 0.0],
  ["\uff11\uff0e\uff10", undefined],
  ["\u0663", 3.0],
  ["\u06f1", 1.0],
  ["\ud835\udfcf", 1.0],
  ["\ud835\udfd8", 0.0],
  ["\u0967", 1.0],
  ["1\uff10", 10.0],
  ["0x1", undefined],
  ["", undefined],
  ["  ", undefined],
  ["inf", Infinity],
  ["-Infinity", -Infinity],
  ["nan", NaN],
  ["NaN", NaN],
  ["1 0", undefined],
  ["1,0", undefined],
  ["\u00bd", undefined],
  ["\u00b2", undefined],
  ["\u00a01\u3000", 1.0],
  ["\u001c1", undefined],
  ["\ufeff1", undefined],
  ["1e", undefined],
  ["e1", undefined],
  [".", undefined],
  ["-.5", -0.5],
  ["+ 1", undefined],
  ["\uff11_\uff10", 10.0],
  ["\ud835\udfce.\ud835\udfcf", 0.1],
];

for (const [text, number] of CASES) {
  Deno.test(`pythonFloat() reads ${JSON.stringify(text)} as Python does`, () => {
    assertEquals(pythonFloat(text), number);
  });
}
