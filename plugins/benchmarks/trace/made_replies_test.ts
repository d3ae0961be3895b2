/** Replies of which it is known what they say: a reading is that, or none. */
import { assert, assertEquals } from "@std/assert";

import { repetitions } from "../../../tests/helpers/repetitions.ts";
import { ReplyMaker } from "./_made_replies.ts";
import { readTraceText } from "./reading.ts";

Deno.test("readTraceText() gives the score that a reply says or none, whatever numbers stand around it", () => {
  const maker = new ReplyMaker(1);
  const kinds = new Map<string, { wrong: string[]; unread: string[] }>();
  let said = 0, read = 0;
  for (let i = 0; i < repetitions(4000, 1000); i++) {
    const made = maker.next();
    const reading = readTraceText(made.text, made.constraints);
    // the first entry in the heading's line
    const inLine = made.text.replace(/(Fine Grained Score[^\n]*?):?\n/, "$1: ");
    const inLineScores = readTraceText(inLine, made.constraints).constraints.map(({ score }) => score);
    const scores = [...reading.constraints, reading.overall].map(({ score }) => score);
    const truth = [...made.scores, made.overall];
    const kind = kinds.get(made.kind) ?? { wrong: [], unread: [] };
    kinds.set(made.kind, kind);
    const told = `${JSON.stringify({ constraints: made.constraints, truth, scores })}\n${made.text}`;
    if (scores.some((score, i) => score !== null && score !== truth[i])) kind.wrong.push(told);
    else if (inLineScores.some((score, i) => score !== null && score !== truth[i])) kind.wrong.push(inLine);
    else if (made.plain && made.scores.some((score, i) => score !== scores[i])) kind.unread.push(told);
    said += made.scores.filter((score) => score !== null).length;
    read += reading.constraints.filter(({ score }) => score !== null).length;
  }
  assertEquals([...kinds].flatMap(([, { wrong }]) => wrong.slice(0, 2)), []);
  assertEquals([...kinds].flatMap(([, { unread }]) => unread.slice(0, 2)), []);
  assert(read / said > 0.7, `${read} of ${said} read`);
});
