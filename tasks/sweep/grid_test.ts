import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { cellsOf, readAxes, splitValues } from "./grid.ts";

Deno.test("readAxes() and cellsOf() make every combination once, with a folder that holds it", () => {
  assertEquals(splitValues("[q_proj,v_proj],all,'a,b'"), ["[q_proj,v_proj]", "all", "'a,b'"]);
  const axes = readAxes(["learning_rate=1e-4,5e-5", "max_steps=3"], "0,1");
  const cells = cellsOf(axes, "out");
  assertEquals(cells.map(({ name }) => name), [
    "learning_rate=1e-4,seed=0",
    "learning_rate=1e-4,seed=1",
    "learning_rate=5e-5,seed=0",
    "learning_rate=5e-5,seed=1",
  ]);
  assertEquals(cells[3]?.overrides, ["learning_rate=5e-5", "max_steps=3", "seed=1"]);
  assertEquals([cells[3]?.setting, cells[3]?.directory], [
    "learning_rate=5e-5",
    join("out", "learning_rate=5e-5,seed=1"),
  ]);
  assertEquals(cellsOf([], "out").map(({ name }) => name), ["only"]);
  // a value that is no name of a folder, and two that would get the same name
  const paths = cellsOf(readAxes(["model_name_or_path=a/b,a:b"], undefined), "out");
  assertEquals(new Set(paths.map(({ directory }) => directory)).size, 2);
  assert(paths.every(({ directory }) => /^out[\\/]model_name_or_path=a_b-[0-9a-f]{8}$/.test(directory)));
  for (
    const [overrides, seeds, message] of [
      [["lora_rank=4,,8"], undefined, "a value is needed on both sides"],
      [["lora_rank=4,4"], undefined, "stands there twice"],
      [["learning_rate=1e-4,0.0001"], undefined, "stands there twice"],
      [[], "0,1,00", "stands there twice"],
      [["lora_rank=4", "lora_rank=8"], undefined, "twice: write all of its values in one argument"],
      [["output_dir=a,b"], undefined, "--out says where"],
      [["seed=1"], "0,1", "twice"],
      [[], "0,x", "seeds are whole numbers"],
    ] as const
  ) assertThrows(() => readAxes(overrides, seeds), RangeError, message);
  assertThrows(
    () => cellsOf([{ key: "seed", values: Array.from({ length: 1001 }, (_, i) => String(i)) }], "out"),
    RangeError,
    "current value is 1001",
  );
});
