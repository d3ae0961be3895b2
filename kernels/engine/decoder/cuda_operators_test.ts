/** docs/cuda.md lists every operator that a GPU of ONNX Runtime gets, so that one which its provider lacks doesn't slip in. */
import { assert, assertEquals } from "@std/assert";

import { differentiate, joined } from "../../autodiff.ts";
import { type Graph, nodeSizes, symbolic } from "../../graph.ts";
import { blockGraph } from "./block_graph.ts";
import { embedGraph } from "./decoder.ts";
import { attentionOf } from "./decoder_config.ts";
import { headBackwardGraph, headGraph } from "./head_graph.ts";
import { stackGraph } from "../body/body_stack.ts";
import { arrangeGraph, generationBlock, logitsGraph } from "../generate/blocks/graph.ts";
import { trainedShapes, type Tuning } from "../weights/tuning.ts";
import { accumulating } from "../programs/compiled.ts";
import { ARCHITECTURES, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";

const DOC = new URL("../../../docs/cuda.md", import.meta.url);

/** Every graph that is compiled where tensors don't stay on the device; blocks alone are for messages only. */
function graphs(arch: string): Graph[] {
  const { config } = tinyModel(arch), { modules } = tinyAdapter(arch, config);
  const windowed = { ...config, slidingWindow: config.slidingWindow.map(() => 6) };
  const training = (tuning: Tuning) => {
    const names = [...trainedShapes(config, tuning).keys()].filter((name) => /layers|embed/.test(name));
    const graph = stackGraph(windowed, tuning, tuning.type === "full");
    const { forward, backward } = differentiate(graph, ["y"], names);
    return joined({ forward, backward: accumulating(backward, names) });
  };
  const head = differentiate(headGraph(config, false), ["logp"], ["x", "norm", "w"], "inputs").backward;
  return [
    training({ type: "full" }),
    training({ type: "lora", modules, dropout: 0.1 }),
    embedGraph(config),
    blockGraph(windowed, attentionOf(windowed, 0)),
    headGraph(config, true),
    headGraph(config, false),
    headBackwardGraph(config),
    accumulating(head, ["x", "norm", "w"]),
    generationBlock(windowed, attentionOf(windowed, 0), {}),
    logitsGraph(config),
    arrangeGraph(config),
  ];
}

/** Operators in the rows of the page's table, by what the last column says. */
async function listed(): Promise<{ there: Set<string>; all: Set<string> }> {
  const text = await Deno.readTextFile(DOC), start = text.indexOf("| operators |");
  const rows = text.slice(start, text.indexOf("\n\n", start)).split("\n").slice(2).map((row) =>
    row.split("|").map((c) => c.trim())
  );
  const names = (cell: string) => cell.match(/\b[A-Z][A-Za-z]+/g) ?? [];
  return {
    all: new Set(rows.flatMap((row) => names(row[1]!))),
    there: new Set(rows.filter((row) => row[3]!.startsWith("yes")).flatMap((row) => names(row[1]!))),
  };
}

Deno.test("every operator that a GPU of ONNX Runtime gets is in docs/cuda.md as one that its provider has", async () => {
  const { there, all } = await listed();
  const used = new Set(["Identity"]);
  for (const arch of ARCHITECTURES) {
    for (const graph of graphs(arch)) {
      for (const node of graph.nodes) {
        const half = (["bf16", "f16"] as const).map((type) => ({
          half: { names: new Set(node.kernel.halves), type, native: true },
        }));
        for (const form of [{}, ...half]) {
          const nodes = node.kernel.onnx(symbolic(nodeSizes(node)), node.attrs, { loops: false, ...form });
          for (const { op } of nodes) if (op !== "Constant") used.add(op);
        }
      }
    }
  }
  assert(used.size > 25, "the programs are found");
  assertEquals([...used].filter((op) => !there.has(op)), []);
  // Loop and what is in it is listed too; everything else on the page is used.
  const unused = [...all].filter((op) => !used.has(op));
  assertEquals(unused.sort(), ["If", "Loop", "NonZero"]);
});
