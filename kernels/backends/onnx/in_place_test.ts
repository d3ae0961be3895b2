/** Sums of products on the CPU provider are made where their first term stands, if nothing else reads it. */
import { assert, assertEquals } from "@std/assert";
import onnxProto from "onnx-proto";
import { runOnce, sampleInputs, worst } from "../../contract.ts";
import { fuseSums } from "../../fuse.ts";
import { type Graph, GraphBuilder, type Value } from "../../graph.ts";
import type { Kernel } from "../../kernel.ts";
import { add } from "../../ops/arithmetic/add.ts";
import { linear, matmul } from "../../ops/products/products.ts";
import { loraUp } from "../../ops/products/product_sums.ts";
import { referenceBackend } from "../reference/mod.ts";
import { lowerToOnnx } from "./lower.ts";
import { onnxBackend } from "./mod.ts";

const INPUTS = { x: ["T", "in"], w: ["out", "in"], z: ["out", "out"], h: ["T", "rank"], b: ["out", "rank"] };
const SIZES = { in: 6, out: 9, rank: 2 };
type Terms = Readonly<Record<keyof typeof INPUTS, Value>>;

function graphOf(write: (g: GraphBuilder, terms: Terms) => Record<string, Value>): Graph {
  const g = new GraphBuilder();
  const terms = Object.entries(INPUTS).map(([name, axes]) => [
    name,
    g.input(name, axes.map((axis) => SIZES[axis as keyof typeof SIZES] ?? axis)),
  ]);
  return g.finish(write(g, Object.fromEntries(terms)));
}

/** Sums that a program for the CPU makes in place, and that it gives what the definitions give, for rows of two lengths. */
async function inPlace(graph: Graph): Promise<number> {
  for (const T of [1, 70]) {
    const given = sampleInputs({ ...(add as Kernel), inputs: INPUTS }, { note: "", dims: { T, ...SIZES } });
    const expected = await runOnce(referenceBackend(), graph, given, { sizes: { T } });
    for (const native of [false, true]) {
      const actual = await runOnce(onnxBackend({ threads: 2, native }), graph, given, { sizes: { T } });
      for (const [name, value] of Object.entries(expected)) {
        const { ratio } = worst(actual[name]!, value, { atol: 1e-5, rtol: 1e-5 });
        assert(ratio <= 1, `${name}, ${T} rows${native ? ", operators of our own" : ""}`);
      }
    }
  }
  const bytes = lowerToOnnx(fuseSums(graph), "test", { target: { loops: true }, inPlace: true });
  const { graph: model } = onnxProto.onnx.ModelProto.decode(bytes);
  return model?.node?.filter(({ opType }) => opType === "FusedConv").length ?? 0;
}

Deno.test("sums of products are made where their first term stands, transposed or not, scaled", async () => {
  const graph = graphOf((g, { x, w, z, h, b }) => {
    const up = g.run(loraUp, { base: g.run(linear, { x, w }).y, h, b }, { alpha: 0.3 }).y;
    const product = g.run(matmul, { a: g.run(linear, { x, w }, { alpha: 2 }).y, b: z }, { alpha: -2 }).y;
    const sum = g.run(add, { a: up, b: product }).y;
    return { y: g.run(add, { a: sum, b: sum }).y };
  });
  assertEquals(await inPlace(graph), 2);
});

Deno.test("a term that something else reads, an input and an output keep their values", async () => {
  const graph = graphOf((g, { x, w, z, h, b }) => {
    const base = g.run(linear, { x, w }).y, up = g.run(loraUp, { base, h, b }).y;
    const given = g.run(matmul, { a: up, b: z }).y;
    const onInput = g.run(loraUp, { base: z, h: b, b }).y;
    return {
      given,
      twice: g.run(add, { a: base, b: up }).y,
      output: g.run(loraUp, { base: given, h, b }).y,
      input: g.run(add, { a: onInput, b: onInput }).y,
    };
  });
  assertEquals(await inPlace(graph), 0);
});
