/** The board's page in one Chromium: a run that grows, a comparison, a mark by hand, a conversation; hostile texts; contrast and names. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { accessibilityFaults } from "../../tests/helpers/accessibility.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { makeEvaluation, makeRun } from "./_made_runs.ts";
import { startBoard } from "./server.ts";
import {
  comparesEvaluations,
  curveGrows,
  findsKeys,
  listsByKeyboard,
  marksByHand,
  showsTextsAsTexts,
  talksToTrained,
  waitsForRun,
} from "./_page_steps.ts";
import { BROWSER_PATIENCE_MS, chromium, sharedBrowser } from "./_browser.ts";

const GOLDENS = new URL("../../fixtures/goldens/llamafactory/", import.meta.url).pathname;

/** An adapter beside its base, as a finished run has it. */
async function makeTuned(folder: string): Promise<void> {
  makeRun(folder, 5);
  for (const { name } of Deno.readDirSync(join(GOLDENS, "adapter"))) {
    await Deno.copyFile(join(GOLDENS, "adapter", name), join(folder, name));
  }
  await Deno.writeTextFile(
    join(folder, "run.yaml"),
    `model_name_or_path: ${join(GOLDENS, "model")}\ntemplate: qwen\n`,
  );
  await Deno.writeTextFile(join(folder, "all_results.json"), "{}");
}

Deno.test({
  name: `the board in a browser: a live run, a comparison, a mark, a conversation, and no markup of texts${
    chromium ? "" : " [ignored: no chromium here]"
  }`,
  ignore: chromium === undefined,
  async fn() {
    const folder = temporaryFolder();
    const live = makeRun(join(folder, "live"), 2);
    // a folder's name is a text too
    makeRun(join(folder, "<img src=x onerror=alert(1)>"), 3);
    await makeTuned(join(folder, "tuned"));
    await makeEvaluation(join(folder, "a"), (text) => text);
    await makeEvaluation(join(folder, "b"), (text, i) => i < 2 ? "No." : text);
    const fault = (error: unknown) => {
      throw error;
    };
    await using board = await startBoard({ folders: [folder], port: 0, control: true, fault });
    const context = await (await sharedBrowser()).newContext({ viewport: { width: 1200, height: 900 } });
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(BROWSER_PATIENCE_MS);
      const faults: string[] = [], fetched: string[] = [];
      page.on("pageerror", (error) => faults.push(error.message));
      page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
      page.on("request", (request) => fetched.push(request.url()));
      const checked = async (place: string) =>
        assertEquals([place, await accessibilityFaults(page)], [place, []]);
      const go = async (hash: string) => {
        await page.goto(`${board.address}${hash}`);
        await page.locator("#live", { hasText: "live" }).waitFor();
      };
      const visit = { page, folder, live, go, checked };
      await curveGrows(visit);
      await waitsForRun(visit);
      await comparesEvaluations(visit);
      await listsByKeyboard(visit);
      await showsTextsAsTexts(visit);
      await marksByHand(visit);
      await findsKeys(visit);
      await talksToTrained(visit);

      assertEquals(faults, []);
      assertEquals(fetched.filter((url) => !url.startsWith(board.address) && !/^(data|blob):/.test(url)), []);
    } finally {
      await context.close();
    }
  },
});
