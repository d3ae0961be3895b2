/**
 * Pictures of a run's curves, as SVG and PNG: every value faint, the smoothed curve solid, evaluations as points. Vega is
 * heavy, so it is loaded when something is drawn.
 * @module
 */
import { join } from "@std/path";

import { writeFileAtomic } from "../../../../formats/atomic.ts";
import { vegaSvg } from "../../../common/report/vega_svg.ts";
import { FONT_FAMILY, fontFiles, isCovered } from "./fonts.ts";
import { smooth } from "./smooth.ts";

/** One value of `log_history`. */
export interface PlotPoint {
  /** Optimizer steps done. */
  step: number;
  /** Logged values. */
  value: number;
}

/** A picture to draw. */
export interface Plot {
  /** First line. */
  title: string;
  /** Second line, such as the run's name. */
  subtitle: string;
  /** Title of the vertical axis. */
  axis: string;
  /** Drawn faint as they are and solid smoothed; fewer than `SMOOTH_FROM` only as they are. */
  values: readonly PlotPoint[];
  /** Evaluations, drawn as points on a line. */
  evaluations?: readonly PlotPoint[];
  /** Ends of the vertical axis; without it they follow from the values. */
  domain?: readonly [low: number, high: number];
  /** A horizontal line to compare with, such as 0 for margins. */
  level?: number;
}

/** Fewer values than this aren't smoothed: the curve would only repeat them. */
const SMOOTH_FROM = 4;

/** About so many marks on the vertical axis, whose ends are marks too. */
const TICKS = 6;

// Okabe and Ito's colours, told apart by colour-blind readers.
const BLUE = "#0072B2";
const ORANGE = "#D55E00";

/** Fonts, sizes and colours of all pictures. */
export const CHART_STYLE: Readonly<Record<string, unknown>> = {
  font: `${FONT_FAMILY}, Helvetica, Arial, sans-serif`,
  view: { stroke: null },
  title: {
    anchor: "start",
    frame: "group",
    fontSize: 19,
    subtitleFontSize: 13.5,
    subtitleColor: "#555555",
    subtitlePadding: 4,
    offset: 10,
  },
  axis: {
    labelFontSize: 13,
    titleFontSize: 13.5,
    titleFontWeight: "normal",
    titleColor: "#333333",
    labelColor: "#444444",
    titlePadding: 10,
    gridColor: "#E8E8E8",
    domainColor: "#999999",
    tickColor: "#999999",
    labelPadding: 5,
  },
  legend: {
    labelFontSize: 13,
    labelColor: "#333333",
    symbolStrokeWidth: 3,
    symbolSize: 260,
    columnPadding: 4,
    offset: 12,
  },
};

/** A log key that is drawn, and that of evaluations beside it. */
type KeyPlot = Pick<Plot, "title" | "axis" | "domain" | "level"> & { key: string; evaluation?: string };

/** Of a set that is evaluated by itself. */
function plotsOfSet(set: string): KeyPlot[] {
  return [
    { key: `eval_${set}_loss`, title: `Evaluation loss of ${set}`, axis: "evaluation loss" },
    {
      key: `eval_${set}_accuracy`,
      title: `Token accuracy on ${set}`,
      axis: "share of tokens that are likeliest",
      domain: [0, 1],
    },
  ];
}

/** Log keys that are drawn, as file `training_<key with _ for />`, in LLaMA-Factory's naming. */
const plots: readonly KeyPlot[] = [
  { key: "loss", title: "Training loss", axis: "loss" },
  { key: "eval_loss", title: "Evaluation loss", axis: "evaluation loss" },
  {
    key: "eval_accuracy",
    title: "Evaluation accuracy",
    axis: "share of tokens, or of pairs, that are right",
    domain: [0, 1],
  },
  { key: "reward", title: "Reward", axis: "mean reward of the answers that were drawn" },
  {
    key: "rewards/accuracies",
    evaluation: "eval_rewards/accuracies",
    title: "Reward accuracy",
    axis: "share with chosen above rejected",
    domain: [0, 1],
  },
  {
    key: "rewards/margins",
    evaluation: "eval_rewards/margins",
    title: "Reward margin",
    axis: "chosen minus rejected reward",
    level: 0,
  },
];

/**
 * Draws every curve that the log has values for. Gives the names of the files written.
 * @param history `log_history` of trainer_state.json.
 * @param runName Second line of every picture.
 * @param sets Sets that were evaluated each by itself.
 */
