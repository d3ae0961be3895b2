import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";

import { keptStream } from "../../tests/helpers/kept_stream.ts";
import { type BenchView, withBenchView } from "./view.ts";

/** Measures three parts, of which one fails if it is told to. */
async function measure(view: BenchView, failing?: string): Promise<number> {
  for (const [i, part] of ["ours", "theirs", "ours, 4 bits"].entries()) {
    view.bar("processes", i, 3, part);
    // A bar is drawn ten times a second.
    await new Promise((done) => setTimeout(done, i === 0 ? 250 : 0));
    if (part === failing) throw new Error(`Cannot measure ${part}`);
    view.say(`  ${part}: 1.5 s`);
  }
  view.bar("processes", 3, 3);
  return 42;
}

Deno.test("on a terminal a bench has a bar with what it measures and for how long, its lines above it", async () => {
  const stream = keptStream(true), printed: string[] = [];
  const options = { print: (line: string) => void printed.push(line), stream, printsToTerminal: true };
  assertEquals(await withBenchView((view) => measure(view), options), 42);
  for (const part of [" 0/3  ours, 0 s", "  theirs: 1.5 s\n", " 3/3"]) {
    assertStringIncludes(stream.text(), part);
  }
  assertEquals(printed, []);
  // One bar, whose last state stays.
  const lines = stream.lines().filter((line) => line !== "");
  assert(lines.at(-1)?.startsWith("processes ████████████████████████ 3/3"), stream.text());
});

Deno.test("lines that go to a file are printed there while the bar is on the terminal", async () => {
  const stream = keptStream(true), printed: string[] = [];
  await withBenchView(measure, { print: (line) => void printed.push(line), stream, printsToTerminal: false });
  assertEquals(printed, ["  ours: 1.5 s", "  theirs: 1.5 s", "  ours, 4 bits: 1.5 s"]);
  assertStringIncludes(stream.text(), " 3/3");
  assert(!stream.text().includes("1.5 s"), stream.text());
});

Deno.test("without a terminal a bench prints its lines alone", async () => {
  const stream = keptStream(false), printed: string[] = [];
  await withBenchView(measure, { print: (line) => void printed.push(line), stream });
  assertEquals([printed.length, stream.text()], [3, ""]);
});

Deno.test("a bench that fails takes its bar away and gives its error", async () => {
  const stream = keptStream(true), print = () => {};
  await assertRejects(
    () => withBenchView((view) => measure(view, "theirs"), { print, stream, printsToTerminal: true }),
    Error,
    "Cannot measure theirs",
  );
  // A timer of the bar that went on would be found by the sanitizer of this test.
  assert(stream.text().endsWith("\n"), stream.text());
});
