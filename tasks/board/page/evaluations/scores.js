// Scores as tables with bars.
import { el, table } from "../dom.js";

/** A score with four places behind the point. */
export function fraction(value) {
  return value === null || value === undefined ? "–" : value.toFixed(4);
}

/** A difference of scores, with its sign, as `deno task eval compare` writes it. */
export function difference(value) {
  return value !== null && value >= 0 ? `+${fraction(value)}` : fraction(value);
}

/** An interval's two ends. @param {[number, number] | null} interval @param end Text of one */
export function intervalText(interval, end = fraction) {
  return interval === null ? "–" : interval.map((value) => end(value)).join(" to ");
}

/** A table of scores. @param {(score) => string} first Text of its first column */
export function scoreTable(scores, caption, first = (score) => score.metric) {
  return table({
    caption,
    columns: [
      "score",
      el("span", { class: "unseen" }, "bar"),
      "of scored",
      "of all",
      "95 % interval",
      "scored",
      "unscored",
    ],
    rows: scores.map((score) => [
      first(score),
      meter(score),
      fraction(score.value),
      fraction(score.ofAll),
      intervalText(score.interval),
      weight(score.scored),
      weight(score.unscored),
    ]),
  });
}

/** The scores of every group, such as types of constraints, a table for each kind of group. */
export function groupTables(scores) {
  const by = Map.groupBy(scores.filter(({ group }) => group !== undefined), ({ group }) => group.by);
  return [...by].flatMap(([name, list]) => [
    el("h2", null, `By ${name}`),
    el(
      "div",
      { class: "card" },
      scoreTable(list, `Scores by ${name}`, (score) => `${score.group.name}: ${score.metric}`),
    ),
  ]);
}

/** A whole number of things, or parts of one. */
export function weight(value) {
  return Number.isInteger(value) ? value : value.toFixed(2);
}

/**
 * How much of a run its headline leaves out, in what that counts; "" where it is nothing.
 * @param {{items: number, scored: number, unscored: number, headline: {metric: string}}} result
 */
export function unscoredText({ items, scored, unscored, headline }) {
  if (unscored === 0) return "";
  const all = scored + unscored;
  // parts of items add up to them but for rounding
  return Math.abs(all - items) < 1e-6 * items
    ? ` (${weight(unscored)} ${unscored === 1 ? "item" : "items"} unscored)`
    : ` (${headline.metric}: ${weight(unscored)} of ${weight(all)} verdicts unscored)`;
}

/** A bar with the interval on it. */
function meter({ value, max, interval }) {
  if (value === null) return "";
  const full = Math.max(max ?? 1, value), share = (x) => `${Math.min(100, Math.max(0, 100 * x / full))}%`;
  return el(
    "div",
    { class: "meter" },
    el("i", { style: { width: share(value) } }),
    interval === null
      ? ""
      : el("b", { style: { left: share(interval[0]), width: share(interval[1] - interval[0]) } }),
  );
}
