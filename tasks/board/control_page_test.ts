/** Jobs on the board's page in a browser. */
import { assertEquals } from "@std/assert";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { startBoard } from "./server.ts";
import { BROWSER_PATIENCE_MS, chromium, sharedBrowser } from "./_browser.ts";

Deno.test({
  name: `a press on Stop is never lost: not while the form comes in, nor when the board can't be asked${
    chromium ? "" : " [ignored: no chromium here]"
  }`,
  ignore: chromium === undefined,
  async fn() {
    const fault = (error: unknown) => {
      throw error;
    };
    await using board = await startBoard({ folders: [temporaryFolder()], port: 0, control: true, fault });
    const context = await (await sharedBrowser()).newContext({ viewport: { width: 1200, height: 900 } });
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(BROWSER_PATIENCE_MS);
      const jobs = [{ id: 1, name: "saves/one", run: "0:one", code: null }];
      const news = JSON.stringify({ runs: [], evaluations: [], jobs, control: true });
      await page.route(
        "**/api/events",
        (route) =>
          route.fulfill({ contentType: "text/event-stream", body: `event: runs\ndata: ${news}\n\n` }),
      );
      const form = Promise.withResolvers<void>();
      await page.route("**/api/control/form", async (route) => {
        await form.promise;
        await route.continue();
      });
      const asked = Promise.withResolvers<void>();
      let times = 0;
      await page.route("**/api/control/stop", async (route) => {
        if (++times > 1) asked.resolve();
        await (times === 1 ? route.abort() : route.fulfill({ json: {} }));
      });
      await page.goto(`${board.address}#/new`);
      const stop = page.locator(".job button", { hasText: "Stop" });
      await stop.waitFor({ state: "attached" });
      if (await stop.isVisible()) {
        // as long as a finger takes, the form's values come in above the button
        await stop.hover();
        await page.mouse.down();
        form.resolve();
        await page.locator(".key").first().waitFor();
        await page.mouse.up();
      } else {
        form.resolve();
        await stop.click();
      }
      await page.locator("#fault", { hasText: /./ }).waitFor();
      assertEquals(times, 1);
      await stop.and(page.locator(":enabled")).click();
      await asked.promise;
      await page.locator(".job button:disabled", { hasText: "Stopping" }).waitFor();
    } finally {
      await context.close();
    }
  },
});

Deno.test({
  name: `a run's own page stops it where the board started it, and says where to stop it elsewhere${
    chromium ? "" : " [ignored: no chromium here]"
  }`,
  ignore: chromium === undefined,
  async fn() {
    const { chromium: driver } = await import("playwright-core");
    const fault = (error: unknown) => {
      throw error;
    };
    await using board = await startBoard({ folders: [temporaryFolder()], port: 0, control: true, fault });
    const browser = await driver.launch({ executablePath: chromium!, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
      page.setDefaultTimeout(BROWSER_PATIENCE_MS);
      const run = (id: string, state: string) => (
        { id, name: id, state, step: 3, totalSteps: 9, secondsLeft: 60, values: { loss: 1 } }
      );
      const news = () =>
        JSON.stringify({
          runs: [
            run("0:here", "running"),
            run("0:terminal", "running"),
            run("0:done", "finished"),
          ],
          evaluations: [],
          jobs: [{ id: 7, name: "saves/here", run: "0:here", code: null }],
          control: true,
        });
      await page.route(
        "**/api/events",
        (route) =>
          route.fulfill({ contentType: "text/event-stream", body: `event: runs\ndata: ${news()}\n\n` }),
      );
      await page.route(
        "**/api/run?*",
        (route) =>
          route.fulfill({ json: { config: null, fault: null, checkpoints: [], card: null, files: [] } }),
      );
      const stopped = Promise.withResolvers<unknown>();
      await page.route("**/api/control/stop", async (route) => {
        stopped.resolve(route.request().postDataJSON());
        await route.fulfill({ json: {} });
      });
      const stop = page.locator("button", { hasText: "Stop" });
      const hint = page.locator(".hint", { hasText: "Ctrl-C where it runs saves a checkpoint" });
      await page.goto(`${board.address}#/run?run=0%3Aterminal`);
      await hint.waitFor();
      assertEquals(await stop.count(), 0);
      await page.goto(`${board.address}#/run?run=0%3Adone`);
      await page.locator(".chip", { hasText: "finished" }).waitFor();
      assertEquals([await stop.count(), await hint.count()], [0, 0]);
      await page.goto(`${board.address}#/run?run=0%3Ahere`);
      await stop.click();
      assertEquals(await stopped.promise, { id: 7 });
      await page.locator("button:disabled", { hasText: "Stopping" }).waitFor();
      assertEquals(await hint.count(), 0);
    } finally {
      await browser.close();
    }
  },
});
