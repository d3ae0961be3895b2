/**
 * The measuring process of `deno task bench board`, with all permissions: a browser's driver looks at files that Deno opens with
 * all of them only, and so is resident memory. Takes the sizes as JSON, prints {@linkcode BoardChildLine}s as JSON.
 * @module
 */
import { join } from "@std/path";
import type { Page } from "playwright-core";

import { item } from "../../../formats/elements.ts";
import { ownTemporaryFolder } from "../../../formats/own_temporary_folder.ts";
import { TaskProcess } from "../../board/control/processes.ts";
import { chromiumPath } from "../../common/chromium.ts";
import { runTask } from "../../common/cli/run_task.ts";
import type { BoardChildLine, BoardFigures, BoardLoad, Frames } from "./board.ts";
import { makeEvaluationRun, makeTrainingRun } from "./board_files.ts";
import { endedTogether } from "../child.ts";

const RUNS_PAGE = { width: 1400, height: 900 };
/** Movements of the mouse between two turns of the wheel. */
const MOVES_A_TURN = 10;
/** One and a half frames of 60 a second. */
const LATE_MS = 25;
/** Repetitions of a request; the median counts. */
const ROUNDS = 5;

const print = (line: BoardChildLine) => console.log(JSON.stringify(line));

/** Steps by their names, told as each begins. */
const STEPS = [
  "files of runs",
  "files of the evaluation",
  "start",
  "chart",
  "mouse and wheel",
  "items",
] as const;

function begin(name: (typeof STEPS)[number]): void {
  print({ step: STEPS.indexOf(name), steps: STEPS.length, name });
}

async function benchBoard(load: BoardLoad): Promise<BoardFigures> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) {
    throw new RangeError(
      "Cannot bench the board: no Chromium is here; install one, or name it in DINOTUNE_CHROMIUM",
    );
  }
  const own = ownTemporaryFolder("dinotune-bench-board-"), folder = own.path;
  // a signal before there is a board ends it with its folder too
  using _folder = endedTogether(() => {});
  try {
    begin("files of runs");
    for (let i = 0; i < load.runs; i++) {
      await makeTrainingRun(join(folder, `run-${String(i + 1).padStart(2, "0")}`), load.steps, i);
    }
    begin("files of the evaluation");
    await makeEvaluationRun(join(folder, "evaluation"), load.items, 0.8);
    begin("start");
    const begun = performance.now();
    const board = new TaskProcess("board", [folder, "--port", "0"]);
    using _stopped = endedTogether(() => board.stop());
    try {
      const address = await board.firstLine;
      if (address === null) throw new Error(`Cannot start the board: ${board.log}`);
      const start = performance.now() - begun;
      return { ...load, start, ...await measured(address, board.pid, load, executablePath) };
    } finally {
      board.stop();
      await board.ended;
    }
  } finally {
    own.release();
  }
}

async function measured(address: string, pid: number, { runs, seconds }: BoardLoad, executablePath: string) {
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox"],
    // it is ended with this process, which hears them itself
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  try {
    begin("chart");
    const atStart = residentMiB(pid);
    const page = await browser.newPage({ viewport: RUNS_PAGE });
    const query = Array.from({ length: runs }, (_, i) => `run=0:run-${String(i + 1).padStart(2, "0")}`);
    const begun = performance.now();
    await page.goto(`${address}#/runs?${query.join("&")}`, { waitUntil: "commit" });
    await page.locator(`[role="img"][aria-label^="Loss over step of ${runs} runs"]`).waitFor();
    const chart = performance.now() - begun;
    const paint = await page.evaluate<number>(
      "performance.getEntriesByName('first-contentful-paint')[0].startTime",
    );
    await page.waitForLoadState("load");
    const curves = residentMiB(pid);
    begin("mouse and wheel");
    const chartFrames = await framesOf(page, seconds);
    const moving = await chartFrames.moving(), zooming = await chartFrames.zooming();
    await page.setContent('<div class="u-over" style="width: 1000px; height: 300px"></div>');
    const empty = await (await framesOf(page, seconds)).zooming();
    await page.close();
    begin("items");
    const items = await itemTimes(address);
    return {
      paint,
      chart,
      moving,
      zooming,
      empty,
      ...items,
      memory: { start: atStart, curves, items: residentMiB(pid) },
    };
  } finally {
    await browser.close();
  }
}

