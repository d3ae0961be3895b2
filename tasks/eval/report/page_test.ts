import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { pathToFileURL } from "node:url";

import { completionResponse, mockServer } from "../../bench/eval/mock_server.ts";
import { chromiumPath } from "../../common/chromium.ts";
import { inFolder, rowsConfig, rowsText, runConfig } from "../../../tests/helpers/evaluation_run.ts";
import type { ScoreWithSpread } from "../results/score_table.ts";
import { groupCharts } from "./charts.ts";
import { ringChart } from "./ring.ts";
import { escapeHtml } from "./html.ts";
import { markdown } from "./markdown.ts";

const ATTACK = `</script><script>document.title="owned"</script><img src=x onerror="document.title='owned'">`;

/** A run whose prompts, answers, judge and model name all try to get into the page. */
async function hostileRun(folder: string): Promise<string> {
  const hostile = JSON.stringify({
    id: `x${ATTACK}`,
    prompt: `Question: ${ATTACK}`,
    constraints: [{ text: `1. ${ATTACK};`, groups: { kind: ATTACK } }, {
      text: "2. plain;",
      groups: { kind: "other" },
    }],
    groups: { topic: ATTACK },
  });
  await Deno.writeTextFile(join(folder, "rows.jsonl"), `${hostile}\n${rowsText(130)}`);
  await using server = mockServer({
    respond: ({ body }) => {
      const asked = body.messages.at(-1)!.content;
      if (asked.includes("Question 5:")) return completionResponse(`answer ${ATTACK}`);
      // a long reason why its constraints have no verdict
      const message = { content: null, refusal: "I would rather not judge that. ".repeat(9) };
      return asked.includes("Question 9:") && body.model === "grader"
        ? Response.json({ choices: [{ index: 0, message, finish_reason: "stop" }] })
        : undefined;
    },
  });
  const config = rowsConfig(folder, server.base, [`model.args.name=${JSON.stringify(`m${ATTACK}`)}`]);
  const { results } = await runConfig(config);
  const text = markdown(results!);
  assert(!text.includes("<script>") && text.includes("\\<script\\>"));
  return join(config.out_dir, "report.html");
}

Deno.test("report.html holds no markup of items, models or judges, and fetches nothing", async () => {
  await inFolder(async (folder) => {
    const page = await Deno.readTextFile(await hostileRun(folder));
    assertEquals(page.match(/<script/g)?.length, 1 + 2 * 3 + 1); // the page's numbers, three chunks of fifty with their indexes, the page's own
    assertEquals(page.match(/<img/g), null);
    assertEquals(page.includes(ATTACK), false);
    // nothing names an address to load from; "http://www.w3.org/…" are names of SVG's vocabularies
    assertEquals([...page.matchAll(/https?:\/\/(?!www\.w3\.org\/)\S*/g)].map((m) => m[0]), []);
    assertStringIncludes(page, "default-src 'none'");
    // what scrolls to the side does so by keyboard too, and says what it is
    const boxes = [...page.matchAll(/<div class="(?:card )?(?:scroll|drawing)"[^>]*>/g)].map(([tag]) => tag);
    const reached = / tabindex="0" role="region" aria-label="[^"]+">$/;
    assertEquals([boxes.length > 4, boxes.filter((tag) => !reached.test(tag))], [true, []]);
  });
});

Deno.test("escapeHtml() leaves nothing that could be markup", () => {
  assertEquals(escapeHtml(`<a b="c" d='e'>&`), "&#60;a b=&#34;c&#34; d=&#39;e&#39;&#62;&#38;");
});

Deno.test("groupCharts() and ringChart(): long names are cut and none stands twice; a name's direction is its own", async () => {
  const long = "a name that goes on and on for more characters than an axis has room for, number";
  const names = [`${long} one`, `${long} two`, "short", "تنسيق", "语言"];
  const scores = names.map((name, i) => ({
    metric: "followed",
    group: { by: "type", name },
    value: 0.5,
    ofAll: 0.5,
    scored: 10 + i,
    unscored: 0,
    interval: null,
    stderr: null,
  }));
  const [chart] = await groupCharts(scores as unknown as ScoreWithSpread[]);
  const labels = [...chart!.svg.matchAll(/>([^<>]+\(\d+\))<\/text>/g)].map(([, label]) => label!.trim());
  assertEquals(labels.map((label) => label.replace(/^.*\((\d+)\)$/, "$1")).sort(), [
    "10",
    "11",
    "12",
    "13",
    "14",
  ]);
  assertEquals(labels.filter((label) => label.includes("…")).length, 2);
  assert(labels.every((label) => label.length < 48), labels.join("\n"));
  assert(labels.some((label) => label.startsWith("\u2068تنسيق\u2069")), labels.join("\n"));
  const ring = await ringChart(names.map((inner) => ({ inner, outer: "", count: 1 })), "type", null);
  assertEquals(ring!.legend.find(({ name }) => name === "تنسيق")?.share, "  20.0 %");
});

