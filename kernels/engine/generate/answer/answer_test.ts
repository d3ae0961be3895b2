import { assertEquals } from "@std/assert";

import { type Generated, RunningAnswer, type TokenDetails } from "./answer.ts";
import { DraftLength } from "./lookup.ts";
import { Sampler } from "../sampling/sampler.ts";
import { checkSampling } from "../sampling/sampling.ts";
import { TextStream } from "./text.ts";

/** Answers by these tokens, of a vocabulary of texts; the last token of the vocabulary ends an answer. */
async function answered(vocabulary: readonly string[], tokens: readonly number[], stop: readonly string[]) {
  const sampling = checkSampling({ stop, max_tokens: tokens.length }, vocabulary.length);
  const endIds = [vocabulary.length - 1], given: { text: string; end: TokenDetails["end"] }[] = [];
  const answer = new RunningAnswer({
    prompt: [0],
    index: 0,
    adapter: null,
    vocabSize: vocabulary.length,
    sampler: new Sampler(sampling, [0], endIds),
    limit: tokens.length,
    endIds: new Set(endIds),
    draft: new DraftLength(0),
    text: new TextStream((ids) => ids.map((id) => vocabulary[id]).join(""), stop),
    onToken: (_, text, { end }) => given.push({ text, end }),
    signal: undefined,
  });
  for (const id of tokens) answer.take({ ids: [id], best: [1], logits: null, shared: 0 });
  const { text, finish, stop: by }: Generated = await answer.result;
  return { text, finish, by, given };
}

Deno.test("an answer whose last token has a stop text before half a character ends by that text", async () => {
  // A byte-level token may end within a character: its text isn't certain, so it is looked at only when the answer ends.
  const vocabulary = ["a", " END\uFFFD", "<end>"], end = { finish: "stop", stop: "END" } as const;
  assertEquals(await answered(vocabulary, [0, 1], ["END"]), {
    text: "a ",
    finish: "stop",
    by: "END",
    given: [{ text: "a", end: null }, { text: " ", end }],
  });
  // Neither a stop text nor an end: the answer is as long as it may be.
  const { finish, by } = await answered(vocabulary, [0, 1], ["EN."]);
  assertEquals({ finish, by }, { finish: "length", by: null });
});
