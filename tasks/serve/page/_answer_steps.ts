/** Steps of the page of serve with answers that don't come from a model: hostile, broken off, refused. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { accessibilityFaults } from "../../../tests/helpers/accessibility.ts";
import type { PageVisit } from "./_asking_steps.ts";
import { SHOTS } from "./_layout_steps.ts";

/** Asks again, and answers with a reply of ours; null: the connection is reset. */
async function tell(
  { page }: PageVisit,
  reply: { status?: number; headers?: Record<string, string>; body: string } | null,
): Promise<void> {
  await page.unroute("**/v1/chat/completions");
  await page.route(
    "**/v1/chat/completions",
    (route) => reply === null ? route.abort("connectionreset") : route.fulfill(reply),
  );
  await page.locator("#retry").click();
  await page.locator("#send").waitFor();
}

/** A stream of pieces of text. @param end What stands behind them */
const stream = (texts: string[], end: string) => ({
  headers: { "content-type": "text/event-stream" },
  body:
    texts.map((content) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`).join("") +
    end,
});

/** An answer is text: nothing of it becomes a part of the page; blocks of code stand in letters of one width. */
export async function showsAnswersAsText(visit: PageVisit): Promise<void> {
  const { page } = visit, shown = page.locator(".answer .text").last();
  await page.selectOption("#right", "");
  const hostile = [
    "<img src=x onerror=alert(1)>\n``",
    "`html\n<script>document.body.remove()</script>\n  x\n``",
    "`\nand\n```\nopen",
  ];
  await tell(visit, stream(hostile, "data: [DONE]\n\n"));
  assertEquals(await shown.textContent(), hostile.join(""));
  assertEquals(await shown.locator("img, script").count(), 0);
  assertEquals(await shown.locator("pre").allTextContents(), [
    "```html\n<script>document.body.remove()</script>\n  x\n```\n",
    "```\nopen",
  ]);
}

/** axe finds nothing at a phone's width, in both colours. */
export async function isAccessible({ page }: PageVisit): Promise<void> {
  await page.setViewportSize({ width: 320, height: 800 });
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    assertEquals(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
    if (SHOTS !== undefined) {
      await page.screenshot({ path: join(SHOTS, `page-${colorScheme}-320.png`) });
    }
    assertEquals([colorScheme, await accessibilityFaults(page)], [colorScheme, []]);
  }
}

/** A server that is gone or busy, an answer that breaks off: said, and the question can be asked again. */
export async function saysWhatFailed(visit: PageVisit): Promise<void> {
  const { page } = visit;
  const shown = page.locator(".answer .text").last(), foot = page.locator(".foot").last();
  await tell(visit, stream(["half"], ""));
  assertEquals([await shown.textContent(), await foot.textContent()], [
    "half",
    "The server ended the answer before its end",
  ]);
  await tell(visit, null);
  assertEquals(
    await page.locator("#fault").textContent(),
    "The connection to the server was lost: is it still running?",
  );
  await tell(visit, { status: 429, body: JSON.stringify({ error: { message: "The queue is full" } }) });
  assertEquals(await page.locator("#fault").textContent(), "The queue is full");
  await tell(visit, { status: 502, body: "<html>" });
  assertEquals(await page.locator("#fault").textContent(), "The server answered with status 502");
}

/** A setting that its field doesn't take isn't sent. */
export async function refusesWrongSettings({ page }: PageVisit): Promise<void> {
  await page.fill("#temperature", "7");
  await page.fill("#question", "Hotter");
  await page.locator("#question").press("Enter");
  assertEquals(await page.evaluate("document.activeElement.id"), "temperature");
  assertEquals(await page.inputValue("#question"), "Hotter");
  await page.click("#clear");
  assertEquals(await page.locator(".round").count(), 0);
}