const chromium = chromiumPath();
Deno.test({
  name: `report.html in a browser: tables, charts, every item, search and filter; injected code doesn't run${
    chromium ? "" : " [ignored: no chromium here]"
  }`,
  ignore: chromium === undefined,
  fn: async () => {
    const { chromium: driver } = await import("playwright-core");
    await inFolder(async (folder) => {
      const path = await hostileRun(folder);
      const browser = await driver.launch({ executablePath: chromium!, args: ["--no-sandbox"] });
      try {
        const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
        // longer than anything takes where other tests run too
        page.setDefaultTimeout(180_000);
        const faults: string[] = [], fetched: string[] = [];
        page.on("pageerror", (error) => faults.push(error.message));
        page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
        page.on("request", (request) => fetched.push(request.url()));
        await page.goto(pathToFileURL(path).href);
        await page.locator(".row").first().waitFor();
        await page.locator("#detail .verdict").first().waitFor();
        assertEquals(faults, []);
        assertEquals(fetched.filter((url) => !url.startsWith("blob:")).length, 1);
        assert((await page.title()).startsWith("m</script>"), "the title is text");

        assertEquals(await page.locator("#count").textContent(), "131 items");
        assertEquals(await page.locator(".row").count(), 131);
        // the status isn't told by colour alone
        assertEquals(
          await page.getByRole("button", { name: /^x<\/script>.* (passed|in part|failed|unscored)$/s })
            .count(),
          1,
        );
        assertStringIncludes(await page.locator("#detail pre").first().innerText(), ATTACK);
        assert(await page.locator(".tile").count() >= 3);
        const reasons = page.locator(".card.scroll", { hasText: "Why constraints are unscored" });
        assertStringIncludes(await reasons.innerText(), "held back by a policy of the judge's server");
        assert(
          await reasons.evaluate((card: { scrollWidth: number; clientWidth: number }) =>
            card.scrollWidth <= card.clientWidth
          ),
          "a reason pushes its number out of sight",
        );
        // ring, by topic, by kind
        assert(await page.locator("figure svg").count() >= 2);

        // an item of the last chunk, found by a text that only its answer has
        await page.fill("#search", "about music");
        await page.locator("#count", { hasText: " of 131 items" }).waitFor();
        const found = Number((await page.locator("#count").textContent())!.split(" ")[0]);
        assertEquals(found, 43); // rows 2, 5, … 128
        await page.locator(".row").last().click();
        await page.locator("#detail .title", { hasText: "row-128" }).waitFor();
        assertStringIncludes(await page.locator("#detail").innerText(), "Question 128");
        assertStringIncludes(await page.locator("#detail .raw").innerText(), "Fine Grained Score");

        await page.fill("#search", "");
        const byFilter: number[] = [];
        for (const filter of ["pass", "fail", "unscored"]) {
          // drawn within the event
          await page.selectOption("#filter", filter);
          byFilter.push(await page.locator(".row").count());
        }
        assertEquals(byFilter.reduce((a, b) => a + b, 0), 131);
        assertEquals(await page.title().then((title) => title === "owned"), false);
        await page.selectOption("#filter", "all");
        await page.locator("#count", { hasText: /^131 items$/ }).waitFor();
        // narrow: nothing sticks out to the side
        await page.setViewportSize({ width: 390, height: 800 });
        assert(
          await page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"),
          "wider than a phone",
        );
        assert(
          await page.evaluate("document.documentElement.scrollHeight <= document.body.scrollHeight + 1"),
          "goes on below its end",
        );
        // what is out of sight at a side has a shade there, which goes when it is scrolled to
        for (const box of [".scroll", ".drawing"]) {
          const attached = await page.evaluate(
            `getComputedStyle(document.querySelector("${box}")).backgroundAttachment`,
          );
          assertEquals(attached, "local, local, scroll, scroll, scroll", box);
        }
        // texts run as their own first letter does
        for (const text of ["#detail pre", "#detail .verdict > div > div", ".row .text"]) {
          assertEquals(await page.locator(text).first().getAttribute("dir"), "auto", text);
        }
        assertEquals(faults, []);
      } finally {
        await browser.close();
      }
    });
  },
});
