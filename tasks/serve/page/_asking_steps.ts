/** Steps of the page of serve: its key, questions by keyboard, an answer that is stopped. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";

import { within } from "../../../tests/helpers/until.ts";
import type { startServer } from "../server.ts";

/** The server's key. */
export const KEY = "sk-of-the-page";

/** What a step has: the page, and its server. */
export interface PageVisit {
  page: Page;
  server: Awaited<ReturnType<typeof startServer>>;
}

/** Without a key the page says so, and opens where it is put. */
export async function opensWithTheKey({ page }: PageVisit): Promise<void> {
  await page.locator("#fault", { hasText: "needs a key" }).waitFor();
  await page.fill("#key", KEY);
  await page.locator("#key").press("Tab");
  await page.locator("#left option", { hasText: "tuned" }).waitFor({ state: "attached" });
  assert(await page.locator("#fault").isHidden());
  await page.fill("#temperature", "0");
  await page.fill("#max-tokens", "12");
  await page.fill("#system", "Be brief.");
  await page.selectOption("#right", "tuned");
}

/**
 * By keyboard alone: write, send, and back in the field; what is asked and answered is saved.
 * @returns The texts of both sides
 */
export async function asksByKeyboard({ page, server }: PageVisit): Promise<string[]> {
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
  return expected;
}

/** The same again, then a long answer that Escape stops. @param expected The texts of both sides */
export async function retriesAndStops(
  { page, server }: PageVisit,
  expected: readonly string[],
): Promise<void> {
  await page.click("#retry");
  await page.locator(".answer:not(.running)").nth(1).waitFor();
  assertEquals(await page.locator(".answer .text").allTextContents(), [...expected]);
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
}
