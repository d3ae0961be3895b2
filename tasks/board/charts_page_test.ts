/** The charts of the board's page in a browser. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { WRITTEN_NUMBERS } from "./_chart_probes.ts";
import {
  countsTokensAndTime,
  drawsOncePerFrame,
  logarithmicIsStraight,
  movesAlong,
  savesPictures,
  zooms,
} from "./_chart_steps.ts";
import { makeRun, trainerLogLine } from "./_made_runs.ts";
import { startBoard } from "./server.ts";
import { BROWSER_PATIENCE_MS, chromium, sharedBrowser } from "./_browser.ts";

Deno.test({
  name: `charts in a browser: by steps, tokens and time, logarithmic, zoomed, and saved as PNG, SVG and CSV${
    chromium ? "" : " [ignored: no chromium here]"
  }`,
  ignore: chromium === undefined,
  async fn() {
    const folder = temporaryFolder();
    // from 1 down to 0.0001, a straight line on a logarithmic axis; the middle is step 26
    const losses = Array.from({ length: 51 }, (_, i) => 10 ** (-4 * i / 50));
    await Deno.writeTextFile(
      join(makeRun(join(folder, "falling"), 0), "trainer_log.jsonl"),
      losses.map((loss, i) => trainerLogLine(i + 1, { loss })).join(""),
    );
    const fault = (error: unknown) => {
      throw error;
    };
    await using board = await startBoard({ folders: [folder], port: 0, fault });
    const context = await (await sharedBrowser()).newContext({ viewport: { width: 1200, height: 900 } });
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(BROWSER_PATIENCE_MS);
      const faults: string[] = [];
      page.on("pageerror", (error) => faults.push(error.message));
      await page.addInitScript(WRITTEN_NUMBERS);
      await page.goto(`${board.address}#/runs?run=0:falling&smooth=0`);
      const card = page.locator('section[aria-label="Loss"]');
      await card.locator('[role="img"][aria-label*="falling: 1.00e-4"]').waitFor();
      await card.locator("summary").click();
      const shows = (from: string, to: string) =>
        card.locator("tr", { has: page.locator(`td:nth-child(2):text-is("${from}")`) })
          .locator(`td:nth-child(3):text-is("${to}")`).waitFor();
      await shows("1", "51");
      assertEquals(
        await card.locator("td").allInnerTexts(),
        ["falling", "1", "51", "1", "1.00e-4", "1", "1.00e-4"],
      );

      const visit = { page, card, losses, shows };
      await logarithmicIsStraight(visit);
      await zooms(visit);
      await movesAlong(visit);
      await drawsOncePerFrame(visit);
      await savesPictures(visit);
      await countsTokensAndTime(visit);
      assertEquals(faults, []);
    } finally {
      await context.close();
    }
  },
});
