/** Expectations follow from the meaning of each rule, by hand; IFEval's own checks are tested beside them. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Verdict } from "../kinds/judgement.ts";
import { checkRule, listItems, OWN_RULES } from "./ifeval_rules/constraint_rules.ts";
import rules, { judgeByRules } from "./rules.ts";
import { Registry } from "../registry.ts";

type Case = [response: string, kept: 0 | 1];

const CASES: Record<string, [kwargs: Record<string, unknown>, cases: Case[]][]> = {
  "case:lower": [[{}, [["cat, dog!", 1], ["Cat", 0], ["123", 0], ["été", 1]]]],
  "case:upper": [[{}, [["CAT, DOG!", 1], ["CAT dOG", 0], ["123", 0], ["ÉTÉ", 1]]]],
  "startend:start_checker": [
    [{ start_phrase: "Well" }, [["Well, it is", 1], ['"well it is"', 1], ["Wellness", 0], ["It is well", 0]]],
    [{ start_phrase: "a+b" }, [["a+b is c", 1], ["aab is c", 0]]],
    // no blanks between words
    [{ start_phrase: "我喜欢" }, [["我喜欢喝茶。", 1], ["我喜欢，真的", 1], ["我不喜欢", 0]]],
    [{ start_phrase: "答案：" }, [["答案：茶", 1], ["答案是茶", 0]]],
    [{ start_phrase: "Python" }, [["Python是一种语言", 1], ["Pythonic", 0], ["Python3", 0]]],
    [{ start_phrase: "Dear Ann," }, [["Dear Ann,\nthanks", 1], ["Dear Anna,", 0]]],
  ],
  "startend:brackets": [[{}, [["[a]", 1], [" [a\nb] ", 1], ["[a", 0], ["a]", 0], ["[", 0]]]],
  "sentences:exact_number": [
    [{ num_sentences: 2 }, [
      ["A cat. A dog.", 1],
      ["A cat! A dog", 1],
      ['"A cat. A dog."', 1],
      ["<<A. B. C>>\nA cat. A dog.", 1],
      ["A cat.", 0],
      ["A cat. A dog. A cow.", 0],
      ["Version 1.5 is here", 0],
      ["A cat... A dog?!", 1],
      ["我喜欢喝茶，不喝咖啡。你呢？", 1],
      ["真的吗？！真的。", 1],
      ["他说：“好。”我走了。", 1],
      ["只有一句，没有两句。", 0],
      ["一。二。三！", 0],
    ]],
  ],
  "list:number_items": [
    [{ num_items: 2 }, [
      ["Cat, dog", 1],
      ["Cat, dog, cow", 0],
      ["1. Cat, dog, cow\n2. Owl", 1],
      ["* Cat\n* Dog", 1],
      ["<<Animals>>\nCat\nDog", 1],
      ["[Cat; dog]", 1],
      ["Cat / , / dog", 1],
      ["苹果、香蕉。", 1],
      ["苹果，香蕉，梨", 0],
      ["1、苹果、红\n2、香蕉", 1],
      ["3、5", 1],
      ["2、3、5", 0],
      ["1、10\n2、20", 1],
      ["1、2个苹果、红\n2、香蕉", 1],
    ]],
  ],
  "list:format": [
    [{ format: "comma" }, [["Cat, dog", 1], ["Cat; dog", 0], ["Cat, dog; cow", 0], ["Cat,\ndog", 0], [
      "苹果，香蕉",
      1,
    ], ["苹果；香蕉", 0]]],
    [{ format: "semicolon" }, [["Cat; dog", 1], ["Cat, dog", 0]]],
    [{ format: "slash" }, [['"Cat / dog"', 1], ["Cat, dog", 0]]],
    [{ format: "lines" }, [["Cat\nDog", 1], ["Cat", 0], ["* Cat\n* Dog", 0], ["Cat, dog\nCow", 0]]],
    [{ format: "numbered" }, [["1. Cat\n2. Dog", 1], ["1. Cat\n3. Dog", 0], ["1. Cat\nDog", 0]]],
    [{ format: "bullets" }, [["<<A>>\n* Cat\n* Dog", 1], ["* Cat\nDog", 0], ["- Cat", 0]]],
  ],
};

for (const [id, tables] of Object.entries(CASES)) {
  Deno.test(`${id} says what its name says`, () => {
    for (const [kwargs, cases] of tables) {
      for (const [response, kept] of cases) {
        assertEquals(
          checkRule(id, kwargs, response),
          { score: kept },
          `${JSON.stringify(kwargs)} ${response}`,
        );
      }
    }
  });
}

Deno.test("every rule of our own has a table here", () => {
  assertEquals(Object.keys(CASES).sort(), Object.keys(OWN_RULES).sort());
});

Deno.test("checkRule() gives null with a reason for what it can't judge, and 0 for a blank response", () => {
  assertReason(checkRule("list:formats", {}, "x"), /did you mean "list:format"/);
  assertReason(checkRule("toString", {}, "x"), /unknown rule/);
  assertReason(checkRule("list:number_items", { num_items: "3" }, "x"), /num_items/);
  assertReason(checkRule("list:number_items", {}, "x"), /num_items/);
  assertReason(checkRule("case:lower", { extra: 1 }, "x"), /extra/);
  assertReason(checkRule("keywords:existence", { keywords: ["("] }, "x"), /arguments of rule/);
  assertReason(
    checkRule("length_constraints:number_sentences", { num_sentences: 1, relation: "at least" }, "x"),
    /models/,
  );
  assertEquals(checkRule("punctuation:no_comma", {}, " \n"), { score: 0, reason: "blank response" });
});

Deno.test("listItems() leaves out marks, titles and end punctuation", () => {
  assertEquals(listItems('<<Animals>>\n"1. Cat\n2) Dog."'), ["Cat", "Dog"]);
  assertEquals(listItems("Cat, dog / owl!"), ["Cat", "dog", "owl"]);
});

Deno.test("judgeByRules() is 0 if one is broken, 1 if all are kept, else unscored", () => {
  const kept = { text: "", rule: { id: "punctuation:no_comma", kwargs: {} } };
  const broken = { text: "", rule: { id: "case:lower", kwargs: {} } };
  const unknown = { text: "" };
  const overall = (constraints: (typeof kept | typeof unknown)[]) =>
    judgeByRules({ response: "Cat", constraints }).overall.score;
  assertEquals(overall([kept, kept]), 1);
  assertEquals(overall([kept, broken, unknown]), 0);
  assertEquals(overall([kept, unknown]), null);
  assertEquals(overall([]), null);
});

Deno.test("rules judge also checks IFEval's rules that need models", async () => {
  const judge = new Registry([rules]).create("judge", "rules");
  const { constraints, overall } = await judge.judge({
    id: "1",
    prompt: "",
    response: "Dr. Smith left. He ran.",
    constraints: [
      {
        text: "",
        rule: {
          id: "length_constraints:number_sentences",
          kwargs: { num_sentences: 3, relation: "less than" },
        },
      },
      {
        text: "",
        rule: { id: "keywords:frequency", kwargs: { keyword: "an", frequency: 2, relation: "at least" } },
      },
    ],
  }, new AbortController().signal);
  assertEquals(constraints, [{ score: 1 }, { score: 0 }]);
  assertEquals([judge.scale, overall], [1, { score: 0 }]);
});

function assertReason(verdict: Verdict, pattern: RegExp): void {
  assertEquals(verdict.score, null);
  assertMatch(verdict.reason ?? "", pattern);
}
