/** Merged weights against PEFT's own (fixtures/goldens/peft). */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";

import { SafetensorsFile } from "../safetensors/mod.ts";
import { mergedWeights, type ModuleShapes, readAdapter } from "./mod.ts";

const golden = (path: string) =>
  decodeURIComponent(new URL(`../../fixtures/goldens/${path}`, import.meta.url).pathname);

for (const variant of ["rslora", "patterns"]) {
  Deno.test(`mergedWeights() equals PEFT's merge (${variant})`, () => {
    using base = new SafetensorsFile(golden("tiny/qwen2/model/model.safetensors"));
    using merged = new SafetensorsFile(golden(`peft/${variant}/merged_weights.safetensors`));
    const shapes: ModuleShapes = new Map(
      [...base.tensors.values()].filter(({ name }) => name.endsWith("_proj.weight"))
        .map(({ name, shape }) => [name.replace(/\.weight$/, ""), shape as [number, number]]),
    );
    const adapter = readAdapter(golden(`peft/${variant}/adapter`), shapes);
    const read = mergedWeights((name) => base.readFloat32(name), adapter);
    assertEquals(merged.tensors.size, adapter.modules.size);
    for (const name of merged.tensors.keys()) {
      const expected = merged.readFloat32(name), actual = read(name), before = base.readFloat32(name);
      assert(expected.some((v, i) => Math.abs(v - before[i]!) > 1e-3), "the golden differs from the base");
      actual.forEach((v, i) => assertAlmostEquals(v, expected[i]!, 1e-6, `${name}[${i}]`));
    }
    const norm = "model.norm.weight";
    assertEquals(read(norm), base.readFloat32(norm));
  });
}

Deno.test("mergedWeights() refuses an adapter of another size", () => {
  const lora = { r: 1, alpha: 1, scale: 1, a: new Float32Array(3), b: new Float32Array(2) };
  const read = mergedWeights(() => new Float32Array(4), { modules: new Map([["m", lora]]) });
  assertThrows(() => read("m.weight"), TypeError, "an adapter of [2, 3]");
});
