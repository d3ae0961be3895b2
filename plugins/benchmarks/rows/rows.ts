/**
 * Benchmark `rows`: a team's own instructions with constraints, from any JSON-lines file, judged by any judge plugin. Scores
 * of constraints run from 0 to 1; a judge model is asked as for TRACE, and its 0 to 10 are divided by ten.
 * @module
 */
import { z } from "zod";

import type { Verdict } from "../../kinds/judgement.ts";
import { definePlugin, type Plugin } from "../../kinds/plugin.ts";
import type { JudgeProtocol } from "../../kinds/benchmark.ts";
import type { Judgement } from "../../kinds/judgement.ts";
import { traceProtocol } from "../trace/trace.ts";
import { rowContributions } from "./contributions.ts";
import { readRowItems } from "./read.ts";

const Options = z.strictObject({
  path: z.string().min(1).describe("JSON lines with id, messages (or prompt) and constraints"),
  prompt: z.string().optional().describe("a judge prompt of your own, with the places of TRACE's"),
  rounds: z.int().min(1).max(20).default(2).describe(
    "how often a judge model is asked at most until all is readable",
  ),
});

/** The plugin, see the module's text. */
const rows: Plugin<"benchmark", typeof Options> = definePlugin({
  kind: "benchmark",
  name: "rows",
  version: "3",
  description: "Your own instructions with constraints (JSON lines), judged by any judge",
  options: Options,
  create: ({ path, prompt, rounds }) => ({
    items: () => readRowItems(path),
    protocol: unitProtocol(rounds, prompt),
    contributions: rowContributions,
  }),
});
export default rows;

/** TRACE's way of asking with scores from 0 to 1. */
export function unitProtocol(rounds: number, prompt?: string): JudgeProtocol {
  const ten = traceProtocol(rounds, prompt);
  return {
    ...ten,
    scale: 1,
    read: (item, text, cut) => divided(ten.read(item, text, cut), ten.scale),
    structured: {
      schema: ten.structured.schema,
      read: (item, text, response, cut) => divided(ten.structured.read(item, text, response, cut), ten.scale),
    },
  };
}

function divided(judgement: Judgement, by: number): Judgement {
  const verdict = (v: Verdict): Verdict => v.score === null ? v : { ...v, score: v.score / by };
  return {
    ...judgement,
    constraints: judgement.constraints.map(verdict),
    overall: verdict(judgement.overall),
  };
}
