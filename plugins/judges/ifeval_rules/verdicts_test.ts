/** Verdicts against Google's checker in Python on made-up responses (fixtures/goldens/ifeval/make_verdicts.py). */
import { assert, assertEquals } from "@std/assert";

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

Deno.test("arguments that can't be decided leave every response without a verdict, whatever it says", () => {
  for (
    const [id, kwargs, reason] of [
      ["keywords:existence", { keywords: ["tea", "?"] }, 'Cannot read "?"'],
      ["keywords:forbidden_words", { forbidden_words: ["tea", "("] }, "as a regular expression of Python's"],
      ["keywords:frequency", { keyword: "", frequency: 9, relation: "less than" }, "keyword"],
      ["language:response_language", { language: "zh" }, 'did you mean "zh-cn" or "zh-tw"?'],
      ["language:response_language", { language: "xx" }, 'language "xx" is none'],
    ] as const
  ) {
    for (const response of ["tea", "milk", "。", "我们明天一起去公园散步，然后喝茶。", " "]) {
      const { strict: [strict], loose: [loose] } = checkInstructions([{ id, kwargs }], response, models);
      for (const verdict of [strict!, loose!]) {
        assert(
          verdict.score === null && verdict.reason.includes(reason),
          JSON.stringify([id, response, verdict]),
        );
      }
    }
  }
  const chinese = [{ id: "language:response_language", kwargs: { language: "zh-cn" } }];
  assertEquals(checkInstructions(chinese, "我们明天一起去公园散步，然后喝茶。", models).strict, [{
    score: 1,
  }]);
});
