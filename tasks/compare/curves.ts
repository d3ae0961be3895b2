/**
 * Curves of several trainings in one picture: one colour a training or a group of them (seeds of one setting, thin, with their mean
 * in bold), Okabe and Ito's, told apart by dashes from the eighth on.
 * @module
 */
import { join } from "@std/path";

import { writeFileAtomic } from "../../formats/atomic.ts";
import { vegaSvg } from "../common/vega_svg.ts";
import { CHART_STYLE, pointsOf, svgToPng } from "../train/outputs/plots.ts";
import type { HistoryEntry } from "./training.ts";

/** Curves that are drawn where a training has them, best one first. */
export const CURVES = [
  { key: "loss", title: "Training loss" },
  { key: "eval_loss", title: "Evaluation loss" },
  { key: "rewards/margins", title: "Reward margin" },
  { key: "rewards/accuracies", title: "Reward accuracy" },
] as const;

/** A training in a picture. */
export interface NamedHistory {
  /** In the legend, unless it has a group. */
  name: string;
  /** Trainings that differ in their seed only have one; default: the name. */
  group?: string;
  /** Its `log_history`. */
  history: readonly HistoryEntry[];
}

const COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A7A7A"];
const DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]];

/** One picture of a log key; null where no training has a value of it. */
export async function trainingCurvesSvg(
  runs: readonly NamedHistory[],
  { key, title }: typeof CURVES[number],
): Promise<string | null> {
  const values = runs.flatMap(({ name, group = name, history }) =>
    pointsOf(history, key).map((point) => ({ ...point, run: name, group }))
  );
  if (values.length === 0) return null;
  const distinct = (of: "run" | "group") => new Set(values.map((value) => value[of])).size;
  const everyGroup = [...new Set(runs.map(({ name, group = name }) => group))];
  const groups = everyGroup.filter((group) => values.some((value) => value.group === group));
  const grouped = distinct("run") > groups.length;
  // a group has one colour in all pictures, also where others have no such curve
  const styleOf = <T>(list: readonly T[], by = 1) =>
    groups.map((group) => list[Math.floor(everyGroup.indexOf(group) / by) % list.length]);
  // without a canvas widths of texts are overestimated, so a limit of what looks right would cut names that have room
  const legend = { title: null, orient: "right", symbolType: "stroke", symbolOpacity: 1, labelLimit: 520 };
  const x = {
    field: "step",
    type: "quantitative",
    title: "step",
    axis: { tickMinStep: 1, tickCount: 8, format: ",d", grid: false },
    scale: { nice: false, domain: [0, Math.max(1, ...values.map(({ step }) => step))] },
  };
  const y = {
    field: "value",
    type: "quantitative",
    title: key,
    axis: { tickCount: 6, grid: true },
    scale: { zero: false, nice: 6 },
  };
  const color = {
    field: "group",
    type: "nominal",
    scale: { domain: groups, range: styleOf(COLORS) },
    legend,
  };
  const strokeDash = {
    field: "group",
    type: "nominal",
    scale: { domain: groups, range: styleOf(DASHES, COLORS.length) },
    legend,
  };
  const line = { type: "line", interpolate: "linear", strokeJoin: "round" };
  return await vegaSvg({
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: 560,
    height: 320,
    padding: { left: 14, right: 20, top: 14, bottom: 12 },
    background: "white",
    title: {
      text: title,
      subtitle: `${distinct("run")} training${distinct("run") === 1 ? "" : "s"}${
        grouped ? "; bold: the mean over seeds" : ""
      }`,
    },
    data: { values },
    layer: grouped
      ? [
        {
          mark: { ...line, strokeWidth: 1, opacity: 0.4 },
          encoding: { x, y, color, strokeDash, detail: { field: "run" } },
        },
        {
          mark: { ...line, strokeWidth: 2.5 },
          encoding: { x, y: { ...y, aggregate: "mean" }, color, strokeDash },
        },
      ]
      : [{
        mark: { ...line, strokeWidth: 2, point: { size: 18 } },
        encoding: { x, y, color, strokeDash, detail: { field: "run" } },
      }],
    config: CHART_STYLE,
  });
}

/** Writes every picture that there are values for as `PREFIX_loss.svg` and `.png`; gives the names. */
export async function writeCurves(
  directory: string,
  prefix: string,
  runs: readonly NamedHistory[],
): Promise<string[]> {
  const written: string[] = [];
  for (const curve of CURVES) {
    const svg = await trainingCurvesSvg(runs, curve);
    if (svg === null) continue;
    const name = `${prefix}_${curve.key.replaceAll("/", "_")}`;
    await writeFileAtomic(join(directory, `${name}.svg`), svg);
    await writeFileAtomic(join(directory, `${name}.png`), await svgToPng(svg));
    written.push(`${name}.svg`, `${name}.png`);
  }
  return written;
}
