/**
 * Benchmark `trace`: 1,042 mostly Chinese instructions with 1 to 15 constraints each, judged by a model constraint by
 * constraint from 0 to 10. A response counts when every constraint has 10:
 * IF = (1/n) Σ_i 1[(1/m_i) Σ_j S_ij = 10]; IF-S over rows of one constraint, IF-M over the others.
 *
 * Zhang et al. 2025, "IOPO: Empowering LLMs with Complex Instruction Following via Input-Output Preference Optimization",
 * arXiv 2411.06208. Data: MIT, see fixtures/trace/SOURCE.md.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../../kinds/plugin.ts";
import type { BenchmarkItem, BenchmarkResult, Contribution, JudgeProtocol } from "../../kinds/benchmark.ts";
import { lastUserText } from "../../kinds/endpoint.ts";
import type { Judgement, Verdict } from "../../kinds/judgement.ts";
import {
  CUT_AT_LIMIT,
  disarm,
  fence,
  fillTemplate,
  phrasePattern,
  readScoresJson,
  readTemplate,
  scoresSchema,
} from "../judge_text.ts";
import { Echo } from "../echo.ts";
import { allReach } from "../../kinds/all_reach.ts";
import { contribute, outOf } from "../scores.ts";
import { readTraceItems } from "./items.ts";
import { inScale, readTraceText, TRACE_SCALE, VERDICT_PHRASES } from "./reading.ts";

const Options = z.strictObject({
  path: z.string().optional().describe("rows in the released format; default: the 1,042 that come along"),
  prompt: z.string().optional().describe(
    "a judge prompt of your own with {{query}}, {{constraints}}, {{response}} and, if you like, {{tag}}",
  ),
  rounds: z.int().min(1).max(20).default(2).describe(
    "how often the judge is asked at most until all is readable",
  ),
});

/** The plugin, see the module's text. */
const trace: Plugin<"benchmark", typeof Options> = definePlugin({
  kind: "benchmark",
  name: "trace",
  version: "3",
  description: "TRACE: complex Chinese instructions, every constraint judged by a model (IF-S, IF-M)",
  options: Options,
  create: ({ path, prompt, rounds }) => ({
    items: () => readTraceItems(path),
    protocol: traceProtocol(rounds, prompt),
    contributions: traceContributions,
  }),
});
export default trace;

/**
 * Prompt and reading of the judge. Needs of an item its constraints and the fields `query` and `constraints`; without
 * them the last user message and the constraints' own texts are taken.
 *
 * @param rounds Times that the judge is asked at most, ≥ 1.
 * @param prompt Path of a judge prompt of your own.
 * @throws {RangeError} If the prompt lacks a slot.
 */
export function traceProtocol(rounds = 2, prompt?: string): JudgeProtocol {
  const template = readTemplate(prompt, new URL("judge_prompt.txt", import.meta.url), [
    "query",
    "constraints",
    "response",
  ]);
  const echo = new Echo(template, /^fine[\s-]grained[\s-]scores?\b.*\d/i);
  return {
    scale: TRACE_SCALE,
    rounds,
    messages(item, response) {
      const { query, constraints } = questionOf(item);
      const slots = { query, constraints, response: neutralize(response), tag: tagOf(item, response) };
      return [
        { role: "system", content: "You are a helpful assistant." },
        { role: "user", content: fillTemplate(template, slots) },
      ];
    },
    read: (item, text, cut) =>
      readTrace(item, echo.remove(text, item.constraints.map((constraint) => constraint.text)), cut),
    structured: {
      schema: (item, response) =>
        scoresSchema(item.constraints.length, { max: TRACE_SCALE }, tagOf(item, response)),
      read: (item, text, response, cut) => readTraceJson(item, text, tagOf(item, response), cut),
    },
  };
}

/** The data of an item that a judge's prompt gets. */
function questionOf(
  { fields, messages, constraints }: BenchmarkItem,
): { query: string; constraints: string } {
  return {
    query: fields["query"] ?? lastUserText(messages),
    constraints: fields["constraints"] ?? constraints.map((c) => c.text).join("\n"),
  };
}

/** The mark that fences the response, and that only an answer of the judge's own can carry. */
function tagOf(item: BenchmarkItem, response: string): string {
  const { query, constraints } = questionOf(item);
  return fence(query, constraints, response);
}

