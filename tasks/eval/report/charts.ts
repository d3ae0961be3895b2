/**
 * Bars with intervals for each grouping of a report's scores.
 * @module
 */
import type { ScoreWithSpread } from "../results/score_table.ts";
import { type Chart, CHART_COLORS, reportSvg } from "./chart.ts";
import { isShare } from "./text.ts";

const MOST_BARS = 40;
const CHART_WIDTH = 560;
/** Room for a bar's number. */
const VALUE_WIDTH = 48;
/** Room for a bar's name, without its count. */
const LONGEST_NAME = 190;

/** Bars for every grouping of shares that has two names or more. */
export async function groupCharts(scores: readonly ScoreWithSpread[]): Promise<Chart[]> {
  const grouped = scores.filter((s) => s.group !== undefined && isShare(s) && s.value !== null);
  const byGrouping = Map.groupBy(grouped, (s) => (s.group?.by ?? ""));
  const charts: Chart[] = [];
  for (const [by, all] of byGrouping) {
    const names = new Set(all.map(nameOf));
    if (names.size < 2) continue;
    const shown = mostWeighty(all, MOST_BARS);
    const metrics = [...new Set(shown.map((s) => s.metric))];
    charts.push({
      title: `By ${by}`,
      note: `${metrics.join(" and ")}, with 95 % intervals; in brackets: how many are scored` +
        (names.size > MOST_BARS ? `; the ${MOST_BARS} largest of ${names.size}` : ""),
      svg: await reportSvg(barSpec(shown, metrics)),
      legend: metrics.length > 1
        ? metrics.map((name, i) => ({ name, color: CHART_COLORS[i % CHART_COLORS.length]! }))
        : [],
    });
  }
  return charts;
}

/** The group of a score; "" without one. */
const nameOf = ({ group }: ScoreWithSpread): string => group?.name ?? "";

function mostWeighty(scores: readonly ScoreWithSpread[], most: number): ScoreWithSpread[] {
  const weights = new Map<string, number>();
  for (const s of scores) {
    weights.set(nameOf(s), Math.max(weights.get(nameOf(s)) ?? 0, s.scored));
  }
  const kept = new Set([...weights].sort((a, b) => b[1] - a[1]).slice(0, most).map(([name]) => name));
  return scores.filter((s) => kept.has(nameOf(s)));
}

/** Names of bars by groups, with how many are scored, in the chart's order: by number, or the best score first. */
function barNames(scores: readonly ScoreWithSpread[]): Map<string, string> {
  const bars = Map.groupBy(scores, nameOf), names = [...bars.keys()];
  const largest = (name: string, of: (score: ScoreWithSpread) => number) =>
    Math.max(...(bars.get(name) ?? []).map(of));
  const best = (name: string) => largest(name, ({ value }) => value!);
  if (names.every((name) => /^\d+(\.\d+)?$/.test(name))) names.sort((a, b) => Number(a) - Number(b));
  else names.sort((a, b) => best(b) - best(a) || (a < b ? -1 : 1));
  const shortened = shortNames(names);
  return new Map(
    names.map((name) => [name, `${shortened.get(name)}  (${largest(name, ({ scored }) => scored)})`]),
  );
}

function barSpec(scores: readonly ScoreWithSpread[], metrics: readonly string[]): Record<string, unknown> {
  const names = barNames(scores);
  const values = scores.map((s) => ({
    name: names.get(nameOf(s)) ?? "",
    metric: s.metric,
    value: s.value!,
    low: s.interval?.[0] ?? s.value!,
    high: s.interval?.[1] ?? s.value!,
    text: `${(100 * s.value!).toFixed(1)}`,
  }));
  const several = metrics.length > 1;
  const gutter = Math.min(320, Math.max(...values.map(({ name }) => textWidth(name))) + 14);
  const y = {
    field: "name",
    type: "nominal",
    sort: [...names.values()],
    title: null,
    axis: { labelLimit: 0, ticks: false, domain: false, labelPadding: 8 },
  };
  const offset = several ? { yOffset: { field: "metric", sort: [...metrics] } } : {};
  const color = {
    field: "metric",
    type: "nominal",
    scale: { domain: [...metrics], range: CHART_COLORS.slice(0, metrics.length) },
    legend: null,
  };
  const x = (field: string) => ({
    field,
    type: "quantitative",
    title: null,
    scale: { domain: [0, 1] },
    axis: { format: ".0%", tickCount: 5, domain: false, ticks: false },
  });
  return {
    width: CHART_WIDTH - gutter - VALUE_WIDTH,
    height: { step: several ? 13 : 23 },
    // vega can't measure text without a browser and would leave far too much room for labels
    autosize: "none",
    padding: { left: gutter, right: VALUE_WIDTH, top: 4, bottom: 24 },
    data: { values },
    encoding: { y, ...offset },
    layer: [
      { mark: { type: "bar", cornerRadiusEnd: 3, opacity: 0.82 }, encoding: { x: x("value"), color } },
      {
        mark: { type: "rule", strokeWidth: 1.5, color: "#333333", aria: false },
        encoding: { x: x("low"), x2: { field: "high" } },
      },
      ...(several ? [] : [{
        mark: { type: "text", align: "left", dx: 10, fontSize: 12 },
        encoding: { text: { field: "text" }, x: { value: "width" } },
      }]),
    ],
  };
}

/** Names as an axis has room for them, none twice; those of scripts that run from right to left keep to themselves. */
function shortNames(names: readonly string[]): Map<string, string> {
  const taken = new Set<string>();
  return new Map(names.map((name) => {
    const letters = [...(name === "" ? "(none)" : name)];
    const cut = (to: number) =>
      letters.length <= to ? letters.join("") : `${letters.slice(0, to - 1).join("").trimEnd()}…`;
    let short = cut(letters.length);
    for (let to = letters.length; textWidth(short) > LONGEST_NAME && to > 1; to--) short = cut(to);
    for (let nth = 2; taken.has(short); nth++) short = `${short.replace(/ \(no\. \d+\)$/, "")} (no. ${nth})`;
    taken.add(short);
    return [name, /[\p{Script=Arabic}\p{Script=Hebrew}]/u.test(short) ? `\u2068${short}\u2069` : short];
  }));
}

/** About so many pixels at 12 pixels a line; vega's own guess without a browser is half as much again. */
function textWidth(text: string): number {
  return [...text].reduce((sum, c) => sum + (c > "\u2e80" ? 12 : 6.6), 0);
}
