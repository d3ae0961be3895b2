/**
 * Curves as an SVG picture, drawn as the plots of a finished run are.
 * @module
 */
import { vegaSvg } from "../../common/vega_svg.ts";
import { FONT_FAMILY } from "../../train/outputs/fonts.ts";
import { colorOf } from "../page/colors.js";
import type { Curves } from "./curves.ts";

/** Texts of a picture beside its curves. */
export interface PictureText {
  /** Title, and of the vertical axis. */
  name: string;
  /** Of the horizontal axis. */
  over: string;
  /** A name a curve. */
  runs: readonly string[];
  /** Whether the vertical axis is logarithmic; what isn't above 0 is left out then. */
  log: boolean;
}

/** Smoothed curves are solid, what was logged pale behind them. */
export async function curvesSvg({ x, lines, logged }: Curves, text: PictureText): Promise<string> {
  const { name, over, log } = text;
  // two runs of one name in two folders are still two curves
  const runs = text.runs.map((run, i) => text.runs.indexOf(run) === i ? run : `${run} (${i + 1})`);
  const points = (list: Curves["lines"]) =>
    list.flatMap((line, i) =>
      line.flatMap((value, k) =>
        value === null || (log && value <= 0) ? [] : [{ run: runs[i], x: x[k], y: value }]
      )
    );
  const layer = (values: unknown[], opacity: number, strokeWidth: number) => ({
    data: { values },
    mark: { type: "line", opacity, strokeWidth },
    encoding: {
      x: { field: "x", type: "quantitative", title: over },
      y: {
        field: "y",
        type: "quantitative",
        title: name,
        scale: { zero: false, ...(log && { type: "log" }) },
      },
      color: {
        field: "run",
        type: "nominal",
        title: null,
        scale: { domain: runs, range: runs.map((_, i) => colorOf(i, false)) },
        legend: { orient: "bottom", columns: 3, labelLimit: 260 },
      },
    },
  });
  const spec = {
    width: 720,
    height: 400,
    background: "white",
    config: { font: `${FONT_FAMILY}, Helvetica, Arial, sans-serif`, view: { stroke: null } },
    title: { text: name, anchor: "start" },
    layer: [...(logged.length > 0 ? [layer(points(logged), 0.25, 1)] : []), layer(points(lines), 1, 2)],
  };
  return await vegaSvg(spec);
}
