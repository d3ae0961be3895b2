/** Merged operators of kernels/native give what the graphs that they are made of define, and nothing is merged that something else reads. */
import { assert, assertEquals } from "@std/assert";
import onnxProto from "onnx-proto";
import { runOnce, worst } from "../../contract.ts";
import { fused } from "../../fuse_lora.ts";
import { type Graph, GraphBuilder, type Value } from "../../graph.ts";
import { nativeLibrary } from "../../native/mod.ts";
import { add } from "../../ops/arithmetic/add.ts";
import { loraLinear } from "../../ops/products/lora_products.ts";
import { linear } from "../../ops/products/products.ts";
import { rmsNormGrad } from "../../ops/norms/rms_norm_grad.ts";
import { geglu } from "../../ops/activations/geglu.ts";
import { gegluGrad } from "../../ops/activations/geglu_grad.ts";
import { swiglu } from "../../ops/activations/swiglu.ts";
import { swigluGrad } from "../../ops/activations/swiglu_grad.ts";
import { scattered } from "../../testing/scattered.ts";
import { referenceBackend } from "../reference/mod.ts";
import { openLibrary } from "./c_api/mod.ts";
import { lowerToOnnx } from "./lower.ts";
import { onnxBackend } from "./mod.ts";

const reason = openLibrary().reason ?? nativeLibrary().reason;
const test = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name: `${name}${reason === null ? "" : `: ${reason}`}`, ignore: reason !== null, fn });

type Shapes = Readonly<Record<string, readonly (number | string)[]>>;

function graphOf(
  shapes: Shapes,
  write: (g: GraphBuilder, given: Record<string, Value>) => Record<string, Value>,
): Graph {
  const g = new GraphBuilder();
  const given = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, g.input(name, shape)]),
  );
  return g.finish(write(g, given));
}

/** Operators of a graph's program, each with its number of inputs. */
function operators(graph: Graph): string[] {
  const bytes = lowerToOnnx(fused(graph), "test", { target: { loops: true, native: true }, inPlace: true });
  const nodes = onnxProto.onnx.ModelProto.decode(bytes).graph?.node ?? [];
  return nodes.map(({ opType, input }) => `${opType} ${input?.length}`);
}

/** Compares a graph's outputs with their definitions, for rows fewer than a tile's and beside its multiples. */
async function equalsDefinition(
  graph: Graph,
  shapes: Shapes,
  lengths: readonly number[] = [5, 131],
): Promise<void> {
  const backend = onnxBackend({ threads: 2 });
  for (const T of lengths) {
    const given = Object.fromEntries(
      Object.entries(shapes).map(([name, shape], i) => [
        name,
        scattered(shape.reduce<number>((count, size) => count * (size === "T" ? T : Number(size)), 1), i),
      ]),
    );
    const expected = await runOnce(referenceBackend(), graph, given, { sizes: { T } });
    const actual = await runOnce(backend, graph, given, { sizes: { T } });
    for (const [name, value] of Object.entries(expected)) {
      const { ratio } = worst(actual[name]!, value, { atol: 1e-4, rtol: 1e-5 });
      assert(ratio <= 1, `${name} of ${T} rows is off by ${ratio} times what is allowed`);
    }
  }
  await backend.dispose();
}

/**
 * Factors of so many products with LoRA of `x [T, 330]`, two parts of a depth; the last ones with fewer columns than a panel has and a rank beside 8. A
 * task of some panels would reach from the first ones' to the second ones'.
 */
const PRODUCTS: Shapes = {
  x: ["T", 330],
  w0: [237, 330],
  a0: [8, 330],
  b0: [237, 8],
  w1: [130, 330],
  a1: [12, 330],
  b1: [130, 12],
  w2: [9, 330],
  a2: [3, 330],
  b2: [9, 3],
};

function products(count: number): Graph {
  return graphOf(PRODUCTS, (g, { x, ...given }) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => {
        const factors = { w: given[`w${i}`]!, a: given[`a${i}`]!, b: given[`b${i}`]! };
        const { y, h } = g.run(loraLinear, { x: x!, ...factors }, { alpha: i + 0.5 });
        return [[`y${i}`, y], [`h${i}`, h]] as const;
      }).flat(),
    ));
}

test("two and three products with LoRA of the same rows are one operator", async () => {
  assertEquals(operators(products(1)), ["LoraProduct 4"]);
  assertEquals(operators(products(2)), ["LoraPair 7"]);
  assertEquals(operators(products(3)), ["LoraTriple 10"]);
  // From 660 rows on threads keep to a half of them.
  await equalsDefinition(products(2), PRODUCTS);
  await equalsDefinition(products(3), PRODUCTS, [5, 131, 673]);
});

test("two and three products of the same rows are one operator, scaled ones and those of other rows aren't", async () => {
  const of = (count: number, alpha = 1, other?: "h") =>
    graphOf({ ...PRODUCTS, h: ["T", 330] }, (g, { x, h, ...given }) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [
          `y${i}`,
          g.run(linear, { x: other && i ? h! : x!, w: given[`w${i}`]! }, i ? { alpha } : {}).y,
        ]),
      ));
  assertEquals(operators(of(2)), ["ProductPair 3"]);
  assertEquals(operators(of(3)), ["ProductTriple 4"]);
  assertEquals(operators(of(2, 2)), ["Product 2", "Product 2"]);
  assertEquals(operators(of(2, 1, "h")), ["Product 2", "Product 2"]);
  for (const count of [2, 3]) await equalsDefinition(of(count), { ...PRODUCTS, h: ["T", 330] });
});

