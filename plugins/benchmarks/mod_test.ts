import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Plugin } from "../kinds/plugin.ts";
import { judges } from "../judges/mod.ts";
import { benchmarks } from "./mod.ts";
import { Registry } from "../registry.ts";

Deno.test("every benchmark makes a product from validated options, with rules or a protocol, never both", () => {
  assertEquals(benchmarks.map((plugin) => `${plugin.kind}/${plugin.name}`), [
    "benchmark/trace",
    "benchmark/ifeval",
    "benchmark/ifbench",
    "benchmark/cfbench",
    "benchmark/constraints",
    "benchmark/rows",
  ]);
  for (const plugin of benchmarks as readonly Plugin<"benchmark">[]) {
    for (const [name, option] of Object.entries(plugin.options.shape)) {
      assert((option as { description?: string }).description, `${plugin.name}.${name} has no description`);
    }
    const product = new Registry([plugin, ...judges]).create("benchmark", plugin.name, {
      path: "unused.json",
    });
    assert((product.check === undefined) !== (product.protocol === undefined), plugin.name);
    assertThrows(() => plugin.options.parse({ pathh: "x" }));
  }
});
