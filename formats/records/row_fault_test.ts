import { assertEquals } from "@std/assert";
import { z } from "zod";

import { JsonRecords } from "./json_records.ts";
import { inWords } from "../zod_words.ts";
import { describeRowFault, misspeltField } from "./row_fault.ts";

const Rule = z.strictObject({ id: z.string().min(1), kwargs: z.record(z.string(), z.unknown()).default({}) });
const Constraint = z.union([
  z.string().min(1),
  z.strictObject({ text: z.string().min(1), rule: Rule.optional() }),
]);
const Row = z.object({
  id: z.string(),
  prompt: z.string().optional(),
  constraints: z.array(Constraint).min(1),
  groups: z.record(z.string(), z.string()).default({}),
});

const fault = (row: unknown) => {
  const { error } = Row.safeParse(row, inWords);
  return misspeltField(row, Row) ?? (error === undefined ? undefined : describeRowFault(row, Row, error));
};

Deno.test("misspelt fields of rows get the name that was meant, in every depth", () => {
  const row = { id: "a", constraints: ["c"] };
  assertEquals(fault({ ...row, promt: "p" }), 'unknown field "promt" - did you mean "prompt"?');
  assertEquals(fault({ ...row, gruops: {} }), 'unknown field "gruops" - did you mean "groups"?');
  assertEquals(
    fault({ id: "a", constrains: ["c"] }),
    'unknown field "constrains" - did you mean "constraints"?',
  );
  assertEquals(fault({ id: "a", requirements: ["c"] }), "constraints: is missing");
  assertEquals(
    fault({ id: "a", "my constraint": ["c"] }),
    'constraints: is missing - is it what "my constraint" is meant to be?',
  );
  assertEquals(
    fault({ ...row, constraints: [{ txt: "c" }] }),
    'constraints.0: unknown field "txt" - did you mean "text"? (known: text, rule)',
  );
  assertEquals(
    fault({ ...row, constraints: ["b", { text: "c", rule: { id: "x", kwarg: {} } }] }),
    'constraints.1.rule: unknown field "kwarg" - did you mean "kwargs"? (known: id, kwargs)',
  );
});

Deno.test("fields of a team's own are left alone, and the fields present are reported by kind", () => {
  const row = { id: "a", constraints: ["c"], source: "s", prompt_id: 3, constraints_num: 1, note: "n" };
  assertEquals(fault(row), undefined);
  assertEquals(
    fault({ ...row, constraints: [3] }),
    "constraints.0: a text or a map is needed: current value is 3",
  );
  assertEquals(
    fault({ ...row, constraints: [{ text: 3 }] }),
    "constraints.0.text: a text is needed: current value is 3",
  );
  assertEquals(fault("row"), 'the row: a map is needed: current value is "row"');
  // numbers that JavaScript would write otherwise
  for (
    const [written, shown] of [["NaN", "NaN"], ["12345678901234567890", "12345678901234567890"], [
      "1.0",
      "1.0",
    ]]
  ) {
    const line = new TextEncoder().encode(`{"id": ${written}, "constraints": ["c"]}\n`);
    const [record] = new JsonRecords("f").push(line);
    assertEquals(fault(record?.value), `id: a text is needed: current value is ${shown}`);
  }
});
