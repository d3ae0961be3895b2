/** Steps of the page of serve: narrow and wide, answers followed to their end, colours. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { until } from "../../../tests/helpers/until.ts";
import type { PageVisit } from "./_asking_steps.ts";

const BELOW = "talk.scrollHeight - talk.scrollTop - talk.clientHeight";

/** Folder for pictures of the page, for who looks at them; undefined: none are taken. */
export const SHOTS = Deno.env.get("DINOTUNE_SCREENSHOTS");

/** Narrow: nothing sticks out to the side, and no field makes a phone zoom. */
export async function fitsNarrowWindows({ page }: PageVisit): Promise<void> {
  await page.setViewportSize({ width: 500, height: 800 });
  await until("a narrow page", () => page.evaluate<boolean>("innerWidth === 500"));
  assertEquals(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
  const small = "[...document.querySelectorAll('select, input, textarea')]" +
    ".filter((field) => parseFloat(getComputedStyle(field).fontSize) < 16).map(({ id }) => id)";
  assertEquals(await page.evaluate(small), []);
}

/** Answers below each other are followed to their end, also those that fail. */
export async function followsAnswers({ page }: PageVisit): Promise<void> {
  await page.fill("#max-tokens", "60");
  await page.fill("#question", "Longer");
  await page.keyboard.press("Enter");
  await page.locator(".round").nth(2).waitFor();
  await page.locator("#send").waitFor();
  await until("the end of the answers", () => page.evaluate<boolean>(`${BELOW} < 2`));
  // two answers that fail, and the line that tells it, which leaves less room to them
  await page.route("**/v1/chat/completions", (route) => route.abort());
  await page.fill("#question", "Lost");
  await page.keyboard.press("Enter");
  await page.locator(".round").nth(3).waitFor();
  await page.locator("#send").waitFor();
  await until("the end of the failed answers", () => page.evaluate<boolean>(`${BELOW} < 2`));
  await page.unroute("**/v1/chat/completions");
}

/** The end stays in sight also where the window becomes narrower or lower, but not where it was left. */
export async function staysAtTheEnd({ page }: PageVisit): Promise<void> {
  for (const [width, height] of [[1200, 800], [420, 800], [420, 500], [360, 640]] as const) {
    await page.setViewportSize({ width, height });
    await until(
      `the end at ${width} × ${height}`,
      () => page.evaluate<boolean>(`innerWidth === ${width} && innerHeight === ${height} && ${BELOW} < 2`),
    );
  }
  // wider, which cuts where it stood, and narrow again before the page hears of either
  await page.evaluate(
    "for (const width of ['1000px', '220px']) talk.style.width = width, talk.getBoundingClientRect()",
  );
  await until("the end in a narrow column", () => page.evaluate<boolean>(`${BELOW} < 2`));
  await page.evaluate("talk.style.width = ''");
  await until("the end in the whole width", () => page.evaluate<boolean>(`${BELOW} < 2`));
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
}

/** Light and dark have colours of their own. */
export async function hasBothColours({ page }: PageVisit): Promise<void> {
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
  if (SHOTS === undefined) return;
  for (const colorScheme of ["dark", "light"] as const) {
    for (const width of [500, 1200]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      await page.screenshot({ path: join(SHOTS, `page-${colorScheme}-${width}.png`) });
    }
  }
}
