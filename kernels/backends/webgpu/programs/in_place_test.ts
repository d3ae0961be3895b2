/** Outputs that are written where an input stands give what they give in memory of their own. */
import { assert, assertEquals } from "@std/assert";
import { hostArray, kernelGraph, sampleInputs } from "../../../contract.ts";
import { LARGE_MODELS } from "../../../../tests/helpers/model_plans.ts";
import { differentiate } from "../../../autodiff.ts";
import type { Backend, Tensor } from "../../../backend.ts";
import { blockGraph } from "../../../engine/decoder/block_graph.ts";
import { blockShapes, embedGraph, linearModules, loraShapes } from "../../../engine/decoder/decoder.ts";
import { attentionOf } from "../../../engine/decoder/decoder_config.ts";
import { headGraph } from "../../../engine/decoder/head_graph.ts";
import { accumulating } from "../../../engine/programs/compiled.ts";
import { fused } from "../../../fuse_lora.ts";
import { type Graph, GraphBuilder } from "../../../graph.ts";
import { add } from "../../../ops/arithmetic/add.ts";
import { KERNELS } from "../../../ops/mod.ts";
import { matmulTn } from "../../../ops/products/products.ts";
import { swiglu } from "../../../ops/activations/swiglu.ts";
import { testWebGpu } from "../../../testing/backends.ts";
import { concreteShape } from "../../../sizes.ts";
import { webgpuBackend } from "../mod.ts";
import { inPlaceOutputs } from "./in_place.ts";

const { name: title, ignore } = await testWebGpu();

/** Outputs of a graph of fixed sizes; `into` names the input whose tensor an output is to be written to. */
async function outputs(
  backend: Backend,
  graph: Graph,
  values: Readonly<Record<string, Float64Array>>,
  into: Readonly<Record<string, string>> = {},
) {
  const tensors = Object.fromEntries(
    Object.entries(graph.inputs).map(([name, value]): [string, Tensor] => [
      name,
      backend.upload(hostArray(value, values[name]), concreteShape(value, new Map())),
    ]),
  );
  const program = await backend.compile(graph, "in place");
  const places = Object.fromEntries(Object.entries(into).map(([output, input]) => [output, tensors[input]!]));
  const results = await program.run(tensors, places);
  for (const [output, tensor] of Object.entries(places)) assertEquals(results[output], tensor);
  const found: Record<string, number[]> = {};
  for (const [name, tensor] of Object.entries(results)) found[name] = [...await backend.download(tensor)];
  await program.dispose();
  return found;
}

Deno.test({
  name: `every kernel that can write an output where an input stands gives the same bits there (${title})`,
  ignore,
  fn: async () => {
    // Small bindings take operands in parts.
    for (const bindingBytes of [undefined, 65_536]) {
      const backend = await webgpuBackend(bindingBytes === undefined ? {} : { bindingBytes });
      let tried = 0;
      for (const kernel of KERNELS) {
        const into = kernel.inPlace as Record<string, string> | undefined;
        for (const sample of into ? kernel.samples : []) {
          const graph = kernelGraph(kernel, sample), values = sampleInputs(kernel, sample);
          const where = `${kernel.name}, ${sample.note}`;
          assertEquals(
            inPlaceOutputs(graph, new Map(Object.entries(into!))).length,
            Object.keys(into!).length,
            where,
          );
          assertEquals(
            await outputs(backend, graph, values, into),
            await outputs(backend, graph, values),
            where,
          );
          tried++;
        }
      }
      assert(tried > 15, `${tried} samples`);
      await backend.dispose();
    }
  },
});

const COUNT = 4 * 6,
  ramp = (at: number) => Float64Array.from({ length: COUNT }, (_, i) => Math.fround(Math.sin(at + i)));
const VALUES = { a: ramp(0), b: ramp(1), c: ramp(2) };

