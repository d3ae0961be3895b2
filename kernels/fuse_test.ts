import { assert, assertEquals } from "@std/assert";
import { sampleInputs, worst } from "./contract.ts";
import { fuseSums } from "./fuse.ts";
import { type Graph, GraphBuilder } from "./graph.ts";
import { referenceBackend } from "./mod.ts";
import { add } from "./ops/arithmetic/add.ts";
import { linear, matmul, matmulTn } from "./ops/products/products.ts";
import type { Kernel } from "./kernel.ts";
import { runOnce } from "./contract.ts";

function kernelsOf(graph: Graph): string[] {
  return graph.nodes.map((n) => n.kernel.name);
}

function base() {
  const g = new GraphBuilder(), x = g.input("x", [5, 4]), z = g.input("z", [4, 4]), w = g.input("w", [4, 4]);
  return { g, x, z, w };
}

const values = sampleInputs({ ...(add as Kernel), inputs: { x: ["r", "c"], z: ["c", "c"], w: ["c", "c"] } }, {
  note: "",
  dims: { r: 5, c: 4 },
});

async function same(graph: Graph): Promise<void> {
  const backend = referenceBackend(), fused = fuseSums(graph);
  const expected = await runOnce(backend, graph, values), actual = await runOnce(backend, fused, values);
  assertEquals(Object.keys(actual), Object.keys(expected));
  for (const [name, v] of Object.entries(expected)) {
    assert(worst(actual[name]!, v, { atol: 1e-12, rtol: 1e-12 }).ratio <= 1, name);
  }
}

Deno.test("fuseSums() puts a product with a base instead of a product and its sum, on either side, scaled", async () => {
  const { g, x, z, w } = base();
  const first = g.run(linear, { x, w }, { alpha: 3 }).y;
  const second = g.run(add, { a: g.run(matmul, { a: x, b: z }, { alpha: 0.5 }).y, b: first }).y;
  const third = g.run(add, { a: w, b: g.run(matmulTn, { a: x, b: second }, { alpha: 2 }).y }).y;
  const graph = g.finish({ second, third });
  assertEquals(kernelsOf(fuseSums(graph)), ["matmul", "lora_up", "matmul_tn_add"]);
  await same(graph);
});

Deno.test("fuseSums() leaves a product that is also used elsewhere, or is an output, or both terms", async () => {
  const { g, x, w } = base();
  const used = g.run(linear, { x, w }).y, given = g.run(matmul, { a: x, b: w }).y;
  const twice = g.run(matmul, { a: x, b: w }, { alpha: 2 }).y;
  const graph = g.finish({
    given,
    one: g.run(add, { a: x, b: used }).y,
    two: g.run(add, { a: used, b: given }).y,
    four: g.run(add, { a: twice, b: twice }).y,
  });
  assertEquals(fuseSums(graph), graph);
  await same(graph);
});
