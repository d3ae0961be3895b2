/** Verdicts against IFBench's own checks in Python on made-up responses (fixtures/goldens/ifbench/make_verdicts.py). */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";

import { checkOne } from "../check_one.ts";
import { loadCheckModels } from "../models.ts";
import { checkInstructions } from "../verdicts.ts";
import { pythonCsvRows } from "./csv.ts";
import { IFBENCH_CHECKS } from "./mod.ts";
import { readTagger } from "../tagger.ts";

type Row = [id: string, kwargs: Record<string, unknown>, text: string, strict: 0 | 1, loose: 0 | 1];
const GOLDENS = new URL("../../../../fixtures/goldens/ifbench/", import.meta.url);
const TAGGER = fileURLToPath(new URL("tagger", GOLDENS));
const rows: Row[] = JSON.parse(Deno.readTextFileSync(new URL("verdicts.json", GOLDENS)));
const models = await loadCheckModels(TAGGER);

Deno.test("all 58 checks of IFBench decide 1,392 made-up responses as its own code does, strict and loose", () => {
  const ids = Object.keys(IFBENCH_CHECKS);
  assertEquals([ids.length, new Set(rows.map(([id]) => id))], [58, new Set(ids)]);
  // without both verdicts the comparison would say nothing of a check
  for (const id of ids) {
    assertEquals(new Set(rows.filter((row) => row[0] === id).map((row) => row[3])), new Set([0, 1]), id);
  }
  const differing = rows.flatMap(([id, kwargs, text, strict, loose]) => {
    const found = checkInstructions([{ id, kwargs }], text, models, IFBENCH_CHECKS);
    const [here, there] = [[found.strict[0]?.score, found.loose[0]?.score], [strict, loose]];
    return here.join() === there.join() ? [] : [{ id, kwargs, text, here, there }];
  });
  assertEquals(differing, []);
});

Deno.test("words:alphabet begins at the first word that is left without its marks", () => {
  const alphabet = (text: string) =>
    checkOne(IFBENCH_CHECKS, { id: "words:alphabet", kwargs: {} }, text, null).score;
  assertEquals(["** a bee", "a bee", "** a cat", "İx jx", "12 a"].map(alphabet), [1, 1, 0, 0, 0]);
});

Deno.test("a verb isn't told without a tagger: unscored with what is missing, whatever the response", async () => {
  const plain = await loadCheckModels();
  for (const text of ["Write it.", "The sea.", " "]) {
    const { strict: [strict], loose: [loose] } = checkInstructions(
      [{ id: "words:start_verb", kwargs: {} }],
      text,
      plain,
      IFBENCH_CHECKS,
    );
    for (const verdict of [strict, loose]) {
      assert(verdict?.score === null);
      assertStringIncludes(verdict.reason, "averaged_perceptron_tagger_eng as the option tagger");
    }
  }
});

Deno.test("arguments that the original would draw at random leave a constraint unscored", () => {
  for (
    const [id, kwargs] of [
      ["count:numbers", {}],
      ["count:numbers", { N: -1 }],
      ["count:words_japanese", { N: 0 }],
      ["format:list", { sep: null }],
      ["words:keywords_specific_position", { keyword: "a", n: 0, m: 1 }],
      ["repeat:repeat_change", { prompt_to_repeat: "" }],
    ] as const
  ) {
    const verdict = checkOne(IFBENCH_CHECKS, { id, kwargs }, "a 1", models);
    assert(verdict.score === null && verdict.reason.includes(`arguments of rule "${id}"`), id);
  }
});

Deno.test("a reason names the argument that is missing, misspelt or of another kind, and its value", () => {
  const reason = (id: string, kwargs: Record<string, unknown>) => {
    const verdict = checkOne(IFBENCH_CHECKS, { id, kwargs }, "a 1", models);
    assert(verdict.score === null);
    return verdict.reason.replace(`arguments of rule "${id}": `, "");
  };
  assertEquals(reason("count:numbers", { N: null }), "N: is missing");
  assertEquals(reason("count:numbers", { n: 1 }), 'N: is missing - is it what "n" is meant to be?');
  assertEquals(reason("count:numbers", { N: "two" }), 'N: a number is needed: current value is "two"');
  assertEquals(reason("count:numbers", { N: 2.5 }), "N: a whole number is needed: current value is 2.5");
  assertEquals(
    reason("format:no_whitespace", { N: 1 }),
    'kwargs: unknown field "N" (known: none)',
  );
});

// Source: csv.reader(io.StringIO(text)) of CPython 3.11.
Deno.test("pythonCsvRows() reads as Python's csv.reader", () => {
  const read = (text: string) => pythonCsvRows(text, ",");
  assertEquals(read('a,"b ""c"" d",e"f\n\n"x\ny"z,'), [["a", 'b "c" d', 'e"f'], [], ["x\nyz", ""]]);
  assertEquals(read('a,"open\nend'), [["a", "open\nend"]]);
  assertEquals(read("a,b\r\nc\r"), [["a", "b"], ["c"]]);
  assertEquals([read("a\rb"), read("")], [undefined, []]);
  assertEquals(read("a".repeat(131_072))?.length, 1);
  assertEquals(read("a".repeat(131_073)), undefined);
});

Deno.test("readTagger() names the file that it can't read", async () => {
  const error = await assertRejects(() => readTagger("/nowhere"), RangeError, "Cannot read");
  assertStringIncludes(error.message, "averaged_perceptron_tagger_eng.");
});
