import { assertEquals } from "@std/assert";

import { OddRows } from "./odd_rows.ts";

/** What is told of a row with these calls and tools. */
function told(calls: unknown, tools: unknown = []): string[] {
  const odd = new OddRows(false);
  odd.see({
    source: { file: "f", row: 3 },
    shape: "single",
    system: "",
    tools: JSON.stringify(tools),
    prompts: { x: [{ role: "user", content: "null: null" }] },
    answers: { y: { role: "function", content: JSON.stringify(calls) } },
  });
  return odd.warnings.map((text) => text.replace(/: the template gets.*/, ""));
}

const SAID =
  "1 row has nulls among the arguments of tool calls, the properties of tools or chat_template_kwargs, the first is row 3 of f";

// the first two are what datasets 5.2.0 makes of two rows with other arguments (findings/arguments_of_other_calls.sh)
Deno.test("nulls that datasets fills in for other rows' arguments and properties are told", () => {
  assertEquals(told([{ name: "f", arguments: { city: "Rome", a: null, b: null } }]), [SAID]);
  const schema = (
    properties: unknown,
  ) => [{ type: "function", function: { name: "f", parameters: { properties } } }];
  assertEquals(told([{ name: "f", arguments: {} }], schema({ x: { type: "number" }, city: null })), [SAID]);
  assertEquals(told([{ name: "f", arguments: { a: { b: [1, { c: null }] } } }]), [SAID]);
  // a default of null is the schema's own, and so are words
  assertEquals(
    told([{ name: "f", arguments: { a: "null", b: "x: null" } }], schema({ x: { default: null } })),
    [],
  );
  assertEquals(told([{ name: "f", arguments: { a: 1 }, id: null }]), []);
});
