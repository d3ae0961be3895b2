import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";

import { keptStream } from "../../tests/helpers/kept_stream.ts";
import { showOpening } from "./opening.ts";

Deno.test("showOpening() shows the phases of opening as bars on a terminal, and gives what was opened", async () => {
  const stream = keptStream(true);
  const opened = await showOpening(async (onPhase) => {
    for (const done of [1, 2]) onPhase("reading weights", done, 2);
    onPhase("preparing", 0, 0);
    await Promise.resolve();
    onPhase("preparing", 1, 0);
    return "the model";
  }, stream);
  assertEquals(opened, "the model");
  assertStringIncludes(stream.text(), "reading weights ████████████████████████ 2/2");
  assertEquals(stream.lines().filter((line) => line.startsWith("preparing")).length, 1, stream.text());
});

Deno.test("showOpening() says nothing of what is open within seconds where there is no terminal", async () => {
  const stream = keptStream(false);
  assertEquals(
    await showOpening((onPhase) => {
      for (let done = 0; done <= 30; done++) onPhase("reading weights", done, 30);
      return Promise.resolve(7);
    }, stream),
    7,
  );
  assertEquals(stream.text(), "");
});

Deno.test("showOpening() gives the error of a model that can't be opened, and its bar goes on no longer", async () => {
  const stream = keptStream(true);
  await assertRejects(
    () =>
      showOpening((onPhase) => {
        onPhase("reading weights", 3, 30);
        throw new RangeError("Cannot read model.gguf: it ends within a tensor");
      }, stream),
    RangeError,
    "it ends within a tensor",
  );
  // The sanitizer of this test would find a timer that goes on; what is said next begins a line.
  assert(stream.text().endsWith("\n"), stream.text());
});
