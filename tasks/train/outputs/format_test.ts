import { assertEquals } from "@std/assert";

import { hms, jsonLine, roundHalfEven, sortedJson } from "./format.ts";

Deno.test("roundHalfEven() gives what Python's round gives, ties included", () => {
  // Printed by Python 3: round(x, d).
  const cases: [x: number, digits: number, rounded: number][] = [
    [0.03125, 4, 0.0312],
    [0.09375, 4, 0.0938],
    [2.675, 2, 2.67],
    [0.5, 0, 0],
    [1.5, 0, 2],
    [2.5, 0, 2],
    [-0.03125, 4, -0.0312],
    [1.00005, 4, 1.0001],
    [3.125, 2, 3.12],
    [33.333333333, 2, 33.33],
    [0.69314718, 4, 0.6931],
    [123456.78905, 4, 123456.7891],
    [1e-9, 4, 0],
    [1e300, 4, 1e300],
  ];
  for (const [x, digits, rounded] of cases) {
    assertEquals(roundHalfEven(x, digits), rounded, `${x}, ${digits}`);
  }
});

Deno.test("hms() counts hours without limit", () => {
  assertEquals([0, 59.9, 3661, 90_000, NaN, -3].map(hms), [
    "0:00:00",
    "0:00:59",
    "1:01:01",
    "25:00:00",
    "0:00:00",
    "0:00:00",
  ]);
});

Deno.test("JSON is spelled as Python's json.dumps does", () => {
  assertEquals(
    jsonLine({ b: 1, a: "x", gone: null, too: undefined, n: 0.5 }),
    '{"b": 1, "a": "x", "n": 0.5}',
  );
  assertEquals(
    sortedJson({ b: [{ z: 1, y: 2 }], a: null }, 2),
    '{\n  "a": null,\n  "b": [\n    {\n      "y": 2,\n      "z": 1\n    }\n  ]\n}',
  );
});
