import { assertEquals, assertRejects, assertThrows } from "@std/assert";

import { readReplicateConfig } from "./config.ts";
import { readItems } from "./records.ts";

const TINY = new URL("../../examples/replicate/tiny.yaml", import.meta.url).pathname;

Deno.test("a rule to hold out that no row has is refused, as a misspelt one would be trained on; no seed counts twice", async () => {
  const { config } = readReplicateConfig(TINY);
  const { test } = await readItems(config);
  const isNew = test.filter(({ groups }) => groups["distribution"] === "new");
  assertEquals(
    isNew.every(({ constraints }) => constraints.some(({ rule }) => config.held_out.includes(rule!.id))),
    true,
  );
  const misspelt = { ...config, held_out: ["startend:quotation", "detectable_format:titel"] };
  await assertRejects(
    () => readItems(misspelt),
    RangeError,
    'heldout.jsonl has it - did you mean "detectable_format:title"?: they have ',
  );
  assertThrows(() => readReplicateConfig(TINY, ["seeds=[1,0,1]"]), RangeError, "must have no seed twice");
});
