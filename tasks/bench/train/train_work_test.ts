import { assertEquals } from "@std/assert";

import type { Keep } from "../../../kernels/autodiff.ts";
import type { Backend } from "../../../kernels/backend.ts";
import { referenceBackend } from "../../../kernels/backends/reference/mod.ts";
import { keepFor } from "../../../kernels/engine/decoder/checkpointing.ts";
import { Engine } from "../../../kernels/engine/engine.ts";
import { packExamples, visiblePairs } from "../../../kernels/engine/packs/pack.ts";
import { paddedLabels } from "../../../kernels/engine/packs/padding.ts";
import type { Graph } from "../../../kernels/graph.ts";
import { idsExample, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { attentionOperations, productOperations } from "./train_work.ts";

/** Seven rows, of which five have a label and one of these two. */
const PACK = packExamples([idsExample({ a: [[3, 9, 27], [81, 11, 33]], b: [[3, 9, 27], [5, 2, 8]] })]);

const CHUNK = 16;

Deno.test("productOperations() counts as by hand, with checkpointing and without, and labelled rows of the last block", () => {
  const config = {
    ...tinyModel("llama").config,
    numLayers: 3,
    hiddenSize: 10,
    numHeads: 2,
    numKeyValueHeads: 1,
    headDim: 6,
    intermediateSize: 20,
    vocabSize: 100,
  };
  // q 10 × 12, k and v 10 × 6, o 12 × 10; gate, up and down 10 × 20.
  const [q, kv, o, mlp] = [120, 60, 120, 200], head = 2 * 2 * 10 * 100 * 6;
  const [forward, again] = [q + 2 * kv + o + 3 * mlp, q + 2 * kv + 2 * mlp];
  const of = (keep: Keep, fewLast: boolean) => productOperations([PACK], config, { keep, fewLast });
  assertEquals(of("activations", false), 2 * 7 * 3 * 2 * forward + head);
  assertEquals(of("inputs", false), 2 * 7 * 3 * (2 * forward + again + o) + head);
  assertEquals(
    of("inputs", true),
    2 * 7 * 2 * (2 * forward + again + o) + 2 * (7 * 3 * (q + 2 * kv) + 5 * (3 * o + 3 * 2 * mlp + 2 * mlp)) +
      head,
  );
  const last = 2 * 2 * (7 * (q + 2 * kv) + 5 * (o + 3 * mlp));
  assertEquals(of("activations", true), 2 * 7 * 2 * 2 * forward + last + head);
  assertEquals(of("dear", true), 2 * 7 * 2 * (2 * forward + again) + last + head);
  assertEquals(
    productOperations([PACK, PACK], config, { keep: "dear", fewLast: true }),
    2 * of("dear", true),
  );
});

/** Operations of all products with a frozen weight that programs really make in a pass and its way back. */
async function operationsMade(change: Partial<Backend>, checkpointing: boolean): Promise<number> {
  const { config, weights } = tinyModel("llama"), own = referenceBackend();
  const { modules, initial } = tinyAdapter("llama", config);
  let sum = 0;
  const backend: Backend = {
    ...own,
    ...change,
    compile: async (graph, name, options) => {
      const program = await own.compile(graph, name, options);
      const run: typeof program.run = (inputs, ...rest) => {
        const sizes = Object.entries(graph.inputs).flatMap(([input, { shape }]) =>
          shape.map((axis, i) => [axis, inputs[input]!.shape[i]!] as const)
        );
        sum += ofWeights(graph, new Map(sizes));
        return program.run(inputs, ...rest);
      };
      return { ...program, run };
    },
  };
  const options = {
    config,
    tuning: { type: "lora", modules, dropout: 0 } as const,
    checkpointing,
    labelChunk: CHUNK,
  };
  const engine = new Engine(backend, options, (name) => weights[name]!, initial);
  const logps = await engine.forward(PACK, { adapter: true, keep: true });
  await engine.backward(new Float64Array(logps.length).fill(-1));
  await engine.dispose();
  return sum;
}

/** The same of a run of a graph. */
function ofWeights({ nodes, inputs }: Graph, sizes: ReadonlyMap<string | number, number>): number {
  const weights = new Map(
    Object.entries(inputs).flatMap(([name, { id, shape }]) =>
      name === "w" || /(proj|lm_head)\.weight$/.test(name)
        ? [[id, shape.reduce<number>((n, axis) => n * Number(axis), 1)]]
        : []
    ),
  );
  return nodes.reduce((sum, { kernel, inputs: { x, a, h, w, b } }) => {
    const rows = x ?? a ?? h, size = weights.get((w ?? b)?.id ?? -1) ?? 0, [axis = 0] = rows?.shape ?? [];
    if (!/^(linear|matmul|label_logprob)/.test(kernel.name)) return sum;
    const times = kernel.name === "label_logprob_unit" ? 4 : 2;
    return sum + times * size * (typeof axis === "number" ? axis : sizes.get(axis)!);
  }, 0);
}

Deno.test("productOperations() is what an engine's programs make", async () => {
  const { config } = tinyModel("llama"), labels = paddedLabels(6, CHUNK);
  for (const hostMemory of [true, false]) {
    for (const checkpointing of [true, false]) {
      const keep = keepFor(checkpointing, { hostMemory }, false);
      const made = await operationsMade({ hostMemory }, checkpointing);
      assertEquals(made, productOperations([PACK], config, { keep, fewLast: true }), keep);
      const all = await operationsMade({ hostMemory, fewSizes: true }, checkpointing);
      const padded = { ids: new Int32Array(32), labelRows: new Int32Array(labels) };
      assertEquals(all, productOperations([padded], config, { keep, fewLast: false }), `${keep}, padded`);
    }
  }
});

Deno.test("attentionOperations() counts pairs that see each other, in a window where there is one, seven products each", () => {
  // A prompt of 2 rows with answers of 1 and 2: rows see 1, 2, 3, 3 and 4 rows, themselves included.
  const pack = {
    until: Int32Array.of(5, 5, 3, 5, 5),
    positions: Int32Array.of(0, 1, 2, 2, 3),
  };
  assertEquals(visiblePairs(pack, null), 13);
  assertEquals(visiblePairs(pack, 2), 1 + 2 + 2 + 2 + 2);
  const config = {
    ...tinyModel("llama").config,
    numLayers: 2,
    slidingWindow: [null, 2],
    numHeads: 3,
    headDim: 4,
  };
  assertEquals(attentionOperations([pack], config, "activations"), 12 * 14 * (13 + 9));
  assertEquals(attentionOperations([pack], config, "dear"), 12 * 14 * (13 + 9));
  assertEquals(attentionOperations([pack], config, "inputs"), 12 * 18 * (13 + 9));
});