export async function writePlots(
  directory: string,
  history: readonly Readonly<Record<string, number>>[],
  runName: string,
  sets: readonly string[] = [],
): Promise<string[]> {
  const written: string[] = [];
  for (const { key, evaluation, ...rest } of [...plots, ...sets.flatMap(plotsOfSet)]) {
    const values = pointsOf(history, key);
    if (values.length === 0) continue;
    const evaluations = evaluation === undefined ? [] : pointsOf(history, evaluation);
    const svg = await plotSvg({ ...rest, subtitle: runName, values, evaluations });
    const name = `training_${key.replaceAll(/[/\\]/g, "_")}`;
    await writeFileAtomic(join(directory, `${name}.svg`), svg);
    await writeFileAtomic(join(directory, `${name}.png`), await svgToPng(svg));
    written.push(`${name}.svg`, `${name}.png`);
  }
  return written;
}

/** Points of one log key, in order. */
export function pointsOf(history: readonly Readonly<Record<string, number>>[], key: string): PlotPoint[] {
  return history.filter((entry) => entry[key] !== undefined && entry.step !== undefined)
    .map((entry) => ({ step: entry.step!, value: entry[key]! }));
}

/** One picture as SVG text, 720 by 440 pixels. */
export function plotSvg(plot: Plot): Promise<string> {
  return vegaSvg(plotSpec(plot));
}

/** PNG of an SVG, twice its size. Labels are drawn in the font that the project brings. */
export async function svgToPng(svg: string): Promise<Uint8Array> {
  const { Resvg } = await import("@resvg/resvg-js");
  const texts = [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map((match) => match[1]!).join("");
  const image = new Resvg(svg, {
    font: { loadSystemFonts: !isCovered(texts), fontFiles: fontFiles(), defaultFontFamily: FONT_FAMILY },
    fitTo: { mode: "zoom", value: 2 },
  });
  return new Uint8Array(image.render().asPng());
}

/** The Vega-Lite specification of a picture. */
export function plotSpec(plot: Plot): Record<string, unknown> {
  const { values, evaluations = [], domain, level } = plot;
  const smoothed = values.length >= SMOOTH_FROM ? smooth(values.map(({ value }) => value)) : null;
  const raw = smoothed ? "as logged" : plot.axis;
  const series = [
    ...values.map((point) => ({ ...point, series: raw })),
    ...(smoothed ?? []).map((value, i) => ({ step: values[i]!.step, value, series: "smoothed" })),
    ...evaluations.map((point) => ({ ...point, series: "evaluation" })),
  ];
  const names = [raw, ...(smoothed ? ["smoothed"] : []), ...(evaluations.length > 0 ? ["evaluation"] : [])];
  const colors: Record<string, string> = {
    [raw]: smoothed ? "#9CC7E3" : BLUE,
    smoothed: BLUE,
    evaluation: ORANGE,
  };
  const lastStep = series.reduce((last, { step }) => Math.max(last, step), 1);
  const x = {
    field: "step",
    type: "quantitative",
    title: "step",
    axis: { tickMinStep: 1, tickCount: 8, format: ",d", labelFlush: false, labelOverlap: false, grid: false },
    scale: { nice: false, domain: [0, lastStep] },
  };
  const y = {
    field: "value",
    type: "quantitative",
    title: plot.axis,
    axis: { tickCount: TICKS, grid: true },
    scale: { zero: false, nice: TICKS, ...(domain && { domain, nice: false }) },
  };
  const color = {
    field: "series",
    type: "nominal",
    scale: { domain: names, range: names.map((name) => colors[name]) },
    legend: names.length > 1
      ? { title: null, orient: "top", direction: "horizontal", symbolType: "stroke" }
      : null,
  };
  const line = (name: string, mark: Record<string, unknown>) => ({
    transform: [{ filter: { field: "series", equal: name } }],
    mark: { type: "line", interpolate: "linear", strokeJoin: "round", ...mark },
    encoding: { x, y, color },
  });
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: 620,
    height: 320,
    padding: { left: 14, right: 20, top: 14, bottom: 12 },
    background: "white",
    title: { text: plot.title, subtitle: plot.subtitle },
    data: { values: series },
    layer: [
      ...(level === undefined ? [] : [{
        mark: { type: "rule", strokeDash: [5, 4], color: "#777777" },
        encoding: { y: { datum: level, type: "quantitative" } },
      }]),
      line(raw, {
        strokeWidth: smoothed ? 1.5 : 2.5,
        point: values.length < 30 ? { size: smoothed ? 22 : 36 } : false,
      }),
      ...(smoothed ? [line("smoothed", { strokeWidth: 2.75 })] : []),
      ...(evaluations.length > 0 ? [line("evaluation", { strokeWidth: 1.75, point: { size: 42 } })] : []),
    ],
    config: CHART_STYLE,
  };
}
