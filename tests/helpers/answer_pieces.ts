/**
 * An answer with thoughts, words and calls in pieces, for the tests of every interface that tells of them.
 * @module
 */
import type { WholeAnswer } from "../../tasks/serve/answers/answers.ts";

/** Pieces of its text. */
export const ANSWER_PIECES: readonly string[] = [
  "<think>",
  "So",
  " then",
  "</think>",
  "Look",
  "ing.\n",
  "<tool_call>",
  '{"name": "f", "argum',
  'ents": {"a": 1}}',
];

/** Pieces of a second call behind them. */
export const SECOND_CALL: readonly string[] = [
  "</tool_call>",
  '\n<tool_call>{"name": "g", "arguments": {}}</tool_call>',
];

/** Counts and end of such an answer: three tokens behind a prompt of four, one of which was known. */
export const COUNTED_ANSWER: WholeAnswer = {
  text: "",
  logprobs: [],
  promptLogprobs: null,
  ids: [1, 2, 3],
  finish: "stop",
  stop: null,
  promptTokens: 4,
  cachedTokens: 1,
};
