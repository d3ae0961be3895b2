/**
 * Charts of a report as SVG, by vega-lite: bars with intervals for each grouping, and a ring of what is asked for.
 * @module
 */
import { vegaSvg } from "../../common/report/vega_svg.ts";
import type { ScoreWithSpread } from "../results/score_table.ts";
import { isShare } from "./text.ts";

/** One chart. */
export interface Chart {
  /** Text of its head. */
  title: string;
  /** Description, a sentence. */
  note: string;
  /** SVG text. */
  svg: string;
  /** Meaning of the colours; none where there is one colour. The page draws it, because only a browser can measure text. */
  legend: { name: string; color: string; /** Of all, as text. */ share?: string }[];
}

/** Number of constraints by pair of groups. */
export interface RingPart {
  /** Inner ring. */
  inner: string;
  /** Outer ring; "" without one. */
  outer: string;
  /** Number of constraints, ≥ 1. */
  count: number;
}

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans CJK SC', sans-serif";
/** Okabe and Ito's colours, told apart by colour-blind readers. */
const COLORS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B8A900", "#7A7A7A"];
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
    const names = new Set(all.map((s) => (s.group?.name ?? "")));
    if (names.size < 2) continue;
    const shown = mostWeighty(all, MOST_BARS);
    const metrics = [...new Set(shown.map((s) => s.metric))];
    charts.push({
      title: `By ${by}`,
      note: `${metrics.join(" and ")}, with 95 % intervals; in brackets: how many are scored` +
        (names.size > MOST_BARS ? `; the ${MOST_BARS} largest of ${names.size}` : ""),
      svg: await svgOf(barSpec(shown, metrics)),
      legend: metrics.length > 1
        ? metrics.map((name, i) => ({ name, color: COLORS[i % COLORS.length]! }))
        : [],
    });
  }
  return charts;
}

function mostWeighty(scores: readonly ScoreWithSpread[], most: number): ScoreWithSpread[] {
  const weights = new Map<string, number>();
  for (const s of scores) {
    weights.set(s.group?.name ?? "", Math.max(weights.get(s.group?.name ?? "") ?? 0, s.scored));
  }
  const kept = new Set([...weights].sort((a, b) => b[1] - a[1]).slice(0, most).map(([name]) => name));
  return scores.filter((s) => kept.has(s.group?.name ?? ""));
}

function barSpec(scores: readonly ScoreWithSpread[], metrics: readonly string[]): Record<string, unknown> {
  const names = [...new Set(scores.map((s) => (s.group?.name ?? "")))];
  const numeric = names.every((name) => /^\d+(\.\d+)?$/.test(name));
  const best = new Map(
    names.map((
      name,
    ) => [name, Math.max(...scores.filter((s) => (s.group?.name ?? "") === name).map((s) => s.value!))]),
  );
  const order = numeric
    ? names.sort((a, b) => Number(a) - Number(b))
    : names.sort((a, b) => best.get(b)! - best.get(a)! || (a < b ? -1 : 1));
  const shortened = shortNames(names);
  const label = (name: string) =>
    `${shortened.get(name)}  (${
      Math.max(...scores.filter((s) => (s.group?.name ?? "") === name).map((s) => s.scored))
    })`;
  const values = scores.map((s) => ({
    name: label(s.group?.name ?? ""),
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
    sort: order.map(label),
    title: null,
    axis: {
      labelLimit: 0,

      ticks: false,
      domain: false,
      labelPadding: 8,
    },
  };
  const offset = several ? { yOffset: { field: "metric", sort: [...metrics] } } : {};
  const color = {
    field: "metric",
    type: "nominal",
    scale: { domain: [...metrics], range: COLORS.slice(0, metrics.length) },
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

/** The ring: which types of constraints there are (inside), and which dimensions they have (outside). */
export async function ringChart(
  parts: readonly RingPart[],
  inner: string,
  outer: string | null,
): Promise<Chart | null> {
  const total = parts.reduce((sum, p) => sum + p.count, 0);
  const types = Map.groupBy(parts, (p) => p.inner);
  if (types.size < 2) return null;
  const size = (list: readonly RingPart[]) => list.reduce((sum, p) => sum + p.count, 0);
  const ordered = [...types].sort((a, b) => size(b[1]) - size(a[1]));
  const shown = ordered.length > COLORS.length
    ? [
      ...ordered.slice(0, COLORS.length - 1),
      ["others", ordered.slice(COLORS.length - 1).flatMap(([, list]) => list)] as const,
    ]
    : ordered;
  const share = (count: number) => `  ${(100 * count / total).toFixed(1)} %`;
  const label = (name: string, count: number) => name + share(count);
  let angle = 0;
  const arcs: Record<string, unknown>[] = [];
  for (const [name, list] of shown) {
    const start = angle;
    const sorted = [...list].sort((a, b) => b.count - a.count);
    for (const [i, part] of sorted.entries()) {
      if (outer !== null) {
        arcs.push({
          ring: "outer",
          type: label(name, size(list)),
          from: angle,
          to: angle + part.count,
          shade: 0.75 - 0.5 * i / sorted.length,
        });
      }
      angle += part.count;
    }
    arcs.push({ ring: "inner", type: label(name, size(list)), from: start, to: angle, shade: 0.95 });
  }
  const color = {
    field: "type",
    type: "nominal",
    scale: {
      domain: shown.map(([name, list]) => label(name, size(list))),
      range: COLORS.slice(0, shown.length),
    },
    legend: null,
  };
  const arc = (ring: string, innerRadius: number, outerRadius: number) => ({
    transform: [{ filter: { field: "ring", equal: ring } }],
    mark: { type: "arc", innerRadius, outerRadius, stroke: "white", strokeWidth: 1 },
    encoding: {
      theta: {
        field: "from",
        type: "quantitative",
        scale: { domain: [0, total], range: [0, 2 * Math.PI] },
        stack: null,
      },
      theta2: { field: "to" },
      color,
      opacity: { field: "shade", type: "quantitative", scale: null },
    },
  });
  return {
    title: "What is asked for",
    note: `${total} constraints by ${inner}` + (outer === null ? "" : `; outer ring: by ${outer}`),
    legend: shown.map(([name, list], i) => ({ name, share: share(size(list)), color: COLORS[i]! })),
    svg: await svgOf({
      width: 300,
      height: 300,
      data: { values: arcs },
      layer: [arc("inner", 62, 108), ...(outer === null ? [] : [arc("outer", 112, 146)])],
    }),
  };
}

/** About so many pixels at 12 pixels a line; vega's own guess without a browser is half as much again. */
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

function textWidth(text: string): number {
  return [...text].reduce((sum, c) => sum + (c > "\u2e80" ? 12 : 6.6), 0);
}

/** SVG of a specification, in a report's style. */
function svgOf(spec: Record<string, unknown>): Promise<string> {
  return vegaSvg({
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "transparent",
    ...spec,
    config: {
      font: FONT,
      view: { stroke: null },
      axis: { labelFontSize: 12, gridColor: "#88888833", labelColor: "#333333" },
      text: { fill: "#333333" },
    },
  });
}
