import { assert } from "@std/assert";

import { entryOf } from "../../../formats/elements.ts";
import { GraphBuilder } from "../../graph.ts";
import { labelLogprobUnit } from "../../ops/head/label_logprob.ts";
import { arenaStatistics } from "./c_api/arena.ts";
import { openLibrary, OrtAllocator, OrtMemory, OrtSession, OrtTensor } from "./c_api/mod.ts";
import { lowerToOnnx } from "./lower.ts";

const { library, reason } = openLibrary();

Deno.test({
  name: `a chunk's logits stand in memory twice at once, not three times${
    reason === null ? "" : `: ${reason}`
  }`,
  ignore: library === null,
  fn() {
    if (!library) throw new Error(reason);
    const labels = 64, vocab = 16_384, cols = 8, g = new GraphBuilder();
    const h = g.input("h", ["L", cols]), w = g.input("w", [vocab, cols]), ids = g.input("ids", ["L"], "i32");
    const graph = g.finish(g.run(labelLogprobUnit, { h, w, ids }));
    using session = new OrtSession(library, lowerToOnnx(graph, "head", { target: { loops: true } }), {
      threads: 1,
    });
    const zeros = (...shape: number[]) =>
      OrtTensor.over(library, new Float32Array(shape.reduce((a, b) => a * b, 1)), shape, "f32");
    const row = OrtTensor.over(library, new Int32Array(labels), [labels], "i32");
    const inputs = { h: zeros(labels, cols), w: zeros(vocab, cols), ids: row };
    const outputs = { "out.logp": zeros(labels), "out.dh": zeros(labels, cols) };
    session.run(inputs, outputs);
    using memory = new OrtMemory(library, "Cpu");
    using arena = new OrtAllocator(session, memory);
    const most = entryOf(arenaStatistics(library, arena.pointer), "MaxInUse"), logits = 4 * labels * vocab;
    for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) tensor.dispose();
    assert(most >= logits && most < 2.2 * logits, `${most / logits} times the logits`);
  },
});
