/** One table a quirk: what each check says of small texts, worked out from the rules in docs/ifeval.md. */
import { assert, assertEquals } from "@std/assert";
import { loadCheckModels } from "../models.ts";
import { checkInstructions } from "../verdicts.ts";
import { readIfevalItems } from "../../../benchmarks/ifeval/ifeval.ts";
import { CHECKS } from "./mod.ts";

const models = await loadCheckModels();
type Case = [response: string, passes: boolean];

function table(id: string, kwargs: Record<string, unknown>, cases: Case[]): void {
  Deno.test(`${id} ${JSON.stringify(kwargs)}`, () => {
    for (const [response, passes] of cases) {
      const { strict } = checkInstructions([{ id, kwargs }], response, models);
      assertEquals(strict, [
        passes ? { score: 1 } : response.trim() === "" ? { score: 0, reason: "blank response" } : {
          score: 0,
        },
      ], JSON.stringify(response));
    }
  });
}

Deno.test("CHECKS holds the 25 ids of the data, 834 instructions in 541 prompts", async () => {
  const items = await readIfevalItems();
  const used = new Set(items.flatMap((item) => item.constraints.map((c) => c.rule!.id)));
  assertEquals([...used].sort(), Object.keys(CHECKS).sort());
  assertEquals(used.size, 25);
  assertEquals([items.length, items.reduce((n, item) => n + item.constraints.length, 0)], [541, 834]);
  for (const item of items) {
    for (const { rule } of item.constraints) {
      assert(CHECKS[rule!.id]!.kwargs.safeParse(rule!.kwargs).success, item.id);
    }
  }
});

table("keywords:existence", { keywords: ["cat", "d.g"] }, [["CATS and dig", true], ["cat only", false], [
  " ",
  false,
]]);
table("keywords:frequency", { keyword: " an ", frequency: 2, relation: "at least" }, [["banana", true], [
  "an",
  false,
]]);
table("keywords:frequency", { keyword: "aa", frequency: 2, relation: "less than" }, [["aaa", true], [
  "aaaa",
  false,
]]);
table("keywords:forbidden_words", { forbidden_words: ["art"] }, [["party", true], ["ART!", false], [
  "art_",
  true,
]]);
table("keywords:letter_frequency", { letter: "#", let_frequency: 2, let_relation: "at least" }, [[
  "# a #",
  true,
], ["#", false]]);
table("keywords:letter_frequency", { letter: "O", let_frequency: 2, let_relation: "less than" }, [
  ["o", true],
  ["Oo", false],
]);
table("language:response_language", { language: "de" }, [
  ["Das ist ein Satz über das schöne Wetter in Deutschland.", true],
  ["This is a sentence about the nice weather.", false],
  ["1234 !!!", true],
]);
table("length_constraints:number_sentences", { num_sentences: 3, relation: "less than" }, [
  ["Dr. Smith left. He ran.", true],
  ["One\ntwo\nthree", true],
  ["A cat. A dog. A cow.", false],
]);
table("length_constraints:number_words", { num_words: 3, relation: "at least" }, [["it's ok", true], [
  "well done",
  false,
]]);
table("length_constraints:number_paragraphs", { num_paragraphs: 2 }, [
  ["a\n***\nb", true],
  ["***a***b***", true],
  ["a*** ***b", false],
  ["a", false],
]);
const nth = { num_paragraphs: 2, nth_paragraph: 2, first_word: "Word" };
table("length_constraints:nth_paragraph_first_word", nth, [
  ["a\n\nword, b", true],
  ["a\n\n'\"Word's", true],
  ["a\n\n\n\nword", false], // a blank part counts for the position
  ["a\n\nwords", false],
  ["a\n\nword\n\nc", false],
]);
// Verdicts of lm-evaluation-harness 0.4.13: the word is lower-cased letter by letter, the argument as a whole.
const greek = { num_paragraphs: 1, nth_paragraph: 1, first_word: "ΟΔΟΣ" };
table("length_constraints:nth_paragraph_first_word", greek, [["οδος, x", true], ["ΟΔΟΣ x", false]]);
table("detectable_content:number_placeholders", { num_placeholders: 2 }, [
  ["[a] [b]", true],
  ["[[a] []", true],
  ["[a\n] [b]", false],
  ["[a", false],
]);
table("detectable_content:postscript", { postscript_marker: "P.P.S" }, [["x p. p.s", true], [
  "P.S. x",
  false,
]]);
table("detectable_content:postscript", { postscript_marker: "P.S." }, [["a p. s. b", true], [
  "P.S b",
  false,
]]);
table("detectable_format:number_bullet_lists", { num_bullets: 2 }, [
  ["* a\n- b", true],
  [" *a\n---\ntext", true],
  ["** a\n* b", false],
  ["*\na\n* b", true], // the sign after the star may be the line break
  ["a\r* b\n- c", false], // \r ends no line
]);
table("detectable_format:constrained_response", {}, [["So: My answer is no. Yes.", true], [
  "my answer is no.",
  false,
]]);
table("detectable_format:number_highlighted_sections", { num_highlights: 2 }, [
  ["*a* *b*", true],
  ["**a** **b**", true],
  ["**a**", false],
  ["* * *a*", false],
]);
table("detectable_format:multiple_sections", { section_spliter: " Day ", num_sections: 2 }, [
  ["Day 1 a Day2 b", true],
  ["day 1 day 2", false],
  ["Day 1", false],
]);
table("detectable_format:json_format", {}, [
  ['```json\n{"a": [NaN, -Infinity]}\n```', true],
  ['```JSON\n"x"```', true],
  ["12", true],
  ["{a: 1}", false],
  ["[1NaN]", false],
  ['"NaN', false],
]);
table("detectable_format:title", {}, [["a <<b>>", true], ["<<>>", false], ["<<a\n>>", false], [
  "<< >>",
  false,
], ["<<<a>>>", true]]);
table("combination:two_responses", {}, [
  ["a******b", true],
  ["******a******b******", true],
  ["a****** ******b", false],
  ["a******a ", false],
]);
table("combination:repeat_prompt", { prompt_to_repeat: "Say Hi. " }, [[" say hi. Hi!", true], [
  "Hi! Say hi.",
  false,
]]);
table("startend:end_checker", { end_phrase: "The END. " }, [['"so: the end."', true], ["the end. x", false]]);
table("startend:quotation", {}, [[' "a" ', true], ['"', false], ["“a”", false]]);
table("change_case:capital_word_frequency", { capital_frequency: 3, capital_relation: "at least" }, [
  ["I saw the U.S. in 3D", true],
  ["STATE-OF-THE-ART X", false],
]);
table("change_case:english_capital", {}, [["THE Weather IS NICE", false], [
  "THE WEATHER IS NICE TODAY IN LONDON AND I AM A FAN",
  true,
]]);
table("change_case:english_lowercase", {}, [
  ["the weather is nice today, and so we walk to the park.", true],
  ["das wetter ist heute schön, und so gehen wir in den park.", false],
  ["The weather is nice today.", false],
]);
table("punctuation:no_comma", {}, [["a，b", true], ["a,b", false]]);

