/**
 * The board's page in a browser over many long runs and a large evaluation: first paint, frames while the mouse works on a chart,
 * filter, search and pages of items, and the memory of the server.
 * @module
 */
import { fileURLToPath } from "node:url";

import { startChild } from "../child.ts";
import type { BenchView } from "../view.ts";

/** Sizes of a bench of the board. */
export interface BoardLoad {
  /** Training runs, all on one chart. */
  runs: number;
  /** Logged steps of each. */
  steps: number;
  /** Items of the evaluation. */
  items: number;
  /** Duration of each measurement of frames, in seconds. */
  seconds: number;
}

/** Frames of a page while something was done. */
export interface Frames {
  perSecond: number;
  /** Longest time between two, in milliseconds. */
  longest: number;
  /** Share that came at least half a frame of 60 a second late, in [0, 1]. */
  late: number;
}

/** Measurements of the board; times in milliseconds, memory in MiB and null where the system doesn't tell. */
export interface BoardFigures extends BoardLoad {
  /** Start of the server until it listens, logs read. */
  start: number;
  /** First contentful paint, and the chart of all runs. */
  paint: number;
  chart: number;
  moving: Frames;
  zooming: Frames;
  /** The same as in `zooming` over a page with nothing on it: what the browser reaches here at best. */
  empty: Frames;
  /** Until the items are read for the first time. */
  reading: number;
  /** Requests for a page of items. */
  requests: Record<string, number>;
  memory: { start: number | null; curves: number | null; items: number | null };
}

/** A line of the measuring process: the step that it begins, or at last its figures. */
export type BoardChildLine = { step: number; steps: number; name: string } | { found: BoardFigures };

/**
 * Makes the files in a temporary folder, starts a board on them and measures, in a process of its own.
 * @throws {Error} If it fails, such as without a Chromium; it has said why
 */
export async function benchBoard(load: BoardLoad, view: BenchView): Promise<BoardFigures> {
  const child = fileURLToPath(new URL("./board_child.ts", import.meta.url));
  const process = startChild(Deno.execPath(), {
    args: ["run", "-A", child, JSON.stringify(load)],
    stdout: "piped",
    stderr: "inherit",
  }, "SIGTERM");
  let found: BoardFigures | null = null, rest = "";
  for await (const part of process.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = `${rest}${part}`.split("\n");
    rest = lines.pop() ?? "";
    for (const told of lines.map((line) => JSON.parse(line) as BoardChildLine)) {
      if ("step" in told) view.bar("steps", told.step, told.steps, told.name);
      else found = told.found;
    }
  }
  const { success } = await process.status;
  if (!success || found === null) {
    throw new Error("Cannot bench the board: the measuring process failed, see above");
  }
  view.bar("steps", 1, 1);
  return found;
}

/** Figures as text. */
export function boardBenchText(found: BoardFigures): string {
  const { runs, steps, items, start, paint, chart, moving, zooming, empty, reading, requests, memory } =
    found;
  const ms = (time: number) => `${time.toFixed(0)} ms`;
  const frames = ({ perSecond, longest, late }: Frames) =>
    `${perSecond.toFixed(0)} frames/s, longest ${ms(longest)}, ${(100 * late).toFixed(0)} % late`;
  const mib = (value: number | null) => value === null ? "unknown" : `${value.toFixed(0)} MiB`;
  return [
    `${runs} runs of ${steps} steps: the board listens after ${ms(start)}`,
    `first paint ${ms(paint)} (goal 1000); the chart of all runs after ${ms(chart)}`,
    `mouse over the chart: ${frames(moving)} (goal 60)`,
    `wheel: ${frames(zooming)} (goal 60)`,
    `wheel over an empty page: ${frames(empty)}`,
    `${items} items, read the first time in ${ms(reading)}`,
    ...Object.entries(requests).map(([name, time]) => `  ${name}: ${ms(time)}`),
    `memory of the server: ${mib(memory.start)} with the logs read, ${mib(memory.curves)} with the chart, ${
      mib(memory.items)
    } with the items`,
  ].join("\n");
}
