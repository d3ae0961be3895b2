/**
 * A chart's curves as an SVG picture, drawn as the plots of a finished run are.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { type CurvePoint, runCurvesSvg } from "../../train/outputs/plots/run_curves.ts";
import { Refusal } from "../refusal.ts";
import type { Axis } from "./curve_log.ts";
import type { Curves } from "./curves.ts";

/** Texts of a picture beside its curves. */
export interface PictureText {
  /** Title, and of the vertical axis. */
  name: string;
  /** Unit of the horizontal axis. */
  over: Axis;
  /** A name a curve. */
  runs: readonly string[];
  /** True if the vertical axis is logarithmic; what isn't above 0 is left out then. */
  log: boolean;
}

/** Titles of the horizontal axis. */
const OVER = { step: "step", tokens: "tokens", time: "seconds" };

/**
 * Smoothed curves are solid, what was logged pale behind them.
 * @throws {Refusal} 404 if no run has a value
 */
export async function curvesSvg({ x, lines, logged }: Curves, text: PictureText): Promise<string> {
  const { name, over, log } = text;
  const points = (line: readonly (number | null)[] = []) =>
    line.flatMap((value, k): CurvePoint[] => value === null ? [] : [[item(x, k), value]]);
  const runs = text.runs.map((run, i) => ({
    name: run,
    points: points(lines[i]),
    logged: points(logged[i]),
  }));
  const svg = await runCurvesSvg(runs, { title: name, axis: name, over: OVER[over], log });
  if (svg === null) throw new Refusal(404, `These runs have no ${name} to draw`);
  return svg;
}
