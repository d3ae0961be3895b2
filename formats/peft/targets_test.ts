/** Chosen modules and ranks beside PEFT's own functions (fixtures/goldens/peft/targets.json). */
import { assertEquals } from "@std/assert";

import { matchTargets, patternValue } from "./target_modules.ts";

const { modules, choices, patterns } = JSON.parse(
  Deno.readTextFileSync(new URL("../../fixtures/goldens/peft/targets.json", import.meta.url)),
);

for (const { fields, chosen } of choices) {
  Deno.test(`matchTargets() takes PEFT's modules by ${JSON.stringify(fields)}`, () => {
    const { target_modules, exclude_modules, layers_to_transform, layers_pattern } = fields;
    assertEquals(
      matchTargets({
        targetModules: target_modules,
        excludeModules: exclude_modules,
        layersToTransform: layers_to_transform,
        layersPattern: layers_pattern,
      }, modules),
      chosen,
    );
  });
}

Deno.test("patternValue() is that of the key that PEFT finds", () => {
  for (const { pattern, values } of patterns) {
    assertEquals(
      modules.map((module: string) => patternValue(pattern, module, 99)),
      values.map((value: number | null) => value ?? 99),
      JSON.stringify(pattern),
    );
  }
});
