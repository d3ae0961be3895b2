import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual as equal } from "node:util";

import { connect } from "../../../kernels/engine/worker/worker_call.ts";
import { within } from "../../../tests/helpers/until.ts";
import { builtinRegistry } from "../../builtins.ts";
import { BoundedRules, needsLimit } from "./bounded_rules.ts";

/** Exponential in the number of letters: 2^40 steps. */
const HANGS = { id: "keywords:existence", kwargs: { keywords: ["(a+)+$"] } };
const TEXT = "a".repeat(40) + "b";

Deno.test({
  name:
    "BoundedRules: a pattern that takes too long is unscored with the reason, and the next rule is checked",
  sanitizeResources: false, // the Worker ends a moment after its last rule
  sanitizeOps: false,
  async fn() {
    const turn = async (milliseconds: number) => {
      const bounded = new BoundedRules(milliseconds);
      const [late, next, loose, both] = await Promise.all([
        bounded.check(HANGS, TEXT),
        bounded.check({ id: "keywords:existence", kwargs: { keywords: ["a+b"] } }, TEXT),
        bounded.instruction({ id: "keywords:forbidden_words", kwargs: { forbidden_words: ["a+b|c"] } }, TEXT),
        bounded.instruction(HANGS, TEXT),
      ]);
      assert(late.score === null);
      const seconds = milliseconds / 1000;
      assertStringIncludes(late.reason, `rule "keywords:existence" took longer than ${seconds} s`);
      assertEquals([both.strict[0]?.score, both.loose[0]?.score], [null, null]);
      return [next, loose];
    };
    const inTime = [{ score: 1 }, { strict: [{ score: 0 }], loose: [{ score: 0 }] }];
    let found = await turn(150);
    // on a machine that stands still that long any rule is late
    for (const longer of [2000, 15_000]) if (!equal(found, inTime)) found = await turn(longer);
    assertEquals(found, inTime);
  },
});

Deno.test("a rule that takes too long doesn't keep the Worker's thread: it answers by itself, and the next one", async () => {
  const worker = connect(new URL("./rules_worker.ts", import.meta.url), "rules");
  try {
    const { id } = HANGS;
    await worker.call("ready", [id]);
    const asked = [[HANGS, 50], [{ id, kwargs: { keywords: ["a+b"] } }, 60_000]] as const;
    for (const method of ["rule", "instruction"]) {
      const [late, next] = await within(
        `answers of ${method}`,
        Promise.all(asked.map(([rule, limit]) => worker.call<unknown>(method, [rule, TEXT, limit]))),
      );
      assertEquals(late, null, method);
      assert(next !== null, method);
    }
  } finally {
    worker.terminate();
  }
});

Deno.test("needsLimit() is about patterns that repeat or choose, and very long texts", () => {
  const keyword = (word: string) => ({ id: "keywords:existence", kwargs: { keywords: ["plain", word] } });
  for (const word of ["a+", "a*b", "(?:a|b)", "a{2}", "x?"]) assert(needsLimit(keyword(word), "short"), word);
  for (const word of ["two words", "d.g", "P.S.", "#"]) {
    assertEquals(needsLimit(keyword(word), "short"), false, word);
  }
  assert(
    needsLimit({
      id: "detectable_format:multiple_sections",
      kwargs: { section_spliter: "(a+)+", num_sections: 1 },
    }, ""),
  );
  assert(needsLimit({ id: "detectable_content:postscript", kwargs: { postscript_marker: "(a+)+" } }, ""));
  assert(needsLimit({ id: "keywords:frequency", kwargs: { keyword: "(a+)+" } }, ""));
  assertEquals(needsLimit({ id: "punctuation:no_comma", kwargs: {} }, "a*"), false);
  assert(needsLimit({ id: "punctuation:no_comma", kwargs: {} }, "a".repeat(300_000)));
});

Deno.test({
  name: "the judge and the benchmarks that check by rules do it with a limit: timers run meanwhile",
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    const long = "A word, ".repeat(26_000);
    const rules = builtinRegistry().create("judge", "rules");
    let ticks = 0;
    const timer = setInterval(() => ticks++, 0);
    const constraints = [
      {
        text: "",
        rule: {
          id: "length_constraints:number_sentences",
          kwargs: { num_sentences: 1, relation: "at least" },
        },
      },
      { text: "", rule: { id: "punctuation:no_comma", kwargs: {} } },
    ];
    const request = { id: "i", prompt: "", response: long, constraints };
    const { constraints: verdicts } = await rules.judge(request, new AbortController().signal);
    assertEquals(verdicts.map((v) => v.score), [1, 0]);
    for (const name of ["ifeval", "constraints"]) {
      const benchmark = builtinRegistry().create("benchmark", name);
      const item = {
        id: "i",
        messages: [],
        constraints: constraints.map((c) => ({ ...c, groups: {} })),
        groups: {},
        fields: {},
      };
      assertEquals((await benchmark.check?.(item, long))?.constraints.map((v) => v.score), [1, 0], name);
    }
    clearInterval(timer);
    assert(ticks > 3, `${ticks} ticks`);
  },
});

Deno.test({
  name: "ifbench_rules checks a very long response in the Worker, by its own table and with its tagger",
  sanitizeResources: false, // the Worker ends a moment after its last rule
  sanitizeOps: false,
  async fn() {
    const tagger = fileURLToPath(new URL("../../../fixtures/goldens/ifbench/tagger", import.meta.url));
    const judge = builtinRegistry().create("judge", "ifbench_rules", { tagger });
    const constraints = ["words:start_verb", "format:no_whitespace", "count:numbers", "keywords:existence"]
      .map((id) => ({
        text: id,
        rule: { id, kwargs: id === "count:numbers" ? { N: 1 } : {} },
      }));
    for (const [first, verb] of [["Write", 1], ["The", 0]] as const) {
      const response = `${first} 1 ${"word ".repeat(41_000)}`;
      const found = await judge.judge(
        { id: "1", prompt: "p", response, constraints },
        new AbortController().signal,
      );
      assertEquals(found.constraints.map(({ score }) => score), [verb, 0, 1, null]);
    }
  },
});
