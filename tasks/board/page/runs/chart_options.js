// What uPlot is told of a chart: its axes, lines and cursor, and the values in the order of the lines.
import { colorOf } from "../../../common/page/colors.js";
import { placeOf, valueOf } from "../format.js";
import { linePaths } from "./line_path.js";

/** With more runs the unsmoothed curves would hide the smoothed ones. */
export const PALE = 8;

/** With fewer places a curve's points are marked. */
const MARKED = 40;

/** Distances of marks on the horizontal axis: whole steps, tokens and seconds, as they are written. */
const COUNTS = Array.from({ length: 13 }, (_, i) => [1, 2, 5].map((digit) => digit * 10 ** i)).flat();
const SECONDS = [
  1,
  5,
  10,
  30,
  60,
  300,
  600,
  1800,
  3600,
  7200,
  21_600,
  43_200,
  ...COUNTS.map((n) => n * 86_400),
];

/** The value of a stylesheet's variable. */
export function css(variable) {
  return getComputedStyle(document.documentElement).getPropertyValue(variable);
}

/**
 * Options of uPlot.
 * @param {{name: string, state: object, width: number, height: number, isDark: boolean, hooks: object}} chart `state` as `Chart.show`
 * takes it
 */
export function plotOptions({ name, state, width, height, isDark, hooks }) {
  const { runs, over, log } = state;
  const line = lineStyle(state, isDark);
  return {
    width: Math.max(200, width),
    height,
    legend: { show: false },
    cursor: {
      drag: { x: true, y: false, setScale: false },
      points: { show: runs.length <= PALE, size: 6 },
      dataIdx: undefined,
    },
    scales: { x: { time: false }, y: { distr: log ? 3 : 1 } },
    axes: axesOf(name, over),
    series: [
      {},
      ...(hasPale(state) ? runs.map((run) => line(run, true)) : []),
      ...runs.map((run) => line(run, false)),
    ],
    hooks,
  };
}

/** Places, then a line of values for every series of the options. */
export function plotData(state) {
  const { view, log } = state;
  const lines = [...(hasPale(state) ? view.logged : []), ...view.lines];
  return [view.x, ...(log ? lines.map((line) => line.map((value) => value > 0 ? value : null)) : lines)];
}

/** States with the same one are parts of the same curves. */
export function curvesOf({ runs, over, log, smooth }) {
  return JSON.stringify([runs, over, log, smooth]);
}

/** States with the same one have the same options: their values can be exchanged in a plot that is there. */
export function lookOf(state) {
  const { view } = state;
  return JSON.stringify([
    curvesOf({ ...state, smooth: null }),
    view.logged.length > 0,
    view.x.length < MARKED,
  ]);
}

/** Whether unsmoothed curves are drawn behind the others. */
function hasPale({ runs, view }) {
  return view.logged.length > 0 && runs.length <= PALE;
}

function lineStyle({ runs, view, log, colorOf: indexOf }, isDark) {
  const paths = linePaths(log), fill = css("--card");
  return (run, isLogged) => ({
    paths,
    stroke: colorOf(indexOf(run), isDark),
    alpha: isLogged ? 0.3 : 1,
    width: isLogged ? 1 : runs.length > PALE ? 1 : 1.75,
    spanGaps: true,
    points: { show: view.x.length < MARKED && !isLogged, size: 5, fill },
  });
}

function axesOf(name, over) {
  const grid = { stroke: css("--line"), width: 1 };
  const axis = { stroke: css("--soft"), grid, ticks: grid, font: "12px system-ui, sans-serif" };
  return [
    {
      ...axis,
      values: (_, ticks) => ticks.map((tick) => placeOf(over, tick)),
      incrs: over === "time" ? SECONDS : COUNTS,
      space: 70,
    },
    {
      ...axis,
      values: (_, ticks) => ticks.map((tick) => tick === null ? "" : valueOf(name, tick)),
      size: 66,
    },
  ];
}