/** Measurements of frames, each of `seconds`, while the mouse works over what is drawn. */
async function framesOf(
  page: Page,
  seconds: number,
): Promise<{ moving: () => Promise<Frames>; zooming: () => Promise<Frames> }> {
  const over = page.locator(".u-over").first();
  const box = await over.boundingBox();
  if (box === null) throw new Error("Cannot measure frames: the chart isn't on the page");
  const counted = async (act: () => Promise<void>): Promise<Frames> => {
    // a frame that an earlier count still waits for is that count's
    await page.evaluate(`{
      const counting = globalThis.counting_ = { goesOn: true, frames: [performance.now()] };
      const next = () => requestAnimationFrame(() => {
        counting.frames.push(performance.now());
        if (counting.goesOn) next();
      });
      next();
    }`);
    await act();
    const frames = await page.evaluate<number[]>("(counting_.goesOn = false, counting_.frames)");
    const gaps = frames.slice(1).map((time, i) => time - item(frames, i));
    return {
      perSecond: 1000 * gaps.length / gaps.reduce((a, b) => a + b, 0),
      longest: gaps.reduce((a, b) => Math.max(a, b), 0),
      late: gaps.filter((gap) => gap > LATE_MS).length / gaps.length,
    };
  };
  const place = (i: number) => box.x + box.width * (0.1 + 0.8 * (i % 80) / 80);
  const moving = () =>
    counted(async () => {
      const end = performance.now() + 1000 * seconds;
      for (let i = 0; performance.now() < end; i++) await page.mouse.move(place(i), box.y + box.height / 2);
    });
  const zooming = async () => {
    await page.keyboard.down("Control");
    const frames = await counted(async () => {
      const end = performance.now() + 1000 * seconds;
      for (let turn = 0; performance.now() < end; turn++) {
        await page.mouse.wheel(0, turn % 8 < 4 ? -100 : 100);
        for (let i = 0; i < MOVES_A_TURN; i++) {
          await page.mouse.move(place(20 + i), box.y + box.height / 2);
        }
      }
    });
    await page.keyboard.up("Control");
    return frames;
  };
  return { moving, zooming };
}

async function itemTimes(address: string): Promise<{ reading: number; requests: Record<string, number> }> {
  const ask = async (query: Record<string, string>) => {
    const begun = performance.now();
    const reply = await fetch(
      `${address}api/items?${new URLSearchParams({ run: "0:evaluation/run", ...query })}`,
    );
    const body = await reply.json() as { error?: string; reading?: number; total: number };
    if (!reply.ok) throw new Error(`Cannot ask for items: ${body.error}`);
    return { body, time: performance.now() - begun };
  };
  const begun = performance.now();
  while ((await ask({})).body.reading !== undefined) await new Promise((done) => setTimeout(done, 50));
  const reading = performance.now() - begun;
  const { body: { total } } = await ask({});
  const requests: Record<string, number> = {};
  for (
    const [name, query] of Object.entries({
      "the first page": {},
      "the last page": { from: String(Math.max(0, total - 100)) },
      "a filter": { status: "fail" },
      "a search that finds many": { search: "LANTERN" },
      "a search that finds one": { search: `number ${total - 1}.` },
    })
  ) {
    const times: number[] = [];
    for (let i = 0; i < ROUNDS; i++) times.push((await ask(query)).time);
    requests[name] = item(times.sort((a, b) => a - b), ROUNDS >> 1);
  }
  return { reading, requests };
}

function residentMiB(pid: number): number | null {
  try {
    const found = /VmRSS:\s+(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${pid}/status`));
    return found === null ? null : Number(found[1]) / 1024;
  } catch {
    return null;
  }
}

if (import.meta.main) {
  await runTask(async () => {
    print({ found: await benchBoard(JSON.parse(Deno.args[0] ?? "{}")) });
  });
}
