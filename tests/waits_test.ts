/** No test waits for a time: what it waits for is looked for, with an end and a name (tests/helpers/until.ts). */
import { assertEquals } from "@std/assert";
import { isFileOfTests, partsOfTests, readArrows, sourceFiles } from "./helpers/imports.ts";

const root = new URL("../", import.meta.url);

/** Waits of a test's text that a busy machine makes wrong, or that may have no end. */
function wrongWaits(text: string): string[] {
  const lines = text.split("\n").flatMap((line, i) => [
    ...(/\bwhile \(.*\) await /.test(line) ? [`${i + 1}: a loop that may have no end: use until()`] : []),
    ...(/\bwaitForTimeout\(/.test(line) ? [`${i + 1}: a pause of a page: wait for what it shows`] : []),
  ]);
  const pages = text.match(/\.newPage\(/g)?.length ?? 0,
    limits = text.match(/\.setDefaultTimeout\(/g)?.length ?? 0;
  // the driver's own half a minute is short where other tests run too
  return pages > limits ? [...lines, `${pages} pages and ${limits} setDefaultTimeout()`] : lines;
}

Deno.test("tests wait for what is there in the end, and name what never came", async () => {
  const parts = partsOfTests(await readArrows());
  const files = sourceFiles().filter((path) =>
    (isFileOfTests(path) || parts.has(path)) && path !== "tests/waits_test.ts"
  );
  const found = files.flatMap((path) =>
    wrongWaits(Deno.readTextFileSync(new URL(path, root))).map((fault) => `${path}:${fault}`)
  );
  assertEquals([files.length > 300, found], [true, []]);
});

Deno.test("wrongWaits() finds loops without an end, pauses of pages and pages with the driver's half a minute", () => {
  const faults = [
    "while (await running() < 2) await new Promise((resolve) => setTimeout(resolve, 5));",
    "      await page.waitForTimeout(50);",
    "const page = await browser.newPage();",
  ];
  assertEquals(faults.map((line) => wrongWaits(line).length), [1, 1, 1]);
  const fine =
    'const page = await browser.newPage();\npage.setDefaultTimeout(180_000);\nawait until("two", both);';
  assertEquals(wrongWaits(fine), []);
});
