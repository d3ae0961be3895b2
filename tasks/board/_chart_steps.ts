/** Steps of the charts of the board's page in a browser. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Locator, Page } from "playwright-core";

import { coloursOf, COUNTED_WHEEL, middleOf } from "./_chart_probes.ts";

/** What a step has. */
export interface ChartVisit {
  page: Page;
  /** The part of the page with the chart of the loss. */
  card: Locator;
  /** Losses of the run, by step from 1 on. */
  losses: readonly number[];
  /** Waits until the chart shows these steps, tokens or times. */
  shows(from: string, to: string): Promise<void>;
}

/** A falling curve is a straight line on a logarithmic axis. */
export async function logarithmicIsStraight({ page, card }: ChartVisit): Promise<void> {
  const drawn = await middleOf(page);
  assert(drawn > 0.9 && drawn < 1, `the middle of a falling curve: ${drawn}`);
  await page.getByLabel("Logarithmic").check();
  await card.locator('[role="img"][aria-label*="logarithmic"]').waitFor();
  const straight = await middleOf(page);
  assert(Math.abs(straight - 0.5) < 0.05, `the middle of a straight line: ${straight}`);
}

/** By drag, double click, wheel and keys; a value beyond each end belongs to the line. */
export async function zooms({ page, card, shows }: ChartVisit): Promise<void> {
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
}

/** The part that is shown moves as it is, up to the ends and no further. */
export async function movesAlong({ card, shows }: ChartVisit): Promise<void> {
  // with few points the chart is made anew, without its cursor: then it zooms about its middle
  for (const [from, to] of [["8", "44"], ["13", "39"]] as const) {
    await card.locator('[role="img"]').press("+");
    await shows(from, to);
  }
  for (const _ of [1, 2]) await card.locator('[role="img"]').press("PageDown");
  await shows("26", "51");
  await card.locator('[role="img"]').press("Escape");
  await shows("1", "51");
}

/** Turns of the wheel in one frame are one drawing, and answers about a part that is left are dropped. */
export async function drawsOncePerFrame({ page, card, shows }: ChartVisit): Promise<void> {
  await page.evaluate(COUNTED_WHEEL);
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
}

/** A picture has the pixels of the page on paper that isn't transparent; a table has the values. */
export async function savesPictures({ page, card, losses }: ChartVisit): Promise<void> {
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
  const colors = await coloursOf(page, png);
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
}

/** By tokens and time. */
export async function countsTokensAndTime({ page, card, shows }: ChartVisit): Promise<void> {
  await page.locator(".controls select").selectOption("tokens");
  await shows("1K", "51K");
  assertStringIncludes(await card.locator("th").nth(1).innerText(), "tokens from");
  await page.locator(".controls select").selectOption("time");
  await shows("0:00:10", "0:08:30");
}
