/** Every rule takes time in proportion to the text, for any text: a hostile answer can't make a run hang. */
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";

import { assertLinear, everyThird, HOSTILE_PARTS, hostileTexts } from "../../tests/helpers/growth.ts";
import { checkRule, OWN_RULES } from "./ifeval_rules/constraint_rules.ts";
import { CHECKS } from "./ifeval_rules/checks/mod.ts";
import { checkOne } from "./ifeval_rules/check_one.ts";
import { IFBENCH_CHECKS } from "./ifeval_rules/ifbench/mod.ts";
import { loadCheckModels } from "./ifeval_rules/models.ts";

const models = await loadCheckModels(
  fileURLToPath(new URL("../../fixtures/goldens/ifbench/tagger", import.meta.url)),
);

/** Arguments of every rule; patterns of a row's own have no place here, they have a limit of time. */
const RULES: Record<string, Record<string, unknown>[]> = {
  "keywords:existence": [{ keywords: ["zzz", "zz top"] }],
  "keywords:frequency": [{ keyword: "aa", frequency: 3, relation: "at least" }],
  "keywords:forbidden_words": [{ forbidden_words: ["zzz"] }],
  "keywords:letter_frequency": [{ letter: "z", let_frequency: 3, let_relation: "at least" }],
  "language:response_language": [{ language: "en" }],
  "length_constraints:number_sentences": [{ num_sentences: 3, relation: "at least" }],
  "length_constraints:number_paragraphs": [{ num_paragraphs: 3 }],
  "length_constraints:number_words": [{ num_words: 3, relation: "at least" }],
  "length_constraints:nth_paragraph_first_word": [{ num_paragraphs: 3, nth_paragraph: 2, first_word: "a" }],
  "detectable_content:number_placeholders": [{ num_placeholders: 3 }],
  "detectable_content:postscript": [{ postscript_marker: "P.P.S" }, { postscript_marker: "P.S." }],
  "detectable_format:number_bullet_lists": [{ num_bullets: 3 }],
  "detectable_format:constrained_response": [{}],
  "detectable_format:number_highlighted_sections": [{ num_highlights: 3 }],
  "detectable_format:multiple_sections": [{ section_spliter: "SECTION", num_sections: 3 }],
  "detectable_format:json_format": [{}],
  "detectable_format:title": [{}],
  "combination:two_responses": [{}],
  "combination:repeat_prompt": [{ prompt_to_repeat: "zzz" }],
  "startend:end_checker": [{ end_phrase: "zzz" }],
  "startend:quotation": [{}],
  "change_case:capital_word_frequency": [{ capital_frequency: 3, capital_relation: "at least" }],
  "change_case:english_capital": [{}],
  "change_case:english_lowercase": [{}],
  "punctuation:no_comma": [{}],
  "case:lower": [{}],
  "case:upper": [{}],
  "startend:start_checker": [{ start_phrase: "zzz" }],
  "startend:brackets": [{}],
  "sentences:exact_number": [{ num_sentences: 3 }],
  "list:number_items": [{ num_items: 3 }],
  "list:format": ["comma", "lines", "numbered", "bullets"].map((format) => ({ format })),
};

Deno.test("every rule has its growth test", () => {
  assertEquals(Object.keys(RULES).sort(), Object.keys({ ...CHECKS, ...OWN_RULES }).sort());
});

/** With a quarter of the texts, because they take long on each. */
const SLOW = new Set([
  "language:response_language",
  "change_case:capital_word_frequency",
  "change_case:english_lowercase",
]);

for (const [turn, [id, all]] of Object.entries(RULES).entries()) {
  Deno.test(`${id} is linear in the response`, () => {
    for (const kwargs of all) {
      const parts = SLOW.has(id) ? HOSTILE_PARTS.filter((_, i) => i % 2 === 0) : HOSTILE_PARTS;
      for (
        const { name, of } of hostileTexts(everyThird(parts, turn), SLOW.has(id) ? [["a", "b"]] : undefined)
      ) {
        assertLinear(
          name,
          of,
          (text) => assertEquals(checkRule(id, kwargs, text, models).score === null, false),
        );
      }
    }
  });
}

/** Arguments of IFBench's checks; those that aren't named have none. */
const IFBENCH: Record<string, Record<string, unknown>> = {
  "count:word_count_range": { min_words: 3, max_words: 5 },
  "count:unique_word_count": { N: 3 },
  "count:conjunctions": { small_n: 3 },
  "count:person_names": { N: 3 },
  "count:numbers": { N: 3 },
  "count:pronouns": { N: 3 },
  "count:words_japanese": { N: 3 },
  "count:keywords_multiple": { keyword1: "a", keyword2: "b", keyword3: "a.", keyword4: "*", keyword5: "日" },
  "ratio:stop_words": { percentage: 30 },
  "ratio:overlap": { percentage: 30, reference_text: "a b c d" },
  "words:repeats": { small_n: 3 },
  "words:keywords_specific_position": { keyword: "a", n: 1, m: 2 },
  "words:words_position": { keyword: "a" },
  "sentence:keyword": { word: "zzz", N: 1 },
  "sentence:increment": { small_n: 1 },
  "format:options": { options: "a/b" },
  "format:list": { sep: "**" },
  "repeat:repeat_change": { prompt_to_repeat: "a b c" },
  "repeat:repeat_span": { prompt_to_repeat: "a b c", n_start: 0, n_end: 1 },
};

/** What the form of a text must have before the check looks at the rest. */
const BEFORE: Record<string, string> = {
  "custom:mcq_count_length": "Question 1: ",
  "custom:reverse_newline": "Zimbabwe\n",
  "custom:word_reverse": "eagle bald ",
  "custom:csv_special_character": 'ProductID,Category,Brand,Price,Stock\n"',
  "custom:csv_quotes": "StudentID\tSubject\tGrade\tSemester\tScore\n",
  "count:punctuation": "?!",
  "format:thesis": "<i>",
  "format:no_bullets_bullets": "A b. C d.\n* a\n",
};

for (const [turn, id] of Object.keys(IFBENCH_CHECKS).entries()) {
  Deno.test(`IFBench's ${id} is linear in the response`, () => {
    const parts = everyThird(HOSTILE_PARTS.filter((_, i) => i % 2 === turn % 2), turn);
    for (const { name, of } of hostileTexts(parts, [[BEFORE[id] ?? "a", "b"]])) {
      const rule = { id, kwargs: IFBENCH[id] ?? {} };
      assertLinear(name, of, (text) => {
        assertEquals(checkOne(IFBENCH_CHECKS, rule, text, models).score === null, false);
      });
    }
  });
}
