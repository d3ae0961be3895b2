/** What axe finds wrong with a page: contrast, names, roles. */
import type { Page } from "playwright-core";

/**
 * Violations of axe's rules, each with the first elements that break it. The tool comes in by the debugger, so that the page's policy for
 * scripts holds for the page and not for it.
 */
export async function accessibilityFaults(page: Page): Promise<[rule: string, elements: string[]][]> {
  const axe = await Deno.readTextFile(new URL(import.meta.resolve("axe-core/axe.min.js")));
  const client = await page.context().newCDPSession(page);
  await client.send("Runtime.evaluate", { expression: axe });
  const { result } = await client.send("Runtime.evaluate", {
    expression: "axe.run(document, { iframes: false, resultTypes: ['violations'] })" +
      ".then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map((n) => n.html.slice(0, 150))])))",
    awaitPromise: true,
  });
  return JSON.parse(result.value);
}
