/**
 * Results as text: for the terminal and report.md.
 * @module
 */
import type { Results } from "../results.ts";
import type { ScoreWithSpread } from "../score_table.ts";

/** Scores that aren't shares of something, and what they run to; all others are shares and are shown in percent. */
const NOT_SHARES: ReadonlySet<string> = new Set(["mean", "overall"]);

/** Whether a score is a share, to be shown in percent. */
export function isShare({ metric, value }: Pick<ScoreWithSpread, "metric" | "value">): boolean {
  return !NOT_SHARES.has(metric) && (value === null || value <= 1);
}

/** `62.4 %`, `7.81`, or `–`. */
export function valueText(
  score: Pick<ScoreWithSpread, "metric" | "value">,
  value: number | null = score.value,
): string {
  if (value === null) return "–";
  return isShare(score) ? `${(100 * value).toFixed(1)} %` : value.toFixed(2);
}

/** `59.1 to 65.3 %`, or `–`. */
export function intervalText(score: ScoreWithSpread): string {
  if (score.interval === null) return "–";
  const [low, high] = score.interval;
  return isShare(score)
    ? `${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} %`
    : `${low.toFixed(2)} to ${high.toFixed(2)}`;
}

/** Scores without a group, those of one family (`IF`, `IF-S`, `IF-M`) beside each other. */
export function headlines(scores: readonly ScoreWithSpread[]): ScoreWithSpread[] {
  const plain = scores.filter((s) => s.group === undefined);
  return [...Map.groupBy(plain, (s) => s.metric.split(/[-/]/)[0]!).values()].flat();
}

/** Headline scores as an aligned table, with what was left out. */
export function resultsText(results: Results): string {
  const { scores, counts, model, benchmark, judge } = results;
  const rows = headlines(scores).map((s) => [
    s.metric,
    valueText(s),
    intervalText(s),
    s.stderr === null ? "–" : valueText(s, s.stderr),
    String(s.scored),
    String(s.unscored),
  ]);
  const table = [["score", "value", "95 % interval", "std. error", "scored", "unscored"], ...rows];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  const lines = table.map((row) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("   ")
  );
  return [
    "",
    `${model} on ${benchmark}, judged by ${judge}`,
    "",
    ...lines,
    "",
    ...countLines(results),
    ...(counts.unscored > 0
      ? [
        `${counts.unscored} of ${counts.constraints} constraints are unscored; they are in no score (and never a zero)`,
      ]
      : []),
  ].join("\n");
}

const THOUGHT_HINT =
  "A thought without an answer is unscored: raise run_args.max_tokens, or switch thinking off " +
  "(run_args.chat_template_kwargs: {enable_thinking: false} or reasoning_effort for a server, " +
  "args.template_options: {enable_thinking: false} for a local model)";

/** Counts of the items, in sentences. */
export function countLines({ counts, usage, failures, totals, agreement }: Results): string[] {
  const parts = [
    `${counts.items} items`,
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
  return [
    parts.join(", "),
    `${usage.requests} requests (${usage.retries} repeated), ${usage.cached} from the cache, ${
      usage.seconds.toFixed(1)
    } s; ` +
    `${tokens} tokens in all${totals.cost > 0 ? `, cost ${totals.cost.toFixed(4)}` : ""}${
      totals.estimated > 0
        ? ` (those of ${totals.estimated} answers are estimated from characters, as nobody counted them)`
        : ""
    }`,
    ...(counts.thought_only > 0 ? [THOUGHT_HINT] : []),
    ...(agreement === null
      ? []
      : [`The judges agree to alpha = ${agreement.alpha?.toFixed(3) ?? "–"} (Krippendorff, interval)`]),
    ...failures.map(({ kind, count, example }) => `${count} times ${kind}: ${example.slice(0, 300)}`),
  ];
}
