/**
 * The scores of a YAML list of records: `- constraint: a text` with `score: 8` below or above it. A text's indentation is
 * folded away (plain_text.ts), so a record begins at its dash.
 * @module
 */
import { isScoreKey, jsonScores } from "./json_scores.ts";
import type { NamedScore } from "./named_scores.ts";
import type { Relaxed } from "./relaxed_json.ts";

const FIELD = /^["']?([a-z][a-z _-]{0,24}|[\u4e00-\u9fff]{2,6})["']? ?:(?: |$)(.*)$/i;
const FENCE = /^(?:\x60{3,}|~{3,})[a-z]*$/i;

/**
 * The scores of a region that is nothing but such a list.
 * @param region Ends at a line's end unless the whole text ends with it.
 * @returns undefined when it isn't one, or the text ends within it.
 */
export function recordScores(region: string, scale: number): NamedScore[] | undefined {
  const records: [string, string][][] = [];
  if (!region.endsWith("\n")) return undefined;
  for (const line of region.split("\n").map((line) => line.trim())) {
    if (line === "" || FENCE.test(line)) continue;
    const begins = /^- /.test(line);
    const [, key, value = ""] = FIELD.exec(begins ? line.slice(2).trim() : line) ?? [];
    const record = records.at(-1);
    if (begins && key !== undefined) records.push([[key, value.trim()]]);
    else if (record === undefined || begins) {
      // `scores:` above the list
      if (begins || key === undefined || value.trim() !== "") return undefined;
    } else if (key !== undefined) record.push([key, value.trim()]);
    else {
      const last = record.at(-1);
      if (last !== undefined) last[1] += ` ${line}`;
    }
  }
  const scored = records.filter((record) => record.some(([key]) => isScoreKey(key)));
  if (scored.length === 0 || records.some((record) => record.length < 2)) return undefined;
  const items = records.map((record): Relaxed => ({
    kind: "map",
    pairs: record.map(([key, value]): [string, Relaxed] => {
      const [, , inner] = /^(["'])(.*)\1$/.exec(value) ?? [];
      return [key, { kind: "text", text: inner ?? value, quoted: inner !== undefined }];
    }),
  }));
  return jsonScores({ kind: "list", items }, scale);
}
