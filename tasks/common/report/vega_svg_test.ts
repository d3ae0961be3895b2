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

Deno.test("vegaSvg() draws the same picture in the same bytes, and pictures of one page share no id", async () => {
  const scatter = (top: number) =>
    vegaSvg({
      data: { values: [{ x: 1, y: top }, { x: 2, y: 1 }] },
      mark: { type: "point", clip: true },
      encoding: { x: { field: "x", type: "quantitative" }, y: { field: "y", type: "quantitative" } },
    });
  const [first, second, other] = [await scatter(5), await scatter(5), await scatter(6)];
  const ids = (svg: string) => [...svg.matchAll(/\bid="([^"]+)"/g)].map(([, id]) => id);
  const used = (svg: string) => [...svg.matchAll(/url\(#([^)]+)\)/g)].map(([, id]) => id);
  assertEquals(second, first);
  assertEquals([ids(first).length, used(first)], [1, ids(first)]);
  assert(!ids(other).some((id) => ids(first).includes(id)));
});
