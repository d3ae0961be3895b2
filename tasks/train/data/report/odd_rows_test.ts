import { assertEquals } from "@std/assert";

import type { Example, Message } from "../../../../plugins/kinds/dataset.ts";
import { OddRows } from "./odd_rows.ts";

const user = (content: string, more: Partial<Message> = {}): Message => ({ role: "user", content, ...more });
const answer = (content: string, more: Partial<Message> = {}): Message => ({
  role: "assistant",
  content,
  ...more,
});
const pair = (chosen: Message, rejected: Message, prompt = user("q")) => ({
  ...{ shape: "pair" as const, prompts: { x: [prompt] }, answers: { chosen, rejected } },
});
const quad = (x1: string, y1: string, x2: string, y2: string) => ({
  ...{ shape: "iopo" as const, prompts: { x1: [user(x1)], x2: [user(x2)] } },
  answers: { y1: answer(y1), y2: answer(y2) },
});
const single = (x: Message[], y: Message) => ({ shape: "single" as const, prompts: { x }, answers: { y } });

/** The remark on rows, up to the comma. */
function told(rows: Omit<Example, "source" | "system" | "tools">[], learnsPrompts = false): string[] {
  const odd = new OddRows(learnsPrompts);
  rows.forEach((example, row) => odd.see({ ...example, source: { file: "f", row }, system: "", tools: "" }));
  return odd.warnings.map((text) => text.replace(/(row \d+) of f:.*/, "$1"));
}

Deno.test("sides that differ in white space alone, or in nothing, are counted apart", () => {
  assertEquals(
    told([
      pair(answer("a b"), answer("a\n b ")),
      pair(answer("ab"), answer("a b")),
      pair(answer("a"), answer("a", { fields: '{"score": 1}' })),
      pair(answer("a"), answer("A")),
      pair(answer("a"), answer("a", { thought: "t" })),
    ]),
    [
      "2 rows have the same chosen and rejected answer but for white space, the first is row 0",
      "1 row has the same chosen and rejected answer, the first is row 2",
    ],
  );
  assertEquals(told([quad("a", "b", "c", "b\t"), quad("a", "b", "a ", "d"), quad("a", "b", "a", "d")]), [
    "1 row has the same answers y1 and y2 but for white space, the first is row 0",
    "1 row has the same prompts x1 and x2 but for white space, the first is row 1",
    "1 row has the same prompts x1 and x2, the first is row 2",
  ]);
});

Deno.test("answers without text are counted by name, those that aren't learnt or hold something else aren't", () => {
  assertEquals(
    told([
      pair(answer(""), answer("b")),
      pair(answer("a"), answer(" \n")),
      quad("a", "", "b", "c"),
      single([user("q")], answer("")),
      single([user("q"), answer(""), user("r")], answer("a")),
      single([user("q"), answer("", { learnt: false }), user("r")], answer("a")),
      single([user("q")], answer("", { thought: "t" })),
      single([user("q")], { role: "function", content: "{}" }),
    ]),
    [
      "1 row has an empty chosen answer, the first is row 0",
      "1 row has an empty rejected answer, the first is row 1",
      "1 row has an empty answer y1, the first is row 2",
      "2 rows have an empty answer, the first is row 3",
    ],
  );
});

Deno.test("a prompt's turn that is marked to be learnt is told where prompts aren't learnt", () => {
  const rows = [
    single([user("q", { learnt: true })], answer("a")),
    single([user("q", { learnt: false })], answer("a")),
    single([user("q")], answer("a")),
  ];
  const warning = "1 row has a weight (train, training or loss) on a turn that isn't the model's, ";
  assertEquals(told(rows), [`${warning}the first is row 0`]);
  assertEquals(told(rows, true), []);
});

Deno.test("kto rows of one kind alone are told", () => {
  const kto = (desirable: boolean) => ({
    ...single([user("q")], answer("a")),
    shape: "kto" as const,
    desirable,
  });
  const warning =
    "all 2 rows are undesirable: nothing in them says what is worse or better, so check the kto tags";
  assertEquals(told([kto(false), kto(false)]), [warning]);
  assertEquals(told([kto(false), kto(true)]), []);
});
