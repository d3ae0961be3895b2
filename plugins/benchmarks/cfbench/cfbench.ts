/**
 * Benchmark `cfbench`: 1,000 Chinese instructions with 4,237 criteria, judged by a model criterion by criterion.
 *
 * Zhang et al. 2024, "CFBench: A Comprehensive Constraints-Following Benchmark for LLMs", arXiv 2408.01122. The data has
 * no licence and doesn't come along: `path` names a person's own copy of cfbench_data.json.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../../kinds/plugin.ts";
import type { Verdict } from "../../kinds/judgement.ts";
import { readRows } from "../../../formats/records/rows.ts";
import {
  breakMarks,
  CUT_AT_LIMIT,
  fence,
  fillTemplate,
  readScoresJson,
  readTemplate,
  scoresSchema,
  withReply,
} from "../judge_text.ts";
import type { BenchmarkItem, BenchmarkResult, Contribution, JudgeProtocol } from "../../kinds/benchmark.ts";
import type { Judgement } from "../../kinds/judgement.ts";
import { Echo } from "../echo.ts";
import { allReach } from "../../kinds/all_reach.ts";
import { ofOwnCopy } from "../own_copy.ts";
import { contribute } from "../scores.ts";
import {
  type CfbenchMetrics,
  completeMetrics,
  listedMetrics,
  partialMetrics,
  type Priority,
} from "./metrics.ts";
import { markEntries, readOtherForms } from "./other_forms.ts";
import { pythonFloat } from "./python_float.ts";
import { readEntries, readStrict, readTolerant, withoutDress } from "./reading.ts";

const Options = z.strictObject({
  path: z.string().describe("cfbench_data.json of PKU-Baichuan-MLSystemLab/CFBench, or rows in its format"),
  mode: z.enum(["fixed", "upstream"]).default("fixed").describe(
    "fixed: zeros of a partly readable judgement count and what is missing stays unscored; upstream: as the released code",
  ),
  prompt: z.string().optional().describe(
    "a judge prompt of your own with {{query}}, {{reference}}, {{response}}, {{constraints}} and, if you like, {{tag}}",
  ),
  rounds: z.int().min(1).max(10).default(10).describe(
    "how often the judge is asked at most until all is readable",
  ),
});

/** Rules for reading and counting judgements. */
export type CfbenchMode = "fixed" | "upstream";

const PRIORITIES: Record<string, Priority> = { 主需: "primary", 次需: "secondary" };

/** Fields used from a row of the released format. */
export interface CfbenchRow {
  /** Number of the row. */
  idx: string;
  /** The instruction; empty in row 810 of the released data. */
  prompt: string;
  /** A reference answer, "" where there is none. */
  gold: string;
  /** `easy` or `hard`. */
  split: string;
  /** Text, priority, main type, subtype. */
  criteria: [text: string, priority: "主需" | "次需", ...types: string[]][];
}

const Row: z.ZodType<CfbenchRow> = z.object({
  idx: z.union([z.int(), z.string()]).transform(String),
  prompt: z.string(),
  gold: z.string().nullish().transform((gold) => gold ?? ""),
  split: z.string().min(1),
  criteria: z.array(
    z.tuple([z.string().min(1), z.enum(["主需", "次需"])]).rest(z.string()),
  ).min(1),
});

/** The plugin, see the module's text. */
const cfbench: Plugin<"benchmark", typeof Options> = definePlugin({
  kind: "benchmark",
  name: "cfbench",
  version: "3",
  description: "CFBench: Chinese instructions with prioritised criteria, judged by a model (CSR, ISR, PSR)",
  options: Options,
  create: ({ path, mode, prompt, rounds }) => ({
    items: () => ofOwnCopy(readCfbenchItems(path), "cfbench_data.json of PKU-Baichuan-MLSystemLab/CFBench"),
    protocol: cfbenchProtocol(mode, rounds, prompt),
    contributions: (result) => cfbenchContributions(result, mode),
  }),
});
export default cfbench;

/**
 * Reads CFBench rows, one at a time: a JSON list or JSON lines.
 *
 * @throws {SyntaxError} If a row isn't in the released format: names the row and the field.
 * @throws {RangeError} If two rows have the same number, or there is none.
 */
