/**
 * Requests for curves: which runs, which value, over what, which part, how smooth.
 * @module
 */
import { z } from "zod";

import { inWords } from "../../../formats/zod_words.ts";
import { csvTable } from "../../common/report/table.ts";
import { Refusal } from "../refusal.ts";
import { AXES, type Axis, type CurveLog } from "./curve_log.ts";
import type { RunList } from "./run_list.ts";
import { type Curve, curveOf, rangeOf, smoothed, type View, viewOf } from "./view.ts";

/** A chart's wish. */
export interface CurveWish {
  /** Ids of runs. */
  runs: string[];
  /** Name of the value. */
  name: string;
  /** Horizontal axis of the points. */
  over: Axis;
  /** First place; null: that of the curves. */
  from: number | null;
  /** Last place; null: that of the curves. */
  to: number | null;
  /** Places at most. */
  points: number;
  /** From 0 (as logged) to below 1. */
  smooth: number;
  /** True if what was logged is wished for too, where the curves are smoothed. */
  logged: boolean;
  /** True if a picture's vertical axis is logarithmic. */
  log: boolean;
}

/** A chart's curves. */
export interface Curves extends View {
  /** One list a run as it was logged, where the others are smoothed. */
  logged: (number | null)[][];
  /** Where all that the runs hold begins and ends; null without a value. */
  range: [from: number, to: number] | null;
}

const number = z.string().regex(/^-?\d+(\.\d+)?(e[+-]?\d+)?$/).transform(Number);

const Query = z.strictObject({
  run: z.array(z.string()).max(200).default([]),
  name: z.tuple([z.string().max(200)]),
  over: z.tuple([z.enum(AXES)]).default(["step"]),
  from: z.tuple([number]).optional(),
  to: z.tuple([number]).optional(),
  points: z.tuple([number.pipe(z.int().min(2).max(20_000))]).default([2000]),
  smooth: z.tuple([number.pipe(z.number().min(0).max(0.9999))]).default([0]),
  logged: z.tuple([z.literal("1")]).optional(),
  log: z.tuple([z.literal("1")]).optional(),
});

/** Reads a wish from an address. @throws {Refusal} 400 if it isn't one */
export function readWish(query: Record<string, string[]>): CurveWish {
  const parsed = Query.safeParse(query, inWords);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Refusal(400, `Cannot show curves: ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const { run, name: [name], over: [over], from, to, points: [points], smooth: [smooth], logged, log } =
    parsed.data;
  return {
    runs: run,
    name,
    over,
    from: from?.[0] ?? null,
    to: to?.[0] ?? null,
    points,
    smooth,
    logged: logged !== undefined,
    log: log !== undefined,
  };
}

/** Carries out a wish. @throws {Refusal} 404 if there is no such run */
export function curvesOf(list: RunList, wish: CurveWish): Curves {
  const { runs, name, over, points, smooth } = wish;
  const logged = runs.map((run) => kept(list.log(run), name, over, 0));
  const range = rangeOf(logged);
  if (range === null) return { x: [], lines: runs.map(() => []), logged: [], exact: true, range };
  const [from, to] = [wish.from ?? range[0], wish.to ?? range[1]];
  if (smooth === 0) return { ...viewOf(logged, from, to, points), logged: [], range };
  const even = runs.map((run) => kept(list.log(run), name, over, smooth));
  const { x, lines, exact } = viewOf(wish.logged ? [...even, ...logged] : even, from, to, points);
  return { x, lines: lines.slice(0, runs.length), logged: lines.slice(runs.length), exact, range };
}

/**
 * Curves as JSON. Ends of buckets have six digits, more than a chart or a cursor shows: fifty runs' text is half as long.
 */
export function curvesJson(curves: Curves): string {
  const short = (lines: Curves["lines"]) =>
    curves.exact ? lines : lines.map((line) => line.map((value) => value === null ? null : sixDigits(value)));
  return JSON.stringify({ ...curves, lines: short(curves.lines), logged: short(curves.logged) });
}

/** All values of the runs as CSV, shown or not. */
export function curvesCsv(list: RunList, { runs, name, over }: CurveWish): string {
  const rows = runs.flatMap((run) => {
    const { x, y } = kept(list.log(run), name, over, 0);
    return Array.from(y, (value, i) => [list.name(run), String(x[i]), String(value)]);
  });
  return csvTable({ columns: [{ title: "run" }, { title: over }, { title: name }], rows });
}

/** Faster than reading `toPrecision` again, which every number of a chart would have to be. */
function sixDigits(value: number): number {
  const scale = 10 ** (5 - Math.floor(Math.log10(Math.abs(value))));
  // zero, and what is next to it or to infinity, has no such scale
  return scale > 1e-290 && scale < 1e290 ? Math.round(value * scale) / scale : value;
}

/** Curves that charts were drawn from, by log; each zoom asks for all of them again. */
const made = new WeakMap<CurveLog, { version: number; curves: Map<string, Curve> }>();

/** Curves of a log that are kept: those of a page of charts, as logged and smoothed. */
const MOST_KEPT = 24;

function kept(log: CurveLog, name: string, over: Axis, smooth: number): Curve {
  let known = made.get(log);
  if (known?.version !== log.version) made.set(log, known = { version: log.version, curves: new Map() });
  const key = JSON.stringify([name, over, smooth]), { curves } = known;
  const curve = curves.get(key) ?? madeCurve(log, name, over, smooth);
  // the one that was asked for last is the last to go
  curves.delete(key);
  curves.set(key, curve);
  for (const oldest of curves.keys()) if (curves.size > MOST_KEPT) curves.delete(oldest);
  return curve;
}

function madeCurve(log: CurveLog, name: string, over: Axis, smooth: number): Curve {
  if (smooth > 0) {
    const { x, y } = kept(log, name, over, 0);
    return { x, y: smoothed(y, smooth) };
  }
  const empty = new Float64Array(0);
  const [x, y] = [log.column(over), log.column(name)];
  return x === null || y === null ? { x: empty, y: empty } : curveOf(x, y);
}
