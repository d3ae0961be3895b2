/** Steps of the board's page in a browser. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { Page } from "playwright-core";

import { Labels } from "../eval/judge_card/labels.ts";
import { HOSTILE_TEXTS, makeRun, trainerLogLine } from "./_made_runs.ts";

/** What a step has. */
export interface BoardVisit {
  page: Page;
  /** The board's folder. */
  folder: string;
  /** Folder of the run that grows. */
  live: string;
  /** Opens a part of the page, by its hash. */
  go(hash: string): Promise<void>;
  /** Holds what is shown against the rules of accessibility. */
  checked(place: string): Promise<void>;
}

/** A run whose curve grows, by its chart and its table. */
export async function curveGrows({ page, go, checked, live }: BoardVisit): Promise<void> {
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
}

/** A run whose page is opened before it is there. */
export async function waitsForRun({ page, go, checked, folder }: BoardVisit): Promise<void> {
  await go("#/run?run=0:later");
  await page.locator(".hint", { hasText: "It is shown as soon as it is there" }).waitFor();
  assertEquals(await page.locator("h1").innerText(), "later");
  await checked("a run that isn't there yet");
  makeRun(join(folder, "later"), 2);
  await page.locator("h2", { hasText: "Checkpoints" }).waitFor();
  assertEquals(await page.locator("#fault").isVisible(), false);
}

/** Two evaluations: the flips first, both sides; a difference has its sign, as in a terminal. */
export async function comparesEvaluations({ page, go, checked }: BoardVisit): Promise<void> {
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
  // a difference has its sign, as in a terminal
  await go(`#/compare?${new URLSearchParams({ a: "0:b/run", b: "0:a/run" })}`);
  await page.locator("table td:nth-child(4)", { hasText: /^\+0\.\d{4}$/ }).first().waitFor();
}

/** The list of evaluations by keyboard; configurations; a run and its ways on. */
export async function listsByKeyboard({ page, go, checked }: BoardVisit): Promise<void> {
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
}

/** Every hostile text is shown as it is, and none does anything. */
export async function showsTextsAsTexts({ page, go }: BoardVisit): Promise<void> {
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
}

/** A mark by hand, by keyboard. */
export async function marksByHand({ page, folder, checked }: BoardVisit): Promise<void> {
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
}

/** The form of all keys. */
export async function findsKeys({ page, go, checked }: BoardVisit): Promise<void> {
  await go("#/new");
  await page.fill('[aria-label="Find a key"]', "warmup_ratio");
  await page.locator(".key:visible label", { hasText: "warmup_ratio" }).first().waitFor();
  await checked("form");
}

/** What was trained beside its base, in the page of serve. */
export async function talksToTrained({ page, go }: BoardVisit): Promise<void> {
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
}
