import { assert, assertEquals } from "@std/assert";
import { differentiate } from "./autodiff.ts";
import { countDispatches } from "./backends/webgpu/programs/without_device.ts";
import { runOnce, sampleInputs, worst } from "./contract.ts";
import { blockGraph } from "./engine/decoder/block_graph.ts";
import { linearModules, loraShapes } from "./engine/decoder/decoder.ts";
import { accumulating } from "./engine/programs/compiled.ts";
import { attentionOf } from "./engine/decoder/decoder_config.ts";
import { fuseSums } from "./fuse.ts";
import { fused, fuseLora } from "./fuse_lora.ts";
import { type Graph, GraphBuilder, type Value } from "./graph.ts";
import type { Kernel } from "./kernel.ts";
import { referenceBackend } from "./mod.ts";
import { add } from "./ops/arithmetic/add.ts";
import { linear, matmul } from "./ops/products/products.ts";
import { loraUp, matmulAdd } from "./ops/products/product_sums.ts";
import { tinyModel } from "../tests/helpers/tiny_model.ts";

const { config } = tinyModel("qwen2"), T = 5;
const lora = Object.fromEntries(linearModules(config).map((name) => [name, { rank: 4, scale: 2 }]));

function blockPair(dropout: boolean) {
  const trained = [...loraShapes(config, lora).keys()],
    block = blockGraph(config, attentionOf(config, 0), lora, { dropout });
  const { forward, backward } = differentiate(block, ["y"], ["x", ...trained], "inputs");
  return { forward, backward: accumulating(backward, trained) };
}

/** Number of each of LoRA's kernels in a graph. */
function counts(graph: Graph): Record<string, number> {
  const names = graph.nodes.map(({ kernel }) => kernel.name).filter((name) => /^lora/.test(name));
  return Object.fromEntries(
    [...new Set(names)].sort().map((n) => [n, names.filter((name) => name === n).length]),
  );
}

Deno.test("fused() makes one product of each module's three, forward and backward, and the block's numbers stay", async () => {
  const backend = referenceBackend();
  for (const [name, graph] of Object.entries(blockPair(false))) {
    // Backward the forward pass is computed again; the gradient of x of q is the first sum, the others add to what was there.
    const backward = { lora_linear: 6, lora_matmul: 4, lora_matmul_add: 3 };
    assertEquals(counts(fused(graph)), name === "forward" ? { lora_linear: 7 } : backward);
    const shapes = Object.entries(graph.inputs).map(([key, { shape }]) => [key, shape.map(String)] as const);
    const dims = Object.fromEntries(
      shapes.flatMap(([, axes]) => axes.map((axis) => [axis, axis === "T" ? T : Number(axis)])),
    );
    const values = sampleInputs(
      {
        name: "block",
        inputs: Object.fromEntries(shapes),
        integers: Object.entries(graph.inputs).filter(([, { type }]) => type === "i32").map(([key]) => key),
      } as unknown as Kernel,
      { note: "", dims, data: { until: Array(T).fill(T), positions: [0, 1, 2, 3, 4] } },
    );
    const expected = await runOnce(backend, graph, values, { sizes: { T } });
    const actual = await runOnce(backend, fused(graph), values, { sizes: { T } });
    assertEquals(Object.keys(actual), Object.keys(expected));
    for (const [key, v] of Object.entries(expected)) {
      // Both in float64 and rounded once.
      assert(worst(actual[key]!, v, { atol: 1e-6, rtol: 1e-6 }).ratio <= 1, `${name}: ${key}`);
    }
  }
});

Deno.test("fuseLora() leaves LoRA on another x, as with dropout, and a frozen product that is used twice", () => {
  const { forward } = blockPair(true);
  assertEquals(fused(forward), fuseSums(forward));
  const g = new GraphBuilder(), x = g.input("x", [5, 4]), w = g.input("w", [4, 4]), b = g.input("b", [4, 4]);
  const base = g.run(linear, { x, w }).y, h = g.run(linear, { x, w: b }).y;
  const graph = g.finish({ base, y: g.run(loraUp, { base, h, b }, { alpha: 2 }).y });
  assertEquals(fuseLora(graph), graph);
});

Deno.test("fuseLora() leaves products with factors of their own, sums that are used twice, and what is made behind the narrow product", () => {
  const unchanged = (make: (g: GraphBuilder, x: Value, w: Value, b: Value) => Record<string, Value>) => {
    const g = new GraphBuilder(),
      x = g.input("x", [5, 4]),
      w = g.input("w", [4, 4]),
      b = g.input("b", [4, 4]);
    const graph = g.finish(make(g, x, w, b));
    assertEquals(fuseLora(graph), graph);
  };
  for (const [wide, narrow] of [[3, 1], [1, 3]] as const) {
    unchanged((g, x, w, b) => {
      const base = g.run(linear, { x, w }, { alpha: wide }).y,
        h = g.run(linear, { x, w: b }, { alpha: narrow }).y;
      return { y: g.run(loraUp, { base, h, b }, { alpha: 2 }).y };
    });
  }
  unchanged((g, x, w, b) => {
    const base = g.run(linear, { x, w }).y, h = g.run(linear, { x, w: b }).y;
    return { y: g.run(loraUp, { base, h, b: g.run(add, { a: b, b: w }).y }, { alpha: 2 }).y };
  });
  unchanged((g, dy, w, b) => {
    const h = g.run(matmul, { a: dy, b }).y, low = g.run(matmul, { a: h, b: w }).y;
    return { low, y: g.run(matmulAdd, { base: low, a: dy, b: w }).y };
  });
});

Deno.test("a block of SmolLM2-135M in a long pack has 66 dispatches with LoRA fused, not 94", () => {
  const smollm2 = {
    ...tinyModel("llama").config,
    hiddenSize: 576,
    intermediateSize: 1536,
    numHeads: 9,
    numKeyValueHeads: 3,
    headDim: 64,
  };
  const eight = Object.fromEntries(linearModules(config).map((name) => [name, { rank: 8, scale: 2 }]));
  const trained = [...loraShapes(smollm2, eight).keys()];
  const pair = differentiate(
    blockGraph(smollm2, attentionOf(smollm2, 0), eight),
    ["y"],
    ["x", ...trained],
    "activations",
  );
  const sizes = new Map([["T", 8192]]), limits = { bindingBytes: 2 ** 31 };
  const count = (graph: Graph) => countDispatches(graph, sizes, limits);
  // Seven products; two norms, two of rotary, two of attention, SwiGLU, two sums. Without fusion two more a module.
  assertEquals(count(pair.forward), 7 + 9);
  // Seven products, and two gradients of each module with the sum of their parts. Without fusion two more a module.
  assertEquals(count(accumulating(pair.backward, trained)), 7 + 7 * 2 * 2 + 15);
});
