/**
 * Judge `recorded`: verdicts from a file, to score what people or another program decided.
 *
 * Rows of JSON lines with `id` (or `key`, `idx`) and `scores`, one number or null per constraint; optionally `overall`. The
 * released IFEval results (`follow_instruction_list` of booleans) are read too; they are found by `prompt`.
 * @module
 */
import { z } from "zod";

import { hashOfFile, readText } from "../../formats/records/rows.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import type { JudgeRequest } from "../kinds/judge.ts";
import type { JudgeResult, Verdict } from "../kinds/judgement.ts";

const Options = z.strictObject({
  path: z.string().min(1).describe("JSON lines with id and scores (a number or null per constraint)"),
  scale: z.number().positive().default(1).describe("scores run from 0 to this"),
});

const Row = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  key: z.union([z.string(), z.number()]).optional(),
  idx: z.union([z.string(), z.number()]).optional(),
  prompt: z.string().optional(),
  scores: z.array(z.number().nullable()).optional(),
  follow_instruction_list: z.array(z.boolean()).optional(),
  overall: z.number().nullable().optional(),
});

type Recorded = { scores: (number | null)[]; overall: number | null | undefined; prompt: string | undefined };

/** The plugin, see the module's text. */
const recorded: Plugin<"judge", typeof Options> = definePlugin({
  kind: "judge",
  name: "recorded",
  version: "1",
  description: "Verdicts from a file: people's, or another program's",
  options: Options,
  create({ path, scale }) {
    let table: Promise<Map<string, Recorded>> | undefined;
    return {
      scale,
      identity: { recorded: hashOfFile(path, "verdicts"), scale },
      async judge(request) {
        const rows = await (table ??= readVerdicts(path, scale));
        return verdictsOf(rows, request, path);
      },
    };
  },
});
export default recorded;

/** Verdicts of the row with the item's id, unless it has another prompt; else of the only row with its prompt. */
function verdictsOf(
  rows: ReadonlyMap<string, Recorded>,
  { id, prompt, constraints }: JudgeRequest,
  path: string,
): JudgeResult {
  const none = (reason: string): JudgeResult => ({
    constraints: constraints.map(() => ({ score: null, reason })),
    overall: { score: null, reason },
    raw: "",
  });
  const byId = rows.get(`id:${id}`);
  const isOther = byId?.prompt !== undefined && byId.prompt.trim() !== prompt.trim();
  const row = (isOther ? undefined : byId) ?? rows.get(`prompt:${prompt.trim()}`);
  if (row === undefined) {
    return none(
      isOther ? `${path} has for ${id} a verdict on another prompt` : `${path} has no verdict on ${id}`,
    );
  }
  if (row.scores.length !== constraints.length) {
    return none(
      `${path} has ${row.scores.length} scores for ${id}, which has ${constraints.length} constraints`,
    );
  }
  const verdict = (score: number | null | undefined): Verdict =>
    score == null ? { score: null, reason: `${path} says null` } : { score };
  return { constraints: row.scores.map(verdict), overall: verdict(row.overall), raw: "" };
}

async function readVerdicts(path: string, scale: number): Promise<Map<string, Recorded>> {
  const rows = new Map<string, Recorded>();
  const several = new Set<string>();
  const lines = (await readText(path)).split("\n");
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const where = `${path}:${i + 1}`;
    let raw: unknown;
    try {
      raw = JSON.parse(line);
    } catch (error) {
      throw new SyntaxError(`Cannot read ${where} as JSON: ${(error as Error).message}`);
    }
    const { data: row } = Row.safeParse(raw);
    const scores = row?.scores ?? row?.follow_instruction_list?.map(Number);
    const id = row?.id ?? row?.key ?? row?.idx;
    if (scores === undefined || (id === undefined && row?.prompt === undefined)) {
      throw new SyntaxError(
        `Cannot read ${where} as verdicts: it needs scores (numbers or null), and id or prompt`,
      );
    }
    for (const score of [...scores, row?.overall ?? null]) {
      if (score !== null && !(score >= 0 && score <= scale)) {
        throw new RangeError(
          `Cannot read ${where} as verdicts from 0 to ${scale}: current value is ${score}`,
        );
      }
    }
    const [byId, byPrompt] = [`id:${id}`, `prompt:${row?.prompt?.trim()}`];
    const key = id === undefined ? byPrompt : byId;
    if (rows.has(key)) {
      throw new RangeError(`Cannot read ${where} as verdicts: ${key.slice(0, 80)} stands above already`);
    }
    const recorded = { scores, overall: row?.overall, prompt: row?.prompt };
    rows.set(key, recorded);
    if (id === undefined || row?.prompt === undefined) continue;
    if (rows.has(byPrompt)) several.add(byPrompt);
    rows.set(byPrompt, recorded);
  }
  for (const prompt of several) rows.delete(prompt);
  return rows;
}
