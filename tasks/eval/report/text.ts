/**
 * Results as text: for the terminal and report.md.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import { shortened } from "../../../formats/message.ts";
import { type Table, textTable, wrapped } from "../../common/report/table.ts";
import { cachedText } from "../asking/cache_notes.ts";
import { failureText } from "../../ask/failures.ts";
import type { EvalResults } from "../results/results.ts";
import type { ScoreWithSpread } from "../results/score_table.ts";
import { weightText } from "../results/weight_text.ts";

/** True if a score is a share, to be shown in percent. */
export function isShare({ max = 1, value }: Pick<ScoreWithSpread, "max" | "value">): boolean {
  return max === 1 && (value === null || value <= 1);
}

/** `62.4 %`, `7.81`, or `–`. */
export function valueText(
  score: Pick<ScoreWithSpread, "max" | "value">,
  value: number | null = score.value,
): string {
  if (value === null) return "–";
  return isShare(score) ? `${(100 * value).toFixed(1)} %` : value.toFixed(2);
}

/** `59.1 to 65.3 %`, or `–`. */
export function intervalText(score: Pick<ScoreWithSpread, "max" | "value" | "interval">): string {
  if (score.interval === null) return "–";
  const [low, high] = score.interval;
  return isShare(score)
    ? `${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} %`
    : `${low.toFixed(2)} to ${high.toFixed(2)}`;
}

/** Method of the intervals. */
export function intervalNote({ bootstrap: { resamples, seed } }: EvalResults): string {
  return `Intervals, 95 %: percentile bootstrap over items, ${resamples} resamples or fewer, seed ${seed}; Wilson's where that ` +
    "one would be sure of an end of the scale.";
}

/** Scores without a group, those of one family (`IF`, `IF-S`, `IF-M`) beside each other. */
export function headlines(scores: readonly ScoreWithSpread[]): ScoreWithSpread[] {
  const plain = scores.filter((s) => s.group === undefined);
  return [...Map.groupBy(plain, (s) => s.metric.split(/[-/]/)[0] ?? "").values()].flat();
}

/** Scores with both shares: of what was scored, and of all, where the unscored counts as zero. */
export function scoreRows(names: readonly string[], rows: readonly [string[], ScoreWithSpread][]): Table {
  return {
    columns: [
      ...names.map((title) => ({ title, align: "left" as const })),
      { title: "of scored" },
      { title: "of all" },
      { title: "95 % interval" },
      { title: "std. error", spare: 1 },
      { title: "scored" },
      { title: "unscored" },
    ],
    rows: rows.map(([first, s]) => [
      ...first,
      valueText(s),
      valueText(s, s.ofAll),
      intervalText(s),
      s.stderr === null ? "–" : valueText(s, s.stderr),
      weightText(s.scored),
      weightText(s.unscored),
    ]),
  };
}

/**
 * Headline scores as an aligned table, with what was left out.
 * @param width Characters a line; default: the terminal's
 */
export function resultsText(results: EvalResults, width?: number): string {
  const { scores, model, benchmark, judge } = results;
  const table = scoreRows(["score"], headlines(scores).map((s) => [[s.metric], s]));
  const lines = [
    ...countLines(results),
    ...unscoredLines(results),
  ];
  return [
    "",
    `${model} on ${benchmark}, judged by ${judge}`,
    "",
    ...textTable(table, width),
    "",
    ...lines.flatMap((line) => wrapped(line.split(" "), width)),
  ].join("\n");
}

/** How many constraints are unscored, and what that does to the scores; nothing where all are scored. */
function unscoredLines({ counts, scores }: EvalResults): string[] {
  const told = unscoredText(counts);
  if (told === null) return [];
  const plain = headlines(scores);
  if (plain.every(({ value }) => value === null)) return [`${told}: no score has a value`];
  const none = plain.some(({ value }) => value === null) ? " (– where nothing is scored)" : "";
  return [`${told}: they are in no score "of scored", and zeros in those "of all"${none}`];
}