const GATED: Shapes = { gate: ["T", 577], up: ["T", 577], dy: ["T", 577] };

for (
  const [name, op, forward, backward] of [
    ["SwiGLU", "Swiglu", swiglu, swigluGrad],
    ["GeGLU", "Geglu", geglu, gegluGrad],
  ] as const
) {
  test(`${name} that is made again is part of its gradient`, async () => {
    const graph = graphOf(GATED, (g, { gate, up, dy }) => {
      const { y } = g.run(forward, { gate: gate!, up: up! });
      return { y, ...g.run(backward, { gate: gate!, up: up!, dy: dy! }) };
    });
    assertEquals(operators(graph), [`${op}Twice 3`]);
    await equalsDefinition(graph, GATED);
    const other = graphOf(GATED, (g, { gate, up, dy }) => {
      const { y } = g.run(forward, { gate: up!, up: gate! });
      return { y, ...g.run(backward, { gate: gate!, up: up!, dy: dy! }) };
    });
    assertEquals(operators(other), [`${op} 2`, `${op}Grad 3`]);
  });
}

test("GeGLU isn't part of SwiGLU's gradient", async () => {
  const graph = graphOf(GATED, (g, { gate, up, dy }) => {
    const { y } = g.run(geglu, { gate: gate!, up: up! });
    return { y, ...g.run(swigluGrad, { gate: gate!, up: up!, dy: dy! }) };
  });
  assertEquals(operators(graph), ["Geglu 2", "SwigluGrad 3"]);
  await equalsDefinition(graph, GATED);
});

test("SwiGLU whose gradient is made of it stays apart", async () => {
  const graph = graphOf(GATED, (g, { gate, up, dy }) => {
    const { y } = g.run(swiglu, { gate: gate!, up: up! });
    return { y, ...g.run(swigluGrad, { gate: gate!, up: up!, dy: g.run(add, { a: y, b: dy! }).y }) };
  });
  assertEquals(operators(graph), ["Swiglu 2", "Add 2", "SwigluGrad 3"]);
  await equalsDefinition(graph, GATED);
});

const SUMS: Shapes = { ...PRODUCTS, base: ["T", 237], x1: ["T", 237], weight: [237], dy: ["T", 237] };

function sum(
  write: (g: GraphBuilder, given: Record<string, Value>, term: Value) => Record<string, Value>,
): Graph {
  return graphOf(SUMS, (g, given) => {
    const { x, w0, a0, b0 } = given;
    return write(g, given, g.run(loraLinear, { x: x!, w: w0!, a: a0!, b: b0! }, { alpha: 2 }).y);
  });
}

test("a sum is part of the operator that makes one of its terms", async () => {
  const first = sum((g, { base }, y) => ({ z: g.run(add, { a: base!, b: y }).y }));
  const second = sum((g, { base }, y) => ({ z: g.run(add, { a: y, b: base! }).y }));
  const gradient = graphOf(SUMS, (g, { x1, weight, dy, base }) => {
    const { dx } = g.run(rmsNormGrad, { x: x1!, weight: weight!, dy: dy! }, { eps: 1e-5 });
    return { z: g.run(add, { a: base!, b: dx }).y };
  });
  assertEquals([first, second, gradient].map(operators), [["LoraProduct 5"], ["LoraProduct 5"], [
    "RmsNormGrad 4",
  ]]);
  for (const graph of [first, second, gradient]) await equalsDefinition(graph, SUMS);
});

test("a base that is made behind the operator moves it; one that is made of it leaves the sum as it is", async () => {
  const late = sum((g, { base, x1 }, y) => ({
    z: g.run(add, { a: g.run(swiglu, { gate: base!, up: x1! }).y, b: y }).y,
  }));
  assertEquals(operators(late), ["Swiglu 2", "LoraProduct 5"]);
  const own = graphOf(SUMS, (g, { x, w0, a0, b0, b1 }) => {
    const { y, h } = g.run(loraLinear, { x: x!, w: w0!, a: a0!, b: b0! }, { alpha: 0.5 });
    return { z: g.run(add, { a: y, b: g.run(linear, { x: h, w: b0! }, { alpha: 0.5 }).y }).y, b1: b1! };
  });
  assert(operators(own).includes("LoraProduct 4"), `${operators(own)}`);
  for (const graph of [late, own]) await equalsDefinition(graph, SUMS);
});

test("a term that something else reads stays a value", async () => {
  const twice = sum((g, { base, x1 }, y) => ({
    z: g.run(add, { a: base!, b: y }).y,
    u: g.run(swiglu, { gate: y, up: x1! }).y,
  }));
  const wanted = sum((g, { base }, y) => ({ y, z: g.run(add, { a: base!, b: y }).y }));
  for (const graph of [twice, wanted]) {
    assert(operators(graph).includes("Add 2"), `${operators(graph)}`);
    await equalsDefinition(graph, SUMS);
  }
});
