/**
 * Makes the pictures of the board, docs/images/board_runs.png and board_evaluation.png, from runs that are made up:
 * `deno run -A docs/make_board_pictures.ts`. Needs a Chromium.
 * @module
 */
import { join } from "@std/path";
import type { Page } from "playwright-core";

import { makeEvaluationRun, makeTrainingRun } from "../tasks/bench/board/board_files.ts";
import { startBoard } from "../tasks/board/server.ts";
import { chromiumPath } from "../tasks/common/chromium.ts";

const SIZE = { width: 1400, height: 780 };
const RUNS = ["run-1", "run-2", "run-3", "run-4"];
const STEPS = 160, ITEMS = 400;

const executablePath = chromiumPath();
if (executablePath === undefined) throw new RangeError("Cannot make the pictures: no Chromium is here");
const folder = await Deno.makeTempDir();
try {
  for (const [i, name] of RUNS.entries()) await makeTrainingRun(join(folder, name), STEPS, i);
  await makeEvaluationRun(join(folder, "evaluation"), ITEMS, 0.8);
  await using board = await startBoard({
    folders: [folder],
    port: 0,
    control: true,
    fault: (error) => console.error(error),
  });
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const picture = async (name: string, hash: string, ready: (page: Page) => Promise<unknown>) => {
      const page = await browser.newPage({ viewport: SIZE, colorScheme: "light" });
      await page.goto(board.address + hash);
      await ready(page);
      await page.waitForLoadState("networkidle");
      await page.screenshot({ path: new URL(`images/board_${name}.png`, import.meta.url).pathname });
      await page.close();
    };
    const query = RUNS.map((name) => `run=0:${name}`).join("&");
    await picture("runs", `#/runs?${query}&smooth=0.9`, async (page) => {
      await page.locator('section[aria-label="Reward accuracy"] [role="img"][aria-label]').waitFor();
      const box = await page.locator(".u-over").first().boundingBox();
      if (box !== null) await page.mouse.move(box.x + 0.7 * box.width, box.y + box.height / 2);
      await page.locator(".readout b").first().waitFor();
    });
    await picture("evaluation", "#/evaluation?run=0:evaluation/run", async (page) => {
      await page.locator("h2", { hasText: "By kinds" }).waitFor();
    });
  } finally {
    await browser.close();
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
