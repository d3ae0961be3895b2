import { assertEquals } from "@std/assert";

import { nextSteps, withWhatIsKept } from "./next_steps.ts";

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

Deno.test("an error of a run says what is kept of it, and the command that goes on", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const told = () => (withWhatIsKept(new RangeError("Cannot write a"), directory) as Error).message;
    const command = (nextSteps(directory, false, null)[0]?.command) ?? "";
    await Deno.mkdir(`${directory}/.checkpoint-2.partial`);
    assertEquals(told(), `Cannot write a\nNo checkpoint was saved yet. To begin again:\n  ${command}`);
    await Deno.mkdir(`${directory}/checkpoint-2`);
    assertEquals(told(), `Cannot write a\ncheckpoint-2 is kept. To continue from it:\n  ${command}`);
    const cell = withWhatIsKept(
      new RangeError("Cannot write a"),
      directory,
      "deno task sweep a.yaml seed=1,2",
    );
    assertEquals((cell as Error).message.split("\n")[2], "  deno task sweep a.yaml seed=1,2");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