/**
 * Fine-grained scores as `constraints`, the overall score as `overall`; `complete` when every constraint has a score and nothing
 * is cut.
 * @param cut True if the answer stopped at its limit: then no score is taken from it, because what is missing could change it.
 */
export function readTrace(item: BenchmarkItem, text: string, cut = false): Judgement {
  if (cut) return cutJudgement(item, text);
  const reading = readTraceText(text, item.constraints);
  return judgement(reading.constraints, reading.overall, text, reading.cut);
}

/**
 * The same from an answer that was asked for as JSON.
 * @param tag Value that the answer must give as its `tag`.
 */
export function readTraceJson(item: BenchmarkItem, text: string, tag: string, cut = false): Judgement {
  if (cut) return cutJudgement(item, text);
  const json = readScoresJson(text, item.constraints.length, tag);
  if (typeof json === "string") {
    const none: Verdict = { score: null, reason: json };
    return judgement(item.constraints.map(() => none), none, text);
  }
  const { scores, overall } = json;
  return judgement(
    scores.map((s) => inScale(s, "score")),
    overall === undefined
      ? { score: null, reason: "the judge's JSON has no overall score" }
      : inScale(overall, "overall score"),
    text,
  );
}

function cutJudgement(item: BenchmarkItem, raw: string): Judgement {
  const none: Verdict = { score: null, reason: CUT_AT_LIMIT };
  return judgement(item.constraints.map(() => none), none, raw, raw.trim() !== "");
}

function judgement(constraints: Verdict[], overall: Verdict, raw: string, cut = false): Judgement {
  const scored = constraints.filter((v) => v.score !== null).length;
  const some = scored > 0 || overall.score !== null || cut;
  const reading = scored === constraints.length && !cut ? "complete" : some ? "partial" : "none";
  return { constraints, overall, raw, reading, ...(cut && { cut }) };
}

/**
 * The verdict on a response: 1 when every constraint has 10, 0 when one has less; when that isn't known because
 * fine-grained scores are missing, by the overall score; null when there is none.
 */
export function traceFollowed({ constraints, overall }: Judgement): Verdict {
  const followed = allReach(constraints, TRACE_SCALE);
  return followed.score === null ? allReach([overall], TRACE_SCALE) : followed;
}

/**
 * `IF`, `IF-S`, `IF-M` (also by number of constraints and category), `mean` (fine-grained score, 0 to 10) and `met` (share
 * of constraints with 10), both by type and dimension, `overall` (0 to 10), `fine-grained` (share of complete readings).
 */
function traceContributions({ item, judgement }: BenchmarkResult): Contribution[] {
  const none: Verdict = { score: null, reason: "no judgement" };
  const followed = [judgement === null ? none : traceFollowed(judgement)];
  const verdicts = judgement?.constraints ?? item.constraints.map(() => none);
  const complete: Verdict = judgement === null
    ? none
    : { score: verdicts.every(({ score }) => score !== null) ? 1 : 0 };
  const met = (score: number) => score === TRACE_SCALE ? 1 : 0;
  return [
    ...contribute("IF", followed),
    ...contribute(item.constraints.length === 1 ? "IF-S" : "IF-M", followed),
    ...outOf(TRACE_SCALE, contribute("mean", verdicts)),
    ...contribute("met", verdicts, undefined, met),
    ...outOf(TRACE_SCALE, contribute("overall", [judgement?.overall ?? none])),
    ...contribute("fine-grained", [complete]),
    ...Object.entries(item.groups).flatMap(([by, name]) => contribute("IF", followed, { by, name })),
    ...item.constraints.flatMap(({ groups }, i) =>
      Object.entries(groups).flatMap(([by, name]) => [
        ...outOf(TRACE_SCALE, contribute("mean", [verdicts[i] ?? none], { by, name })),
        ...contribute("met", [verdicts[i] ?? none], { by, name }, met),
      ])
    ),
  ];
}

const VERDICT_PATTERN = phrasePattern(VERDICT_PHRASES);

/** The response without anything that reads like a verdict or like a heading of the prompt. */
function neutralize(response: string): string {
  return disarm(response, VERDICT_PATTERN)
    .replace(/<(\s*(?:query|constraints|response)\s*)>(?=\s*[:：])/gi, "‹$1›");
}