export async function* readCfbenchItems(path: string): AsyncGenerator<BenchmarkItem> {
  for await (const row of readRows(path, Row, (row) => row.idx)) yield cfbenchItem(row);
}

/** An item from one row of the released format. */
export function cfbenchItem({ idx, prompt, gold, split, criteria }: CfbenchRow): BenchmarkItem {
  return {
    id: idx,
    messages: [{ role: "user", content: prompt }],
    constraints: criteria.map(([text, priority, type]) => ({
      text,
      groups: { priority: PRIORITIES[priority]!, type: type === undefined || type === "" ? "(none)" : type },
    })),
    groups: { split },
    fields: { query: prompt, reference: gold },
  };
}

/**
 * Prompt and reading of the judge.
 *
 * @throws {RangeError} If the prompt lacks a slot.
 */
export function cfbenchProtocol(mode: CfbenchMode, rounds = 10, prompt?: string): JudgeProtocol {
  const template = readTemplate(prompt, new URL("judge_prompt.txt", import.meta.url), [
    "query",
    "response",
    "constraints",
  ]);
  const echo = new Echo(template, /\t\s*[01]$/);
  return {
    scale: 1,
    rounds,
    messages(item, response) {
      const shown = neutralize(response, item.constraints.map(({ text }) => text));
      const slots = { ...questionOf(item), response: shown, tag: tagOf(item, response) };
      return [{ role: "user", content: fillTemplate(template, slots) }];
    },
    read(item, text, cut) {
      const own = mode === "upstream" ? text : echo.remove(text, item.constraints.map((c) => c.text));
      return readCfbench(item, own, mode, cut);
    },
    structured: {
      schema: (item, response) => scoresSchema(item.constraints.length, [0, 1], tagOf(item, response)),
      read: (item, text, response, cut) => readCfbenchJson(item, text, tagOf(item, response), cut),
    },
  };
}

/** The data of an item that a judge's prompt gets. */
function questionOf(
  { constraints, fields }: BenchmarkItem,
): Record<"query" | "reference" | "constraints", string> {
  const { query = "", reference = "" } = fields;
  return { query, reference, constraints: constraints.map(({ text }) => text).join("\n\n") };
}

/** The mark that fences the response, and that only an answer of the judge's own can carry. */
function tagOf(item: BenchmarkItem, response: string): string {
  const { query, reference, constraints } = questionOf(item);
  return fence(query, reference, constraints, response);
}

/**
 * Reads a judge's text, see {@linkcode CfbenchMode}.
 * @param cut True if the answer stopped at its limit: then mode `fixed` takes no score from it.
 */
export function readCfbench(item: BenchmarkItem, text: string, mode: CfbenchMode, cut = false): Judgement {
  if (cut && mode === "fixed") return cutJudgement(item, text);
  const criteria = item.constraints.map((c) => c.text);
  const scores = readStrict(text, criteria);
  if (scores !== undefined) return judgement(scores.map((score) => ({ score })), text);
  if (mode === "fixed") {
    const others = readOtherForms(text, criteria);
    return judgement(others?.map((score) => ({ score })) ?? readTolerant(text, criteria), text);
  }
  const reason = "the judge's text isn't in the format asked for", entries = readEntries(text);
  return {
    // entries hold their criteria, so that no two replies with some are alike
    ...unreadable(item, text, entries.length > 0 ? reason : withReply(reason, text)),
    ...listed(entries.filter((score) => score !== 0)),
  };
}

/**
 * The same from an answer that was asked for as JSON.
 * @param tag Value that the answer must give as its `tag`.
 */
export function readCfbenchJson(item: BenchmarkItem, text: string, tag: string, cut = false): Judgement {
  if (cut) return cutJudgement(item, text);
  const json = readScoresJson(text, item.constraints.length, tag);
  if (typeof json === "string") return unreadable(item, text, json);
  const other = json.scores.find((score) => score !== 0 && score !== 1);
  return other === undefined
    ? judgement(json.scores.map((score) => ({ score })), text)
    : unreadable(item, text, `the judge's JSON has a score that isn't 0 or 1: ${other}`);
}