/** Why a run isn't complete: what stopped it, and how much of how much is open; "" where neither is known. */
export function openText({ stopped, counts }: Pick<EvalResults, "stopped" | "counts">): string {
  const { items, answered, unanswered, unjudged } = counts;
  const open = (part: number, whole: string, lacking: string) =>
    part === 0 ? [] : [`${part} of ${whole} ${part === 1 ? "has" : "have"} no ${lacking}`];
  return [
    ...(stopped === null ? [] : [stopped]),
    [
      ...open(unanswered, counted(items, "item"), "answer"),
      ...open(unjudged, counted(answered, "answer"), "verdict"),
    ].join(", "),
  ].filter((text) => text !== "").join("; ");
}

/** `140 of 200 constraints are unscored, 30 of them of items without a judgement`; null where all are scored. */
export function unscoredText(
  { constraints, unscored, unjudged_constraints }: EvalResults["counts"],
): string | null {
  const all = unscored + unjudged_constraints;
  if (all === 0) return null;
  const apart = unjudged_constraints === 0
    ? ""
    : unscored === 0
    ? ", as their items have no judgement"
    : `, ${unjudged_constraints} of them of items without a judgement`;
  return `${all} of ${counted(constraints, "constraint")} ${all === 1 ? "is" : "are"} unscored${apart}`;
}

const THOUGHT_HINT =
  "A thought without an answer is unscored: raise run_args.max_tokens, or switch thinking off " +
  "(run_args.chat_template_kwargs: {enable_thinking: false} or reasoning_effort for a server, " +
  "args.template_options: {enable_thinking: false} for a local model)";

const EMPTY_HINT =
  "Every answer is empty, and scored as such: look at what the model sends (a server's reasoning parser that takes the answer " +
  "for a thought, a wrong chat template and an end token at once do that)";

/** Counts of the items, in sentences. */
export function countLines(
  { counts, usage, failures, totals, agreement, cached, answered_by = {} }: EvalResults,
): string[] {
  const parts = [
    counted(counts.items, "item"),
    `${counts.answered} answered`,
    `${counts.judged} judged`,
    ...(counts.unanswered > 0 ? [`${counts.unanswered} without an answer`] : []),
    ...(counts.unjudged > 0 ? [`${counts.unjudged} not judged`] : []),
    ...(counts.context_length > 0 ? [`${counts.context_length} too long for the model's context`] : []),
    ...(counts.content_filter > 0 ? [`${counts.content_filter} held back by a content filter`] : []),
    ...(counts.thoughts > 0 ? [`${counts.thoughts} with a thought, which is set apart`] : []),
    ...(counts.thought_only > 0 ? [`${counts.thought_only} with a thought and no answer`] : []),
    ...(counts.truncated > 0 ? [`${counts.truncated} cut at max_tokens`] : []),
    ...(counts.empty > 0 ? [`${counts.empty} empty`] : []),
  ];
  const tokens = totals.promptTokens + totals.completionTokens + totals.judgePromptTokens +
    totals.judgeCompletionTokens;
  const fromCache = cachedText(cached);
  return [
    parts.join(", "),
    `${counted(usage.requests, "request")} (${usage.retries} repeated), ${usage.cached} from the cache, ${
      usage.seconds.toFixed(1)
    } s; ` +
    `${tokens} tokens in all${totals.cost > 0 ? `, cost ${totals.cost.toFixed(4)}` : ""}${
      totals.estimated > 0
        ? ` (those of ${totals.estimated} answers are estimated from characters, as nobody counted them)`
        : ""
    }`,
    ...(fromCache === null ? [] : [fromCache]),
    ...Object.entries(answered_by).map(([name, count]) =>
      `${counted(count, "answer", ["is", "are"])} of ${
        shortened(name)
      }, as the server says, which wasn't asked for by this name`
    ),
    ...(counts.thought_only > 0 ? [THOUGHT_HINT] : []),
    ...(counts.empty > 0 && counts.empty === counts.answered ? [EMPTY_HINT] : []),
    ...(agreement === null
      ? []
      : [`The judges agree to alpha = ${agreement.alpha?.toFixed(3) ?? "–"} (Krippendorff, interval)`]),
    ...failures.map(failureText),
  ];
}