/** A graph of `a`, `b` and `c`, `[4, 6]` each. */
function graphOf(
  write: (
    g: GraphBuilder,
    given: Record<"a" | "b" | "c", ReturnType<GraphBuilder["input"]>>,
  ) => Graph["outputs"],
): Graph {
  const g = new GraphBuilder();
  return g.finish(write(g, { a: g.input("a", [4, 6]), b: g.input("b", [4, 6]), c: g.input("c", [4, 6]) }));
}

const GRAPHS: Readonly<Record<string, [graph: Graph, inPlace: boolean]>> = {
  "alone": [graphOf((g, { a, b }) => ({ y: g.run(add, { a, b }).y })), true],
  "behind a product": [
    graphOf((g, { a, b, c }) => ({ y: g.run(add, { a, b: g.run(swiglu, { gate: b, up: c }).y }).y })),
    true,
  ],
  "read on afterwards": [
    graphOf((g, { a, b, c }) => {
      const { y } = g.run(add, { a, b });
      return { y, z: g.run(add, { a: c, b: a }).y };
    }),
    false,
  ],
  "its own other term": [graphOf((g, { a }) => ({ y: g.run(add, { a, b: a }).y })), false],
  "the term that isn't written": [graphOf((g, { a, b }) => ({ y: g.run(add, { a: b, b: a }).y })), false],
  "an output as well": [graphOf((g, { a, b }) => ({ y: g.run(add, { a, b }).y, same: a })), false],
  "a result that is read on": [
    graphOf((g, { a, b, c }) => {
      const { y } = g.run(add, { a, b });
      return { y, z: g.run(matmulTn, { a: y, b: c }).y };
    }),
    true,
  ],
  "a kernel that can't": [graphOf((g, { a, b }) => ({ y: g.run(swiglu, { gate: a, up: b }).y })), false],
};

Deno.test("all sums of gradients of a block and of a trained head are written where they stand, none by a copy", () => {
  for (const { name, graph, sums } of accumulatingGraphs()) {
    const wanted = new Map(sums.map((sum) => [`d.${sum}`, `acc.${sum}`]));
    assertEquals(inPlaceOutputs(fused(graph), wanted).map(({ output }) => output), [...wanted.keys()], name);
  }
});

/** Ways back of SmolLM2's block, with LoRA and of all weights, and of its head and embedding. */
function accumulatingGraphs(): { name: string; graph: Graph; sums: string[] }[] {
  const config = LARGE_MODELS["SmolLM2-135M"]!;
  const lora = Object.fromEntries(linearModules(config).map((module) => [module, { rank: 8, scale: 2 }]));
  const attention = attentionOf(config, 0), full = blockGraph(config, attention, {});
  const ways: { name: string; graph: Graph; output: string; inputs: string[]; sums: string[] }[] = [
    {
      name: "LoRA",
      graph: blockGraph(config, attention, lora),
      output: "y",
      inputs: ["x"],
      sums: [...loraShapes(config, lora).keys()],
    },
    { name: "full", graph: full, output: "y", inputs: ["x"], sums: [...blockShapes(config).keys()] },
    { name: "head", graph: headGraph(config, false), output: "logp", inputs: ["x"], sums: ["norm", "w"] },
    { name: "embedding", graph: embedGraph(config), output: "x", inputs: [], sums: ["w"] },
  ];
  return ways.map(({ name, graph, output, inputs, sums }) => ({
    name,
    graph: accumulating(differentiate(graph, [output], [...inputs, ...sums], "inputs").backward, sums),
    sums,
  }));
}

for (const [what, [graph, inPlace]] of Object.entries(GRAPHS)) {
  Deno.test(`an input's place is taken ${inPlace ? "" : "by a copy alone "}for an output: ${what}`, () => {
    assertEquals(inPlaceOutputs(graph, new Map([["y", "a"]])).length, Number(inPlace));
  });
  Deno.test({
    name: `an output in the place of an input is right: ${what} (${title})`,
    ignore,
    fn: async () => {
      const backend = await webgpuBackend();
      const expected = await outputs(backend, graph, VALUES),
        found = await outputs(backend, graph, VALUES, { y: "a" });
      assertEquals(found, expected);
      await backend.dispose();
    },
  });
}