Deno.test("a malformed keyword stays undecided with a reason, and so do unknown ids and arguments", () => {
  const verdicts = (id: string, kwargs: Record<string, unknown>) =>
    checkInstructions([{ id, kwargs }], "text", models).strict[0]!;
  const cases: [string, Record<string, unknown>, string][] = [
    ["keywords:existence", { keywords: ["(c"] }, 'Cannot read "(c" as a regular expression'],
    ["keywords:forbidden_words", { forbidden_words: ["c++"] }, "possessive"],
    ["keywords:frequency", { keyword: "a", frequency: 1, relation: "at most" }, "relation"],
    [
      "keywords:letter_frequency",
      { letter: "ab", let_frequency: 1, let_relation: "at least" },
      "one character",
    ],
    ["keywords:existance", {}, 'did you mean "keywords:existence"'],
    ["punctuation:no_comma", { extra: 1 }, "extra"],
  ];
  for (const [id, kwargs, reason] of cases) {
    const verdict = verdicts(id, kwargs);
    assert(verdict.score === null && verdict.reason.includes(reason), JSON.stringify(verdict));
  }
  assertEquals(verdicts("punctuation:no_comma", { extra: null }), { score: 1 });
});

Deno.test("long hostile texts are checked in linear time", () => {
  const long = (part: string) => part.repeat(1 << 17);
  const all = Object.keys(CHECKS).filter((id) => !id.startsWith("language")).map((id) => id);
  assert(all.length === 24);
  const kwargs: Record<string, Record<string, unknown>> = {
    "detectable_content:number_placeholders": { num_placeholders: 1 },
    "detectable_format:number_bullet_lists": { num_bullets: 1 },
    "detectable_format:title": {},
    "detectable_format:number_highlighted_sections": { num_highlights: 1 },
    "detectable_content:postscript": { postscript_marker: "P.S." },
    "startend:quotation": {},
  };
  for (
    const text of [long("["), "a" + long("\n") + "b", long("<"), long("<<"), long("*"), "a" + long(" ") + "b"]
  ) {
    const { strict } = checkInstructions(
      Object.entries(kwargs).map(([id, k]) => ({ id, kwargs: k })),
      text,
      models,
    );
    assert(strict.every((v) => v.score === 0), text.slice(0, 3)); // quadratic time would take minutes
  }
});
