import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { vegaSvg } from "./vega_svg.ts";

const bars = (names: readonly string[]) =>
  vegaSvg({
    data: { values: names.map((name, i) => ({ name, value: i + 1 })) },
    mark: "bar",
    encoding: {
      y: { field: "name", type: "nominal", sort: names, axis: { labelLimit: 0 } },
      x: { field: "value", type: "quantitative" },
    },
  });

Deno.test("vegaSvg() draws names of any characters, those that a picture can't hold as their code", async () => {
  const svg = await bars([
    "a\u2028b",
    "a\u2029b",
    "nul\0",
    "lone\ud800",
    `"quoted"\\ '</text>`,
    "line\nbreak",
  ]);
  for (const shown of ["a\\u2028b", "a\\u2029b", "nul\\u0000", "lone\ufffd", "&lt;/text"]) {
    assertStringIncludes(svg, shown);
  }
  assertEquals(svg.match(/aria-label="value: /g)?.length, 6);
  // XML 1.0 has no other control characters
  // deno-lint-ignore no-control-regex
  assert(!/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.test(svg));
});
