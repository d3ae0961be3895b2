import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { nearEntry } from "./near_entry.ts";

Deno.test("nearEntry() names the neighbour of a misspelt path, and nothing where none is near or the folder isn't there", () => {
  const folder = Deno.makeTempDirSync();
  try {
    for (const name of ["my.yaml", ".hidden_evaluator.json", "coloured\x1b[31m_trainings"]) {
      Deno.writeTextFileSync(join(folder, name), "");
    }
    Deno.mkdirSync(join(folder, "run1"));
    assertEquals(nearEntry(join(folder, "my.ymal")), ' - did you mean "my.yaml"?');
    assertEquals(nearEntry(`${join(folder, "rum1")}/`), ' - did you mean "run1"?');
    assertEquals(nearEntry(join(folder, "elsewhere.json")), "");
    assertEquals(nearEntry(join(folder, "un1")), ' - did you mean "run1"?');
    // another file of the same type, or of as few letters
    assertEquals(nearEntry(join(folder, "nope.yaml")), "");
    assertEquals(nearEntry(join(folder, "gun2")), "");
    assertEquals(nearEntry(join(folder, "hidden_evaluator.json")), "");
    assertEquals(nearEntry(join(folder, "coloured_trainings")), "");
    assertEquals(nearEntry(join(folder, "gone", "my.ymal")), "");
    Deno.mkdirSync(join(folder, "examples"));
    Deno.writeTextFileSync(join(folder, "examples", "a.yaml"), "");
    assertEquals(
      nearEntry(join(folder, "exmaples", "a.yaml")),
      ` - did you mean "${join(folder, "examples", "a.yaml")}"?`,
    );
    assertEquals(nearEntry(join(folder, "exmaples", "b.yaml")), "");
    assertEquals(nearEntry(join(folder, "x".repeat(100_000))), "");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
