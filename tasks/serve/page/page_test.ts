/** The page at `/` in a browser, against a server with a tiny model of random weights and an adapter. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { chromiumPath } from "../../common/chromium.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { startServer } from "../server.ts";
import { isAccessible, refusesWrongSettings, saysWhatFailed, showsAnswersAsText } from "./_answer_steps.ts";
import { asksByKeyboard, KEY, opensWithTheKey, retriesAndStops } from "./_asking_steps.ts";
import { fitsNarrowWindows, followsAnswers, hasBothColours, staysAtTheEnd } from "./_layout_steps.ts";

const GOLDENS = new URL("../../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
const chromium = chromiumPath();
/** Longer than anything takes where other tests run too. */
const PATIENCE_MS = 180_000;

const serve = () =>
  startServer({
    model: join(GOLDENS, "model"),
    name: "random",
    adapters: new Map([["tuned", join(GOLDENS, "adapter")]]),
    template: "qwen",
    device: { backend: "onnx", provider: "cpu", threads: null },
    quantization: "stored",
    speculation: 0,
    maxModelLen: null,
    maxBatch: 2,
    host: "127.0.0.1",
    port: 0,
    keys: [KEY],
    queue: 2,
    maxBody: 1e6,
    maxTokens: null,
    loadAdapters: false,
    log() {},
    fault(error) {
      throw error;
    },
  }, builtinRegistry());

Deno.test({
  name: `the page of serve in a browser: two sides, keyboard, key, stop, narrow, dark${
    chromium ? "" : " [ignored: no chromium here]"
  }`,
  ignore: chromium === undefined,
  fn: async () => {
    const { chromium: driver } = await import("playwright-core");
    await using server = await serve();
    const browser = await driver.launch({ executablePath: chromium!, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
      page.setDefaultTimeout(PATIENCE_MS);
      const faults: string[] = [], fetched: string[] = [];
      page.on("pageerror", (error) => faults.push(error.message));
      page.on("request", (request) => fetched.push(request.url()));
      const reply = await page.goto(`${server.base}/`);
      assertStringIncludes(reply?.headers()["content-security-policy"] ?? "", "default-src 'none'");

      const visit = { page, server };
      await opensWithTheKey(visit);
      await retriesAndStops(visit, await asksByKeyboard(visit));
      await fitsNarrowWindows(visit);
      await followsAnswers(visit);
      await staysAtTheEnd(visit);
      await hasBothColours(visit);
      await showsAnswersAsText(visit);
      await isAccessible(visit);
      await saysWhatFailed(visit);
      await refusesWrongSettings(visit);

      assertEquals(faults, []);
      assertEquals(
        fetched.filter((url) => !url.startsWith(`${server.base}/`) && !url.startsWith("data:")),
        [],
      );
    } finally {
      await browser.close();
    }
  },
});
