import { assertEquals } from "@std/assert";

import { findings } from "./doc_lint.ts";

const block = (message: string, place: string) =>
  `error[x]: ${message}\n  --> ${place}:1:1\n   |\n 1 | code\n\n`;

Deno.test("findings() keeps what is about this project and leaves out npm packages", () => {
  const output = block("exported symbol is missing JSDoc documentation", "/repo/plugins/kinds/plugin.ts") +
    block("exported symbol is missing JSDoc documentation", "/cache/npm/registry/zod/4.0.0/index.d.ts") +
    block("public type 'A' references private type 'ZodObject'", "/repo/plugins/kinds/plugin.ts") +
    block("public type 'A' references private type 'Mine'", "/repo/plugins/kinds/plugin.ts") +
    "error: Found 4 documentation lint errors.";
  assertEquals(findings(output), [
    "error[x]: exported symbol is missing JSDoc documentation\n  --> /repo/plugins/kinds/plugin.ts:1:1",
    "error[x]: public type 'A' references private type 'Mine'\n  --> /repo/plugins/kinds/plugin.ts:1:1",
  ]);
});
