/** The charts of the board's page in a browser. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
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
