/** Replies that tell their scores in sentences: a reading is what they say, or none. */
import { assert, assertEquals } from "@std/assert";

import { repetitions } from "../../../tests/helpers/repetitions.ts";
import { ToldReplies } from "./_told_replies.ts";
import { readTraceText } from "./reading.ts";

Deno.test("readTraceText() gives the scores that sentences tell, and none of a condition, a count or a correction", () => {
  const replies = new ToldReplies(7);
  const wrong: string[] = [];
  const kinds = new Map<string, { said: number; read: number }>();
  for (let i = 0; i < repetitions(8000, 600); i++) {
    const { kind, text, constraints, scores: truth, overall, said } = replies.next();
    const reading = readTraceText(text, constraints);
    const scores = reading.constraints.map(({ score }) => score);
    const told = `${kind}: ${JSON.stringify({ constraints, truth, scores })}\n${text}`;
    if (scores.some((score, j) => score !== null && score !== truth[j])) wrong.push(told);
    if (reading.overall.score !== null && reading.overall.score !== overall) wrong.push(told);
    const counts = kinds.get(kind) ?? { said: 0, read: 0 };
    kinds.set(kind, counts);
    if (said) counts.said += scores.length;
    if (said) counts.read += scores.filter((score) => score !== null).length;
  }
  assertEquals(wrong.slice(0, 2), []);
  for (const [kind, { said, read }] of kinds) {
    assert(read >= said * LEAST, `${kind}: ${read} of ${said} are read`);
  }
});

/** What isn't read: a count behind a dash, a table in its heading's line, one score without a name. */
const LEAST = 0.6;

Deno.test("a sentence is unread where words beside its score, or behind it, say that it doesn't hold", () => {
  const constraints = [{ text: "mention tea" }, { text: "be formal" }];
  for (
    const said of [
      ...[
        "Constraint 1 gets 10. Not true.",
        "Constraint 1 gets 10. No!",
        "Constraint 1 is 3, in my count, so no.",
      ],
      ...["Constraint 1 gets 10. That is what the response says.", "Constraint 1 was rated 8, previously."],
      ...[
        "Constraint 1 gets 7, at most.",
        "Constraint 1 gets 8, less one.",
        "Constraint 1 gets 8. Too generous.",
      ],
      ...["第1条给8分。这是错的。", "第1条给8分，偏高。", "第1条给8分。回答里说的。", "第1条上次给8分。"],
    ]
  ) {
    const text = `Fine Grained Score:\n${said}\nConstraint 2 gets 7.\n\nConstraints Overall Score: [[5]]\n`;
    assertEquals(readTraceText(text, constraints).constraints[0]?.score, null, said);
  }
});

Deno.test("a number in words takes a score back as digits do, and one that counts something doesn't", () => {
  const constraints = [{ text: "mention tea" }, { text: "be formal" }];
  const read = (body: string) =>
    readTraceText(`Fine Grained Score:\n${body}\n\nConstraints Overall Score: [[5]]\n`, constraints)
      .constraints
      .map(({ score }) => score);
  const list = "1. mention tea: 8\n2. be formal: 7";
  assertEquals(read(list), [8, 7]);
  for (
    const taken of [
      "On reflection, constraint 1 deserves a six.",
      "Actually, the first constraint should get six out of ten.",
      "However, a six is fairer for constraint 1.",
      "再想一下，第1条应为六分。",
    ]
  ) {
    assertEquals(read(`${list}\n\n${taken}`), [null, 7], taken);
  }
  for (
    const said of [
      "Constraint 1 gets 8, no, six.",
      "I'd give constraint 1 an 8. Hmm, seven.",
      "Constraint 1 gets 8 - make it a six!",
    ]
  ) {
    const [first] = read(`${said}\nConstraint 2 gets 7.`);
    assertEquals(first, null, said);
  }
  for (
    const remark of [
      "However, constraint 1 has two flaws.",
      "But the first one took three lines for six points of tea.",
    ]
  ) {
    assertEquals(read(`${list}\n\n${remark}`), [8, 7], remark);
  }
  assertEquals(read("Constraint 1 gets 8, because two words lack.\nConstraint 2 gets 7."), [8, 7]);
});
