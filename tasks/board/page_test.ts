/** The board's page in one Chromium: a run that grows, a comparison, a mark by hand, a conversation; hostile texts; contrast and names. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { Browser } from "playwright-core";

import { chromiumPath } from "../common/chromium.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { Labels } from "../eval/labels.ts";
import { HOSTILE_TEXTS, makeEvaluation, makeRun, trainerLogLine } from "./_made_runs.ts";
import { startBoard } from "./server.ts";

const chromium = chromiumPath();
const GOLDENS = new URL("../../fixtures/goldens/llamafactory/", import.meta.url).pathname;

/** Longer than anything takes where other tests run too. */
const PATIENCE_MS = 180_000;

let started: Promise<Browser> | undefined;
/** One browser for all tests here, each with a context of its own: a start takes some three seconds of processor time. */
function browser(): Promise<Browser> {
  return started ??= import("playwright-core").then(({ chromium: driver }) =>
    driver.launch({ executablePath: chromium!, args: ["--no-sandbox"] })
  );
}
Deno.test.afterAll(async () => await (await started)?.close());

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
    const context = await (await browser()).newContext({ viewport: { width: 1200, height: 900 } });
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      const faults: string[] = [], fetched: string[] = [];
      page.on("pageerror", (error) => faults.push(error.message));
      page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
      page.on("request", (request) => fetched.push(request.url()));
      // after the page's own scripts are loaded, so that its policy holds for them and not for the tool
      const axe = await Deno.readTextFile(new URL(import.meta.resolve("axe-core/axe.min.js")));
      const checked = async (place: string) => {
        const client = await page.context().newCDPSession(page);
        await client.send("Runtime.evaluate", { expression: axe });
        const { result } = await client.send("Runtime.evaluate", {
          expression: "axe.run(document, { iframes: false, resultTypes: ['violations'] })" +
            ".then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map((n) => n.html.slice(0, 150))])))",
          awaitPromise: true,
        });
        assertEquals([place, JSON.parse(result.value)], [place, []]);
      };
      const go = async (hash: string) => {
        await page.goto(`${board.address}${hash}`);
        await page.locator("#live", { hasText: "live" }).waitFor();
      };

      // a run whose curve grows
      await go("#/runs?run=0:live&run=0:tuned");
      const plot = page.locator('[role="img"][aria-label^="Loss over step of 2 runs"]');
      await plot.waitFor();
      // weight 0.6: (0.6 · 0.4 · 1 + 0.4 · 0.5) / (1 − 0.6²), then (0.6 · 0.44 + 0.4 · 0.125) / (1 − 0.6³)
      assertStringIncludes(await plot.getAttribute("aria-label") ?? "", "live: 0.6875");
      await Deno.writeTextFile(
        join(live, "trainer_log.jsonl"),
        trainerLogLine(3, { loss: 0.125, "rewards/margins": 2 }),
        { append: true },
      );
      await page.locator('section[aria-label="Reward margin"]').waitFor();
      await page.locator('[role="img"][aria-label*="live: 0.4005"]').waitFor();
      await page.locator('section[aria-label="Loss"] summary').click();
      assertStringIncludes(await page.locator('section[aria-label="Loss"] table').innerText(), "live");
      await plot.press("ArrowRight");
      await page.locator('section[aria-label="Loss"] .readout b', { hasText: "step" }).first().waitFor();
      await checked("runs, light");
      await page.emulateMedia({ colorScheme: "dark" });
      await page.setViewportSize({ width: 500, height: 900 });
      await checked("runs, dark, narrow");
      assert(
        await page.evaluate<boolean>("document.documentElement.scrollWidth <= innerWidth"),
        "nothing sticks out",
      );

      // a run whose page is opened before it is there
      await go("#/run?run=0:later");
      await page.locator(".hint", { hasText: "It is shown as soon as it is there" }).waitFor();
      assertEquals(await page.locator("h1").innerText(), "later");
      await checked("a run that isn't there yet");
      makeRun(join(folder, "later"), 2);
      await page.locator("h2", { hasText: "Checkpoints" }).waitFor();
      assertEquals(await page.locator("#fault").isVisible(), false);

      // two evaluations: the flips first, both sides
      await go(`#/compare?${new URLSearchParams({ a: "0:a/run", b: "0:b/run" })}`);
      await page.locator(".pair section").nth(1).waitFor();
      await page.locator("h1", { hasText: "A: a/run, B: b/run" }).waitFor();
      assertEquals(await page.locator(".row .id").allInnerTexts().then((ids) => ids.slice(0, 2)), [
        "item 0: 1 → 0",
        "item 1: 1 → 0",
      ]);
      assertEquals(
        await page.locator(".pair section").nth(1).locator(".chip.fail").first().innerText(),
        "failed",
      );
      await page.locator("table td", { hasText: "to" }).first().waitFor();
      await checked("comparison");

      // the list of evaluations by keyboard; configurations; a run and its ways on
      await go("#/evaluations");
      await page.locator("td a").first().waitFor();
      for (const i of [0, 1]) await page.locator('td input[type="checkbox"]').nth(i).press("Space");
      assertEquals(
        await page.evaluate("document.activeElement.checked"),
        true,
        "the list is drawn again and the focus stays",
      );
      await page.locator("a", { hasText: "Compare two" }).waitFor();
      await checked("evaluations");
      await go("#/config?run=0:live&run=0:tuned");
      await page.locator("td .different", { hasText: "template" }).first().waitFor();
      await checked("configurations");
      await go("#/run?run=0:live");
      await page.locator("h2", { hasText: "Model card" }).waitFor();
      await page.locator('a[href="#/new?run=0%3Alive"]', { hasText: "Train again" }).waitFor();
      await checked("run");

      // every hostile text is shown as it is, and none does anything
      await page.emulateMedia({ colorScheme: "light" });
      await page.setViewportSize({ width: 1200, height: 900 });
      await go("#/evaluation?run=0:a/run");
      for (const [i, text] of HOSTILE_TEXTS.entries()) {
        await page.locator(".row").nth(i).click();
        await page.locator(".detail .title", { hasText: new RegExp(`^Item item ${i}\\D`) }).waitFor();
        assertEquals(await page.locator(".detail pre").nth(1).textContent(), text);
      }
      const [made] = [
        await page.evaluate(
          "document.querySelectorAll('main img, main svg, main iframe, main script, main form, main style').length",
        ),
      ];
      assertEquals([made, await page.title()], [0, "Evaluation – Dinotune board"]);

      // a mark by hand, by keyboard
      await page.locator(".row").first().click();
      await page.locator(".detail .title", { hasText: /^Item item 0\D/ }).waitFor();
      await page.locator(".marking button", { hasText: "wrong" }).first().press("Enter");
      await page.locator('.marking button[aria-pressed="true"]', { hasText: "wrong" }).waitFor();
      assertEquals(
        new Labels(join(folder, "a/run")).of("item 0", HOSTILE_TEXTS[0]!).map(({ label }) => label),
        ["wrong"],
      );
      await page.locator("button", { hasText: "Make it" }).click();
      await page.locator("td", { hasText: /, 1 constraint$/ }).waitFor();
      await checked("evaluation");

      // the form of all keys
      await go("#/new");
      await page.fill('[aria-label="Find a key"]', "warmup_ratio");
      await page.locator(".key:visible label", { hasText: "warmup_ratio" }).first().waitFor();
      await checked("form");

      // what was trained beside its base
      await go("#/talk?run=0:tuned");
      await page.locator("iframe, #fault:not([hidden])").waitFor();
      assertEquals(await page.locator("#fault").textContent(), "");
      const talk = page.frameLocator("iframe");
      await talk.locator("#right option", { hasText: "tuned" }).waitFor({ state: "attached" });
      assertEquals(await talk.locator("#right").inputValue(), "tuned");
      await talk.locator("#settings-button").click();
      // drawn tokens may end an answer before the fourth
      await talk.locator("#temperature").fill("0");
      await talk.locator("#max-tokens").fill("4");
      await talk.locator("#question").fill("Name a river.");
      await talk.locator("#question").press("Enter");
      await talk.locator(".answer:not(.running) .foot", { hasText: "4 tokens" }).nth(1).waitFor();

      assertEquals(faults, []);
      assertEquals(fetched.filter((url) => !url.startsWith(board.address) && !/^(data|blob):/.test(url)), []);
    } finally {
      await context.close();
    }
  },
});

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
    const context = await (await browser()).newContext({ viewport: { width: 1200, height: 900 } });
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
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
      page.setDefaultTimeout(PATIENCE_MS);
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
    const context = await (await browser()).newContext({ viewport: { width: 1200, height: 900 } });
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      const faults: string[] = [];
      page.on("pageerror", (error) => faults.push(error.message));
      await page.addInitScript(`{
        const { fillText } = CanvasRenderingContext2D.prototype;
        globalThis.written = [];
        CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
          if (this.textAlign === "center") written.push(Number(text));
          fillText.call(this, text, ...place);
        };
      }`);
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

      // how far down the curve is in the middle of the picture, as a share of its height
      const middle = () =>
        page.evaluate<number>(`(() => {
          const canvas = document.querySelector(".plot canvas"), over = document.querySelector(".u-over");
          const [box, outer] = [over.getBoundingClientRect(), canvas.getBoundingClientRect()];
          const scale = canvas.width / outer.width, [left, top] = [box.left - outer.left, box.top - outer.top];
          const at = Math.round((left + box.width / 2) * scale), height = Math.round(box.height * scale);
          const { data } = canvas.getContext("2d").getImageData(at, Math.round(top * scale), 1, height);
          const rows = [];
          for (let y = 0; y < height; y++) {
            const [r, g, b, a] = data.subarray(4 * y, 4 * y + 4);
            if (a > 100 && r < 60 && Math.abs(g - 114) < 50 && Math.abs(b - 178) < 50) rows.push(y);
          }
          return rows.reduce((a, b) => a + b, 0) / rows.length / height;
        })()`);
      const drawn = await middle();
      assert(drawn > 0.9 && drawn < 1, `the middle of a falling curve: ${drawn}`);
      await page.getByLabel("Logarithmic").check();
      await card.locator('[role="img"][aria-label*="logarithmic"]').waitFor();
      const straight = await middle();
      assert(Math.abs(straight - 0.5) < 0.05, `the middle of a straight line: ${straight}`);

      // by drag, double click, wheel and keys; a value beyond each end belongs to the line
      const over = card.locator(".u-over");
      const box = (await over.boundingBox())!;
      const place = (share: number) => [box.x + share * box.width, box.y + box.height / 2] as const;
      await page.mouse.move(...place(0.25));
      await page.mouse.down();
      await page.mouse.move(...place(0.6), { steps: 3 });
      await page.mouse.move(...place(0.75), { steps: 3 });
      await page.mouse.up();
      await shows("13", "39");
      await page.mouse.dblclick(...place(0.5));
      await shows("1", "51");
      await page.keyboard.down("Control");
      // about step 27: from 27 − 0.8 · 26 to 27 + 0.8 · 24
      await page.mouse.move(...place(0.52));
      await page.mouse.wheel(0, -100);
      await shows("6", "47");
      await page.mouse.wheel(0, 100);
      await page.keyboard.up("Control");
      await shows("1", "51");
      // from 27 − 0.7 · 26 to 27 + 0.7 · 24
      await card.locator('[role="img"]').press("+");
      await shows("8", "44");
      await card.locator('[role="img"]').press("Escape");
      await shows("1", "51");

      // the part that is shown moves as it is, up to the ends and no further
      // with few points the chart is made anew, without its cursor: then it zooms about its middle
      for (const [from, to] of [["8", "44"], ["13", "39"]] as const) {
        await card.locator('[role="img"]').press("+");
        await shows(from, to);
      }
      for (const _ of [1, 2]) await card.locator('[role="img"]').press("PageDown");
      await shows("26", "51");
      await card.locator('[role="img"]').press("Escape");
      await shows("1", "51");

      // turns of the wheel in one frame are one drawing, and answers about a part that is left are dropped
      await page.evaluate(`(() => {
        const ask = fetch;
        globalThis.dropped = 0;
        const { promise, resolve } = Promise.withResolvers();
        globalThis.asked = promise;
        const counted = Promise.withResolvers();
        globalThis.answer = counted.resolve;
        // the first one is never answered
        globalThis.fetch = (_, { signal }) => {
          // the next ones wait until drawings are counted: an answer is one more
          globalThis.fetch = async (...about) => {
            await counted.promise;
            return await ask(...about);
          };
          resolve();
          return new Promise((_, refuse) => signal.addEventListener("abort", () => {
            dropped++;
            refuse(signal.reason);
          }));
        };
        globalThis.turnWheel = (turns) => {
          const over = document.querySelector(".u-over"), canvas = document.querySelector(".plot canvas");
          const { clearRect } = CanvasRenderingContext2D.prototype;
          let drawings = 0;
          CanvasRenderingContext2D.prototype.clearRect = function (...sides) {
            if (this.canvas === canvas) drawings++;
            clearRect.apply(this, sides);
          };
          const { left, width } = over.getBoundingClientRect();
          const turn = { clientX: left + 0.52 * width, deltaY: -100, ctrlKey: true, bubbles: true, cancelable: true };
          for (let i = 0; i < turns; i++) over.dispatchEvent(new WheelEvent("wheel", turn));
          const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
          return frame().then(frame).then(() => {
            CanvasRenderingContext2D.prototype.clearRect = clearRect;
            return drawings;
          });
        };
      })()`);
      assertEquals(await page.evaluate("turnWheel(2)"), 1);
      await page.evaluate("asked");
      assertEquals(await page.evaluate("turnWheel(2)"), 1);
      await page.evaluate("answer()");
      // about step 27: 0.8 ** 4 of 26 before it and of 24 behind it, and one value beyond each end
      await shows("16", "37");
      assertEquals(await page.evaluate("dropped"), 1);
      // marks of all drawings so far are whole steps at even distances, where half ones would be rounded
      const marks = await page.evaluate<number[]>("written");
      const ways = new Set(marks.slice(1).map((mark, i) => mark - marks[i]!).filter((way) => way > 0));
      assert(ways.size > 0 && [...ways].every((way) => [1, 2, 5, 10].includes(way)), [...ways].join());
      await card.locator('[role="img"]').press("Escape");
      await shows("1", "51");

      const saved = async (name: string) => {
        const coming = page.waitForEvent("download");
        await card.getByLabel(`Loss as ${name}`).click();
        return await Deno.readFile(await (await coming).path());
      };
      const png = await saved("PNG");
      const view = new DataView(png.buffer, png.byteOffset);
      const size = await page.evaluate<number[]>(
        "(({ width, height }) => [width, height])(document.querySelector('.plot canvas'))",
      );
      assertEquals([view.getUint32(0), view.getUint32(16), view.getUint32(20)], [0x89504e47, ...size]);
      // its pixels are those of the page, on paper that isn't transparent
      const colors = await page.evaluate<Record<string, number>>(`(async () => {
        const bytes = Uint8Array.fromBase64(${JSON.stringify(png.toBase64())});
        const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
        const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        const { data } = context.getImageData(0, 0, image.width, image.height);
        const counts = { curve: 0, card: 0, clear: 0 };
        for (let i = 0; i < data.length; i += 4) {
          if (data[i + 3] < 255) counts.clear++;
          else if (data[i] === 255 && data[i + 1] === 255 && data[i + 2] === 255) counts.card++;
          else if (data[i] < 60 && Math.abs(data[i + 1] - 114) < 50 && Math.abs(data[i + 2] - 178) < 50) counts.curve++;
        }
        return counts;
      })()`);
      assert(
        colors.clear === 0 && colors.curve! > size[0]! / 2 && colors.card! > size[0]! * size[1]! / 2,
        JSON.stringify(colors),
      );
      const svg = new TextDecoder().decode(await saved("SVG"));
      for (const text of ["loss", "step", "falling", "0.001"]) assertStringIncludes(svg, `>${text}<`);
      assertEquals(
        new TextDecoder().decode(await saved("CSV")),
        "run,step,loss\r\n" + losses.map((loss, i) => `falling,${i + 1},${loss}\r\n`).join(""),
      );

      await page.locator(".controls select").selectOption("tokens");
      await shows("1K", "51K");
      assertStringIncludes(await card.locator("th").nth(1).innerText(), "tokens from");
      await page.locator(".controls select").selectOption("time");
      await shows("0:00:10", "0:08:30");
      assertEquals(faults, []);
    } finally {
      await context.close();
    }
  },
});
