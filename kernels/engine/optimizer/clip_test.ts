import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { assertNear, flat, optimizerGolden } from "../../../tests/helpers/optimizer_goldens.ts";
import { clipFactor, globalNorm, measureGradients } from "./clip.ts";

Deno.test("globalNorm() and clipFactor() equal torch's clip_grad_norm_", () => {
  for (const c of optimizerGolden("clip").cases) {
    const gradients = Object.entries(c.grads).map(([name, g]) => ({
      name,
      values: Float64Array.from(flat(g)),
    }));
    const { norm, nonFinite } = globalNorm(gradients);
    if (c.name === "one not finite") {
      assertEquals(nonFinite, { name: "b", index: 2, value: NaN });
      const error = assertThrows(() => measureGradients(gradients, c.max_grad_norm), RangeError);
      assertStringIncludes(error.message, 'gradient of "b"');
      assertStringIncludes(error.message, "index 2 is NaN");
      continue;
    }
    assertNear([norm], flat(c.norm_before), { rtol: 1e-12, atol: 0 }, c.name);
    const { factor } = measureGradients(gradients, c.max_grad_norm);
    for (const { name, values } of gradients) {
      assertNear(
        values.map((g) => g * factor),
        flat(c.grads_after[name]),
        { rtol: 1e-12, atol: 0 },
        `${c.name} ${name}`,
      );
    }
  }
});

Deno.test("globalNorm() of float32 values too large to square in float32 is right", () => {
  const values = Float32Array.of(3e30, 4e30, 0, 0, 0);
  const { norm } = globalNorm([{ name: "w", values }]);
  assertNear([norm], [5e30], { rtol: 1e-6, atol: 0 }, "norm");
  assertEquals(
    globalNorm([{ name: "w", values: Float32Array.of(1, 2, 3, 4, -Infinity) }]).nonFinite?.index,
    4,
  );
  assertEquals(clipFactor(1e9, 0), 1);
  assertThrows(() => measureGradients([], -1), RangeError, "-1");
});
