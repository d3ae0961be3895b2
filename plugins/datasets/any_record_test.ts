/** Records of any form. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { anyCharacter } from "../../tests/helpers/any_character.ts";

import { datasets } from "./mod.ts";
import { Registry } from "../registry.ts";

/** Values that a careless export may hold, broken Unicode and deep nesting among them. */
const anything = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: anyCharacter }) },
  fc.string({ unit: "grapheme" }).map((s) => s + "\ud800"),
  fc.constantFrom(
    "x".repeat(10_000_001),
    "",
    " ",
    "true",
    "False",
    "gpt",
    "human",
    "user",
    "assistant",
    "system",
  ),
  fc.anything({ maxDepth: 3, withBigInt: true, withNullPrototype: true }),
  fc.integer({ min: 1000, max: 20_000 }).map((depth) => JSON.parse("[".repeat(depth) + "]".repeat(depth))),
);

const message = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      from: fc.constantFrom("human", "gpt", "system", "observation"),
      value: fc.string(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      role: fc.constantFrom("user", "assistant", "system", "tool"),
      content: fc.string(),
    }),
  },
  fc.record({
    from: anything,
    value: anything,
    role: anything,
    content: anything,
    tool_calls: fc.array(anything),
  }),
  anything,
);

const messages = fc.oneof(fc.array(message, { maxLength: 6 }), anything);

const field = fc.oneof({ weight: 3, arbitrary: fc.string() }, anything);

const record = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      ...{
        instruction: field,
        input: field,
        output: field,
        history: fc.oneof(messages, fc.array(fc.array(field))),
      },
      ...{
        conversations: messages,
        messages,
        chosen: fc.oneof(field, message),
        rejected: fc.oneof(field, message),
      },
      ...{
        x1: fc.oneof(field, messages),
        y1: field,
        x2: fc.oneof(field, messages),
        y2: fc.oneof(field, message),
      },
      ...{ system: field, tools: anything, kto_tag: fc.oneof(fc.boolean(), anything) },
    }, { requiredKeys: [] }),
  },
  anything,
);

Deno.test("any record: an example of the shape asked for with well-formed texts, or a reason; never a crash", () => {
  const seen = { used: 0, dropped: 0 };
  fc.assert(
    fc.property(record, fc.boolean(), (row, off) => {
      for (const plugin of datasets) {
        const options = plugin.name === "openai" ? { detailed_thinking_off: off } : {};
        const dataset = new Registry(datasets).create("dataset", plugin.name, options);
        for (const shape of dataset.shapes) {
          const columns = {
            ...dataset.defaults.columns,
            ...dataset.required(shape),
            system: "system",
            tools: "tools",
          };
          const attributes = {
            name: "d",
            ranking: false,
            shape,
            columns,
            tags: { ...dataset.defaults.tags },
          };
          const got = dataset.convert(row, attributes, { file: "f", row: 1 });
          assertEquals(got.source, { file: "f", row: 1 });
          if ("reason" in got) {
            seen.dropped++;
            assert(got.reason.length > 3 && got.reason.length < 80);
            continue;
          }
          seen.used++;
          assertEquals(got.shape, shape);
          const all = [...Object.values(got.prompts).flat(), ...Object.values(got.answers)];
          for (const { content } of all) assert(content.isWellFormed() && content.length <= 10_000_000);
          const names =
            { text: "y", single: "y", kto: "y", pair: "chosen,rejected", iopo: "y1,y2", prompt: "y" }[shape];
          assertEquals(Object.keys(got.answers).join(), names);
          if (shape === "kto") {
            assert(String((row as { kto_tag: unknown }).kto_tag).toLowerCase() === `${got.desirable}`);
          }
        }
      }
    }),
    { numRuns: 400, seed: 1 },
  );
  assert(seen.used > 100 && seen.dropped > 100, JSON.stringify(seen));
});
