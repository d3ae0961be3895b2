/** Every rule takes time in proportion to the text, for any text: a hostile answer can't make a run hang. */
import { assertEquals } from "@std/assert";

import { assertLinear, everyThird, HOSTILE_PARTS, hostileTexts } from "../../tests/helpers/growth.ts";
import { checkRule, OWN_RULES } from "./ifeval_rules/constraint_rules.ts";
import { CHECKS } from "./ifeval_rules/checks/mod.ts";
import { loadCheckModels } from "./ifeval_rules/models.ts";

const models = await loadCheckModels();

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
