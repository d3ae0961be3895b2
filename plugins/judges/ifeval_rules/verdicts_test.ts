/** Verdicts against Google's checker in Python on made-up responses (fixtures/goldens/ifeval/make_verdicts.py). */
import { assertEquals } from "@std/assert";

import { CHECKS } from "./checks/mod.ts";
import { loadCheckModels } from "./models.ts";
import { checkInstructions } from "./verdicts.ts";

type Row = [id: string, kwargs: Record<string, unknown>, text: string, strict: 0 | 1, loose: 0 | 1];
const rows: Row[] = JSON.parse(
  Deno.readTextFileSync(new URL("../../../fixtures/goldens/ifeval/verdicts.json", import.meta.url)),
);
const models = await loadCheckModels();

Deno.test("checkInstructions() decides 1,100 made-up responses to all 25 instructions as Google's checker does", () => {
  assertEquals(new Set(rows.map(([id]) => id)), new Set(Object.keys(CHECKS)));
  // without both verdicts the comparison would say nothing of a check
  for (const id of Object.keys(CHECKS)) {
    assertEquals(new Set(rows.filter((row) => row[0] === id).map((row) => row[3])), new Set([0, 1]), id);
  }
  const differing = rows.flatMap(([id, kwargs, text, strict, loose]) => {
    const found = checkInstructions([{ id, kwargs }], text, models);
    const [here, there] = [[found.strict[0]!.score, found.loose[0]!.score], [strict, loose]];
    return here.join() === there.join() ? [] : [{ id, kwargs, text, here, there }];
  });
  assertEquals(differing, []);
});
