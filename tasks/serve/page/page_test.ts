/** The page at `/` in a browser, against a server with a tiny model of random weights and an adapter. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { chromiumPath } from "../../common/chromium.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { until, within } from "../../../tests/helpers/until.ts";
import { startServer } from "../server.ts";

const GOLDENS = new URL("../../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
const chromium = chromiumPath();
const KEY = "sk-of-the-page";
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

      // without a key the page says so, and opens where it is put
      await page.locator("#fault", { hasText: "needs a key" }).waitFor();
      await page.fill("#key", KEY);
      await page.locator("#key").press("Tab");
      await page.locator("#left option", { hasText: "tuned" }).waitFor({ state: "attached" });
      assert(await page.locator("#fault").isHidden());
      await page.fill("#temperature", "0");
      await page.fill("#max-tokens", "12");
      await page.fill("#system", "Be brief.");
      await page.selectOption("#right", "tuned");

      // by keyboard alone: write, send, and back in the field
      await page.locator("#question").focus();
      await page.keyboard.type("Name a river.");
      await page.keyboard.press("Shift+Enter");
      await page.keyboard.type("<b>One</b>.");
      await page.keyboard.press("Enter");
      await page.locator(".answer:not(.running)").nth(1).waitFor();
      const texts = await page.locator(".answer .text").allTextContents();
      const expected = await Promise.all(["random", "tuned"].map(async (model) => {
        const body = JSON.stringify({
          model,
          messages: [{ role: "system", content: "Be brief." }, {
            role: "user",
            content: "Name a river.\n<b>One</b>.",
          }],
          temperature: 0,
          max_tokens: 12,
        });
        const headers = { "content-type": "application/json", authorization: `Bearer ${KEY}` };
        const reply = await fetch(`${server.base}/v1/chat/completions`, { method: "POST", body, headers });
        return (await reply.json()).choices[0].message.content as string;
      }));
      assertEquals(texts, expected);
      assertEquals(await page.locator(".question").textContent(), "Name a river.\n<b>One</b>.");
      assertStringIncludes(await page.locator(".foot").first().innerText(), "12 tokens");
      assertEquals(await page.evaluate("document.activeElement.id"), "question");
      const reached: unknown[] = [];
      for (let i = 0; i < 5; i++) {
        await page.keyboard.press("Tab");
        reached.push(await page.evaluate("document.activeElement.id"));
      }
      assertEquals(reached.slice(0, 4), ["send", "retry", "save", "clear"]);

      const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
      assertEquals(download.suggestedFilename(), "conversation.jsonl");
      const saved = Deno.readTextFileSync(await download.path()).trim().split("\n").map((line) =>
        JSON.parse(line)
      );
      assertEquals(
        saved,
        ["random", "tuned"].map((model, i) => ({
          model,
          messages: [
            { role: "system", content: "Be brief." },
            { role: "user", content: "Name a river.\n<b>One</b>." },
            { role: "assistant", content: texts[i] },
          ],
        })),
      );

      // the same again, then a long answer that Escape stops
      await page.click("#retry");
      await page.locator(".answer:not(.running)").nth(1).waitFor();
      assertEquals(await page.locator(".answer .text").allTextContents(), expected);
      const model = server.models.get("random")!, { generate } = model;
      const asked = Promise.withResolvers<void>(), left = Promise.withResolvers<void>();
      // no answer is over before the page has left it
      Object.assign(model, {
        generate: async (...given: Parameters<typeof generate>) => {
          const signal = given[3], gone = Promise.withResolvers<void>();
          signal?.addEventListener("abort", () => gone.resolve());
          asked.resolve();
          await Promise.allSettled([generate(...given)]);
          await gone.promise;
          left.resolve();
          signal?.throwIfAborted();
        },
      });
      await page.fill("#max-tokens", "");
      await page.fill("#question", "More");
      await page.keyboard.press("Enter");
      await page.locator(".answer.running").first().waitFor();
      await within("the page's question", asked.promise);
      await page.keyboard.press("Escape");
      await page.locator("#send").waitFor();
      await within("the server's word that its client has left", left.promise);
      Object.assign(model, { generate });
      assertEquals(await page.locator(".round").count(), 2);

      // narrow: nothing sticks out to the side; dark: other colours, readable
      await page.setViewportSize({ width: 500, height: 800 });
      await until("a narrow page", () => page.evaluate<boolean>("innerWidth === 500"));
      assertEquals(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
      const small = "[...document.querySelectorAll('select, input, textarea')]" +
        ".filter((field) => parseFloat(getComputedStyle(field).fontSize) < 16).map(({ id }) => id)";
      assertEquals(await page.evaluate(small), []);
      // answers below each other are followed to their end
      await page.fill("#max-tokens", "60");
      await page.fill("#question", "Longer");
      await page.keyboard.press("Enter");
      await page.locator(".round").nth(2).waitFor();
      await page.locator("#send").waitFor();
      const below = "talk.scrollHeight - talk.scrollTop - talk.clientHeight";
      await until("the end of the answers", () => page.evaluate<boolean>(`${below} < 2`));
      // two answers that fail, and the line that tells it, which leaves less room to them
      await page.route("**/v1/chat/completions", (route) => route.abort());
      await page.fill("#question", "Lost");
      await page.keyboard.press("Enter");
      await page.locator(".round").nth(3).waitFor();
      await page.locator("#send").waitFor();
      await until("the end of the failed answers", () => page.evaluate<boolean>(`${below} < 2`));
      await page.unroute("**/v1/chat/completions");
      // also where the window becomes narrower or lower, but not where it was left
      for (const [width, height] of [[1200, 800], [420, 800], [420, 500], [360, 640]] as const) {
        await page.setViewportSize({ width, height });
        await until(
          `the end at ${width} × ${height}`,
          () =>
            page.evaluate<boolean>(`innerWidth === ${width} && innerHeight === ${height} && ${below} < 2`),
        );
      }
      // wider, which cuts where it stood, and narrow again before the page hears of either
      await page.evaluate(
        "for (const width of ['1000px', '220px']) talk.style.width = width, talk.getBoundingClientRect()",
      );
      await until("the end in a narrow column", () => page.evaluate<boolean>(`${below} < 2`));
      await page.evaluate("talk.style.width = ''");
      await until("the end in the whole width", () => page.evaluate<boolean>(`${below} < 2`));
      const twoFrames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))";
      await page.evaluate(twoFrames);
      await page.evaluate("talk.scrollTop = 0");
      await page.evaluate(twoFrames);
      await page.setViewportSize({ width: 340, height: 640 });
      await until("a narrower page", () => page.evaluate<boolean>("innerWidth === 340"));
      await page.evaluate(twoFrames);
      assertEquals(await page.evaluate<number>("talk.scrollTop"), 0);
      await page.setViewportSize({ width: 500, height: 800 });
      await until("a wider page", () => page.evaluate<boolean>("innerWidth === 500"));
      const colours = () =>
        page.evaluate(
          "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]",
        );
      const light = await colours();
      await page.emulateMedia({ colorScheme: "dark" });
      const dark = await colours();
      assertEquals([light, dark], [["rgb(29, 35, 41)", "rgb(251, 250, 248)"], [
        "rgb(232, 234, 236)",
        "rgb(20, 23, 26)",
      ]]);
      const shots = Deno.env.get("DINOTUNE_SCREENSHOTS");
      if (shots !== undefined) {
        for (const colorScheme of ["dark", "light"] as const) {
          for (const width of [500, 1200]) {
            await page.emulateMedia({ colorScheme });
            await page.setViewportSize({ width, height: 800 });
            await page.screenshot({ path: join(shots, `page-${colorScheme}-${width}.png`) });
          }
        }
      }
      // every answer below comes from here, not from the model
      await page.selectOption("#right", "");
      const told = async (
        reply: { status?: number; headers?: Record<string, string>; body: string } | null,
      ) => {
        await page.unroute("**/v1/chat/completions");
        await page.route(
          "**/v1/chat/completions",
          (route) => reply === null ? route.abort("connectionreset") : route.fulfill(reply),
        );
        await page.locator("#retry").click();
        await page.locator("#send").waitFor();
      };
      const stream = (texts: string[], end: string) => ({
        headers: { "content-type": "text/event-stream" },
        body: texts.map((content) =>
          `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`
        ).join("") +
          end,
      });
      const shown = page.locator(".answer .text").last(), foot = page.locator(".foot").last();
      // an answer is text: nothing of it becomes a part of the page; blocks of code stand in letters of one width
      const hostile = [
        "<img src=x onerror=alert(1)>\n``",
        "`html\n<script>document.body.remove()</script>\n  x\n``",
        "`\nand\n```\nopen",
      ];
      await told(stream(hostile, "data: [DONE]\n\n"));
      assertEquals(await shown.textContent(), hostile.join(""));
      assertEquals(await shown.locator("img, script").count(), 0);
      assertEquals(await shown.locator("pre").allTextContents(), [
        "```html\n<script>document.body.remove()</script>\n  x\n```\n",
        "```\nopen",
      ]);
      await page.setViewportSize({ width: 320, height: 800 });
      const axe = await Deno.readTextFile(new URL(import.meta.resolve("axe-core/axe.min.js")));
      const client = await page.context().newCDPSession(page);
      await client.send("Runtime.evaluate", { expression: axe });
      for (const colorScheme of ["dark", "light"] as const) {
        await page.emulateMedia({ colorScheme });
        assertEquals(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
        if (shots !== undefined) {
          await page.screenshot({ path: join(shots, `page-${colorScheme}-320.png`) });
        }
        const { result } = await client.send("Runtime.evaluate", {
          expression: "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>" +
            " JSON.stringify(violations.map(({ id, nodes }) => [id, nodes.map((n) => n.html.slice(0, 150))])))",
          awaitPromise: true,
        });
        assertEquals([colorScheme, JSON.parse(result.value)], [colorScheme, []]);
      }
      // a server that is gone or busy, an answer that breaks off: said, and the question can be asked again
      await told(stream(["half"], ""));
      assertEquals([await shown.textContent(), await foot.textContent()], [
        "half",
        "The server ended the answer before its end",
      ]);
      await told(null);
      assertEquals(
        await page.locator("#fault").textContent(),
        "The connection to the server was lost: is it still running?",
      );
      await told({ status: 429, body: JSON.stringify({ error: { message: "The queue is full" } }) });
      assertEquals(await page.locator("#fault").textContent(), "The queue is full");
      await told({ status: 502, body: "<html>" });
      assertEquals(await page.locator("#fault").textContent(), "The server answered with status 502");
      // a setting that its field doesn't take isn't sent
      await page.fill("#temperature", "7");
      await page.fill("#question", "Hotter");
      await page.locator("#question").press("Enter");
      assertEquals(await page.evaluate("document.activeElement.id"), "temperature");
      assertEquals(await page.inputValue("#question"), "Hotter");
      await page.click("#clear");
      assertEquals(await page.locator(".round").count(), 0);

      assertEquals(faults, []);
      assertEquals(
        fetched.filter((url) =>
          !url.startsWith(`${server.base}/`) && !url.startsWith("data:")
        ),
        [],
      );
    } finally {
      await browser.close();
    }
  },
});
