/** Replies that tell their scores in sentences: a reading is what they say, or none. */
import { assert, assertEquals } from "@std/assert";

import { repetitions } from "../../../tests/helpers/repetitions.ts";
import { ToldReplies } from "./_told_replies.ts";
import { readTraceText } from "./reading.ts";

Deno.test("readTraceText() gives the scores that sentences tell, and none of a condition, a count or a correction", () => {
  const replies = new ToldReplies(7);
  const wrong: string[] = [];
  const kinds = new Map<string, { said: number; read: number }>();
  for (let i = 0; i < repetitions(24000, 600); i++) {
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
