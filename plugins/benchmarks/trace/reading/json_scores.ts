/**
 * The scores of a list or map that a judge wrote: one map of texts and scores, a map per constraint with its fields in any order, maps
 * within a map, bare numbers.
 * @module
 */
import { type NamedScore, unread } from "./named_scores.ts";
import { labelOf } from "./label.ts";
import { OWN_AT } from "./own_texts.ts";
import type { Relaxed } from "./relaxed_json.ts";
import { lineScore } from "./line_score.ts";
import { verdictOf } from "./verdict_of.ts";

const SCORE_KEY = /^(?:final[\s_-]?)?(?:score|rating|grade|points?|mark|分数|得分|评分|打分|分值)$/i;
const LIMIT_KEY = /^(?:max|maximum|scale|out[\s_-]?of|total|full|满分)(?:[\s_-]?(?:score|points?))?$/i;
/** Fields whose numbers are names; the texts of all fields are. */
const NUMBER_KEY =
  /^(?:constraint|criterion|requirement|checkpoint)?[\s_-]?(?:id|no|number|index|idx|key|num|item|constraint|criterion|序号|编号|约束)?$/i;
/** Fields whose numbers are never scores. */
const ID_KEY =
  /^(?:(?:constraint|criterion|requirement|checkpoint|item)?[\s_-]?(?:id|no\.?|number|index|idx|key|num|序号|编号)|weight|confidence|权重|置信度|(?:previous|prior|old|draft|initial)[\s_-]?score)$/i;
/** Fields that hold a score where none is called so. */
const VALUE_KEY = /^(?:value|verdict|result|evaluation|(?:final[\s_-]?)?score[\s_-].{1,16}|评价|结果)$/i;
/** Fields that speak about a score. */
const COMMENT_KEY =
  /reason|explanation|comment|analysis|rationale|justification|thought|evidence|feedback|理由|原因|解释|说明|分析/i;
/** Keys whose values hold the scores of constraints. */
const HOLDER_KEY =
  /^(?:constraints?|criteria|requirements|items|details?|results?|(?:fine[\s_-]?grained[\s_-]?)?scores?)$/i;

/** True for a field that holds a constraint's score. */
export function isScoreKey(key: string): boolean {
  return SCORE_KEY.test(key.trim());
}

/** The scores in their order. */
export function jsonScores(value: Relaxed, scale: number): NamedScore[] {
  if (value.kind === "text") return textScore(value.text, scale);
  if (value.kind === "list") return listScores(value.items, scale);
  return mapScores(value.pairs, scale);
}

function textScore(text: string, scale: number): NamedScore[] {
  const verdict = verdictOf(text, scale);
  if (verdict !== undefined) return [{ names: [], verdict }];
  const found = lineScore(`${text}\n`, scale);
  return found === undefined ? [] : [found];
}

function listScores(items: readonly Relaxed[], scale: number): NamedScore[] {
  const [first, second] = items;
  if (items.length === 2 && first?.kind === "text" && second?.kind === "text" && first.quoted) {
    const verdict = verdictOf(second.text, scale);
    if (verdict !== undefined && verdictOf(first.text, scale) === undefined) {
      return [{ names: [first.text], verdict }];
    }
  }
  return items.flatMap((item) => jsonScores(item, scale));
}

function mapScores(pairs: readonly [string, Relaxed][], scale: number): NamedScore[] {
  const scores = pairs.filter(([key, value]) => isScoreKey(key) && value.kind === "text");
  const [score] = scores;
  if (scores.length === 1 && score?.[1].kind === "text") return [fieldsScore(pairs, score[1].text, scale)];
  const isRecord = recordNames(pairs, scale);
  if (isRecord !== undefined) {
    const [only, ...more] = pairs.filter(([key, value]) =>
      VALUE_KEY.test(key.trim()) && value.kind === "text"
    );
    return [
      only?.[1].kind === "text" && more.length === 0
        ? fieldsScore(pairs, only[1].text, scale)
        : unread(...isRecord),
    ];
  }
  return pairs.flatMap(([key, value]): NamedScore[] => {
    if (value.kind === "text") {
      const verdict = ID_KEY.test(key.trim()) ? undefined : verdictOf(value.text, scale);
      if (verdict !== undefined) return [{ names: [key], verdict }];
      return OWN_AT.test(key) || labelOf(key)?.worded === true
        ? [{ ...unread(key), numbered: /\d/.test(value.text) }]
        : [];
    }
    const inner = jsonScores(value, scale);
    // {"1. a text": {"score": 7, "reason": "…"}}, but not {"constraints": […]}
    return inner.length === 1 && inner[0] !== undefined && !HOLDER_KEY.test(key.trim())
      ? [{ names: [key, ...inner[0].names], verdict: inner[0].verdict }]
      : inner;
  });
}

/** The names of a map that describes one constraint, none of whose fields is said to be its score. */
function recordNames(pairs: readonly [string, Relaxed][], scale: number): string[] | undefined {
  const names = pairs.flatMap(([key, value]) =>
    value.kind === "text" && value.quoted && OWN_AT.test(value.text) && !COMMENT_KEY.test(key) &&
      verdictOf(value.text, scale) === undefined
      ? [value.text]
      : []
  );
  return names.length === 1 && pairs.every(([key, { kind }]) => kind === "text" && !OWN_AT.test(key))
    ? names
    : undefined;
}

/** A map that describes one score. */
function fieldsScore(pairs: readonly [string, Relaxed][], text: string, scale: number): NamedScore {
  const limit = pairs.find(([key]) => LIMIT_KEY.test(key.trim()))?.[1];
  const other = limit?.kind === "text" && /^\d+(?:\.\d+)?$/.test(limit.text) && Number(limit.text) !== scale;
  const shown = other ? `${text}/${limit.text}` : text;
  const names = pairs.flatMap(([key, value]): string[] => {
    const field = key.trim();
    if (value.kind !== "text" || SCORE_KEY.test(field) || LIMIT_KEY.test(field) || COMMENT_KEY.test(field)) {
      return [];
    }
    return /^[\d.\s-]+$/.test(value.text) && !NUMBER_KEY.test(field) ? [] : [value.text];
  });
  return {
    names,
    verdict: verdictOf(shown, scale) ??
      { score: null, reason: `the judge's score "${text.slice(0, 60)}" is no number` },
  };
}
