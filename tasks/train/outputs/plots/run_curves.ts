/**
 * Curves of several runs in one picture, drawn as a run's own plots are: one colour a run or a group of them (seeds of one setting,
 * thin, with their mean in bold), the board's colours, told apart by dashes too from the ninth on.
 * @module
 */
import { colorOf } from "../../../common/page/colors.js";
import { vegaSvg } from "../../../common/report/vega_svg.ts";
import { CHART_STYLE } from "./plots.ts";

/** A point: its place on the horizontal axis, and the value there. */
export type CurvePoint = readonly [place: number, value: number];

/** A run in a picture. */
export interface RunCurve {
  /** In the legend; two runs of one name get numbers. */
  name: string;
  /** Runs of one group share a colour and the legend's line; its own by default. */
  group?: string | undefined;
  /** In order of places. */
  points: readonly CurvePoint[];
  /** As they were logged, where `points` are smoothed: drawn pale behind them. */
  logged?: readonly CurvePoint[];
}

/** Texts of a picture beside its curves. */
export interface CurveTexts {
  /** First line. */
  title: string;
  /** Title of the horizontal axis, which counts steps, tokens or seconds. */
  over: string;
  /** Title of the vertical axis. */
  axis: string;
  /** True if the vertical axis is logarithmic; what isn't above 0 is left out then. */
  log?: boolean;
}

/** Colours before they repeat as hues nobody can name: from here on dashes tell runs apart too. */
const COLORS = 8;
const DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]];
/** Points of a curve that are marked, at most: more would only thicken the line. */
const MARKED = 40;
/** Places from here on are written shortly, such as 2.5M. */
const MANY = 1e5;

/** The picture as SVG text; null where no run has a value. */
export async function runCurvesSvg(
  runs: readonly RunCurve[],
  { title, over, axis, log = false }: CurveTexts,
): Promise<string | null> {
  const names = runs.map(({ name }, i) =>
    runs.findIndex((other) => other.name === name) === i ? name : `${name} (${i + 1})`
  );
  const groups = [...new Set(runs.map(({ group }, i) => group ?? names[i]))];
  const rows = (pointsOf: (run: RunCurve) => readonly CurvePoint[]) =>
    runs.flatMap((run, i) =>
      pointsOf(run).filter(([, value]) => !log || value > 0)
        .map(([x, y]) => ({ run: names[i], group: run.group ?? names[i], x, y }))
    );
  const values = rows(({ points }) => points), logged = rows((run) => run.logged ?? []);
  if (values.length === 0) return null;
  const count = new Set(values.map(({ run }) => run)).size;
  const shown = groups.flatMap((group, i) =>
    values.some((value) => value.group === group) ? [{ group, i }] : []
  );
  const grouped = count > shown.length;
  const isMarked = values.length <= MARKED * count;
  const encoding = encodingOf(values, shown, { over, axis, log });
  const layer = (list: typeof values, mark: Record<string, unknown>, isMean = false) => ({
    data: { values: list },
    mark: { type: "line", interpolate: "linear", strokeJoin: "round", ...mark },
    encoding: isMean
      ? { ...encoding, y: { ...encoding.y, aggregate: "mean" } }
      : { ...encoding, detail: { field: "run" } },
  });
  return await vegaSvg({
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: 560,
    height: 320,
    padding: { left: 14, right: 20, top: 14, bottom: 12 },
    background: "white",
    title: {
      text: title,
      subtitle: `${count} training${count === 1 ? "" : "s"}${grouped ? "; bold: the mean over seeds" : ""}`,
    },
    layer: [
      ...(logged.length > 0 ? [layer(logged, { opacity: 0.25, strokeWidth: 1 })] : []),
      ...(grouped
        ? [layer(values, { strokeWidth: 1, opacity: 0.4 }), layer(values, { strokeWidth: 2.5 }, true)]
        : [layer(values, { strokeWidth: 2, ...(isMarked && { point: { size: 18 } }) })]),
    ],
    config: CHART_STYLE,
  });
}

/** Axes, colours and dashes of curves. @param shown Groups that have values, with their numbers among all */
function encodingOf(
  values: readonly { x: number }[],
  shown: readonly { group: string | undefined; i: number }[],
  { over, axis, log }: Pick<CurveTexts, "over" | "axis" | "log">,
) {
  const domain = shown.map(({ group }) => group);
  const furthest = values.reduce((most, { x }) => Math.max(most, x), 0);
  // without a canvas widths of texts are overestimated, so a limit of what looks right would cut names that have room
  const legend = { title: null, orient: "right", symbolType: "stroke", symbolOpacity: 1, labelLimit: 520 };
  return {
    x: {
      field: "x",
      type: "quantitative",
      title: over,
      axis: { tickMinStep: 1, tickCount: 8, format: furthest < MANY ? ",d" : "~s", grid: false },
      scale: { nice: false, zero: false },
    },
    y: {
      field: "y",
      type: "quantitative",
      title: axis,
      axis: { tickCount: 6, grid: true },
      scale: log ? { type: "log" } : { zero: false, nice: 6 },
    },
    color: {
      field: "group",
      type: "nominal",
      scale: { domain, range: shown.map(({ i }) => colorOf(i, false)) },
      legend,
    },
    strokeDash: {
      field: "group",
      type: "nominal",
      scale: { domain, range: shown.map(({ i }) => DASHES[Math.floor(i / COLORS) % DASHES.length]) },
      legend,
    },
  };
}
