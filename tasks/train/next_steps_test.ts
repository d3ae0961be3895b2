import { assertEquals } from "@std/assert";

import { nextSteps } from "./next_steps.ts";

Deno.test("a run that stopped is continued where it has a checkpoint, else begun again, and the line says which", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const said = () => nextSteps(directory, false, null).map(({ what }) => what);
    assertEquals(said(), ["begin again: it stopped before there was anything to save"]);
    await Deno.mkdir(`${directory}/checkpoint-3`);
    assertEquals(said(), ["continue where this run stopped"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
