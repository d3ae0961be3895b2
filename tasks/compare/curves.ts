/**
 * Pictures of several trainings' curves, one a value that they logged.
 * @module
 */
import { join } from "@std/path";

import { writeFileAtomic } from "../../formats/atomic.ts";
import { pointsOf, svgToPng } from "../train/outputs/plots/plots.ts";
import { type CurvePoint, runCurvesSvg } from "../train/outputs/plots/run_curves.ts";
import type { HistoryEntry } from "./training.ts";

/** Curves that are drawn where a training has them, best one first. */
export const CURVES = [
  { key: "loss", title: "Training loss" },
  { key: "eval_loss", title: "Evaluation loss" },
  { key: "reward", title: "Reward" },
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

/** A curve of a log key. */
interface Curve {
  key: string;
  title: string;
}

/** One picture of a log key; null where no training has a value of it. */
export function trainingCurvesSvg(
  runs: readonly NamedHistory[],
  { key, title }: Curve,
): Promise<string | null> {
  const curves = runs.map(({ name, group, history }) => ({
    name,
    group,
    points: pointsOf(history, key).map(({ step, value }): CurvePoint => [step, value]),
  }));
  return runCurvesSvg(curves, { title, over: "step", axis: key });
}

/**
 * Writes every picture that there are values for as `PREFIX_loss.svg` and `.png`; gives the names.
 * @param sets Evaluated each by itself
 */
export async function writeCurves(
  directory: string,
  prefix: string,
  runs: readonly NamedHistory[],
  sets: readonly string[] = [],
): Promise<string[]> {
  const written: string[] = [];
  const apart = sets.map((set): Curve => ({ key: `eval_${set}_loss`, title: `Evaluation loss of ${set}` }));
  for (const curve of [...CURVES, ...apart]) {
    const svg = await trainingCurvesSvg(runs, curve);
    if (svg === null) continue;
    const name = `${prefix}_${curve.key.replaceAll(/[/\\]/g, "_")}`;
    await writeFileAtomic(join(directory, `${name}.svg`), svg);
    await writeFileAtomic(join(directory, `${name}.png`), await svgToPng(svg));
    written.push(`${name}.svg`, `${name}.png`);
  }
  return written;
}