function judgement(constraints: Verdict[], raw: string): Judgement {
  const scores = constraints.flatMap((v) => v.score === null ? [] : [v.score]);
  const complete = scores.length === constraints.length;
  return {
    constraints,
    overall: allReach(constraints),
    raw,
    ...listed(scores),
    ...(complete ? { reading: "complete" as const } : {}),
  };
}

function cutJudgement(item: BenchmarkItem, raw: string): Judgement {
  const reading = raw.trim() === "" ? "none" : "partial";
  return { ...unreadable(item, raw, CUT_AT_LIMIT), reading, cut: true };
}

function unreadable(item: BenchmarkItem, raw: string, reason: string): Judgement {
  return judgement(item.constraints.map(() => ({ score: null, reason })), raw);
}

/** Scores without their criteria. */
function listed(scores: number[]): Required<Pick<Judgement, "listed" | "reading">> {
  return { listed: scores, reading: scores.length > 0 ? "partial" : "none" };
}

/** CSR, ISR and PSR of one response; null without a judgement. */
export function cfbenchMetrics(
  item: BenchmarkItem,
  judgement: Judgement | null,
  mode: CfbenchMode,
): CfbenchMetrics {
  if (judgement === null) return { CSR: null, ISR: null, PSR: null };
  const priorities = item.constraints.map((c) => c.groups["priority"] as Priority);
  if (mode === "fixed") return partialMetrics(judgement.constraints, priorities);
  const listed = judgement.listed ?? [];
  if (judgement.reading === "complete") return completeMetrics(listed, priorities);
  return listed.length > 0 ? listedMetrics(listed) : { CSR: 0, ISR: 0, PSR: 0 };
}

/** `CSR`, `ISR`, `PSR` for all rows and by split; `criterion` (share met) by priority and by main type. */
export function cfbenchContributions(
  { item, judgement }: BenchmarkResult,
  mode: CfbenchMode,
): Contribution[] {
  const { CSR, ...whole } = cfbenchMetrics(item, judgement, mode);
  const metrics = [
    ...(mode === "fixed" ? shareMet(item, judgement) : [{ metric: "CSR", value: CSR, weight: 1 }]),
    ...Object.entries(whole).map(([metric, value]) => ({ metric, value, weight: 1 })),
  ];
  const splits = Object.entries(item.groups).map(([by, name]) => ({ by, name }));
  return [
    ...[undefined, ...splits].flatMap((group) =>
      metrics.map((contribution) => ({ ...contribution, ...(group === undefined ? {} : { group }) }))
    ),
    ...item.constraints.flatMap(({ groups }, i) => {
      const verdict: Verdict = judgement?.constraints[i] ?? { score: null, reason: "no judgement" };
      return Object.entries(groups).flatMap(([by, name]) => contribute("criterion", [verdict], { by, name }));
    }),
  ];
}

/** CSR of one response as parts of 1: a criterion without a verdict is unscored, so that a reading in part is no whole one. */
function shareMet({ constraints }: BenchmarkItem, judgement: Judgement | null): Contribution[] {
  const scores = (judgement?.constraints ?? []).flatMap(({ score }) => score === null ? [] : [score]);
  const all = constraints.length, read = scores.length;
  const met = scores.reduce((a, b) => a + b, 0);
  return [
    ...(read > 0 ? [{ metric: "CSR", value: met / all, weight: read / all }] : []),
    ...(read < all ? [{ metric: "CSR", value: null, weight: (all - read) / all }] : []),
  ];
}

/** The response without lines that read like a score and without headings like those of the prompt. */
function neutralize(response: string, criteria: readonly string[]): string {
  const headings = "用户指令|参考答案|模型答案|模型回答|考察点|检查点|评估标准|你的评估";
  return markEntries(breakMarks(response), criteria).split("\n").map(withoutScore).join("\n")
    .replace(new RegExp(`[\\[【]\\s*(${headings})\\s*[\\]】]`, "g"), "〔$1〕");
}

/** The line with blanks instead of the tab, written out or not, that sets apart what is read as a number. */
function withoutScore(line: string): string {
  const place = Math.max(line.lastIndexOf("\t"), line.lastIndexOf("\\t"));
  const width = line[place] === "\t" ? 1 : 2;
  return place >= 0 && pythonFloat(withoutDress(line.slice(place + width))) !== undefined
    ? `${line.slice(0, place)}    ${line.slice(place + width)}`
    : line;
}
