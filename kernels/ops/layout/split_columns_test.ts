import { assertEquals, assertThrows } from "@std/assert";

import { differentiate } from "../../autodiff.ts";
import { referenceBackend } from "../../backends/reference/mod.ts";
import { runOnce } from "../../contract.ts";
import { GraphBuilder } from "../../graph.ts";
import { splitColumns } from "./split_columns.ts";

Deno.test("split_columns: the gradient of a half that nothing uses is zeros beside the other's", async () => {
  for (const [used, expected] of [["a", [5, 6, 0]], ["b", [0, 0, 7]]] as const) {
    const g = new GraphBuilder(), x = g.input("x", ["T", 3]);
    const graph = g.finish({ y: g.run(splitColumns, { x }, { left: 2 })[used] });
    const { backward } = differentiate(graph, ["y"], ["x"], "inputs"), backend = referenceBackend();
    const seed = Float64Array.from(used === "a" ? [5, 6] : [7]);
    const made = await runOnce(backend, backward, { x: Float64Array.of(1, 2, 3), "d.y": seed }, {
      sizes: { T: 1 },
    });
    await backend.dispose();
    assertEquals([...made["d.x"] ?? []], [...expected]);
  }
});

Deno.test("split_columns: what is left is the other half, and a half has columns", () => {
  const g = new GraphBuilder(), x = g.input("x", ["T", 5]);
  const { a, b } = g.run(splitColumns, { x }, { left: 2 });
  assertEquals([a.shape, b.shape], [["T", 2], ["T", 3]]);
  for (const left of [0, 5, 6, 1.5]) {
    assertThrows(
      () => g.run(splitColumns, { x }, { left }),
      RangeError,
      `Cannot split 5 columns: left needs a whole number from 1 to 4: current value is ${left}`,
    );
  }
});
