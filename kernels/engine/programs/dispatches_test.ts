/** Dispatches that a device really gets, against those that docs/performance_webgpu.md counts without one. */
import { assert, assertEquals } from "@std/assert";
import { differentiate } from "../../autodiff.ts";
import { testWebGpu } from "../../testing/backends.ts";
import { webgpuBackend } from "../../backends/webgpu/mod.ts";
import { countDispatches } from "../../backends/webgpu/programs/without_device.ts";
import type { Graph } from "../../graph.ts";
import { blockGraph } from "../decoder/block_graph.ts";
import { embedGraph, loraShapes } from "../decoder/decoder.ts";
import { attentionOf } from "../decoder/decoder_config.ts";
import { headBackwardGraph, headGraph } from "../decoder/head_graph.ts";
import { Engine } from "../engine.ts";
import { packExamples } from "../packs/pack.ts";
import { paddedLabels, paddedRows } from "../packs/padding.ts";
import { loraOfLayer } from "../weights/tuning.ts";
import { accumulating } from "./compiled.ts";
import { idsExample, readJson, TINY, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";

const { name: title, ignore } = await testWebGpu();

for (const checkpointing of [false, true]) {
  Deno.test({
    name: `a pack makes as many dispatches as its graphs are lowered to, one command buffer a program (${
      checkpointing ? "recomputing" : "activations kept"
    }, ${title})`,
    ignore,
    fn: async () => {
      const { config, weights } = tinyModel("qwen2");
      const { modules, initial } = tinyAdapter("qwen2", config);
      const tuning = { type: "lora", modules, dropout: 0 } as const;
      const backend = await webgpuBackend();
      const options = { config, tuning, checkpointing, labelChunk: 4 };
      const engine = new Engine(backend, options, (name) => weights[name]!, initial);
      const { sequences } = readJson(`${TINY}qwen2/golden.json`);
      const pack = packExamples(
        sequences.map((ids: number[]) => idsExample({ s: [[ids[0]!], ids.slice(1)] })),
      );
      const before = { ...backend.work };
      const logps = await engine.forward(pack, { adapter: true, keep: true });
      await engine.backward(new Float64Array(logps.length).fill(-1));

      const count = (graph: Graph, labels = 0) =>
        countDispatches(
          graph,
          new Map([["T", paddedRows(pack.ids.length)], ["L", paddedLabels(labels, 4)]]),
          {
            bindingBytes: backend.device.limits.maxStorageBufferBindingSize,
          },
        );
      const lora = loraOfLayer(config, tuning, 0), trained = [...loraShapes(config, lora).keys()];
      const keep = checkpointing ? "inputs" : "activations";
      const { forward, backward } = differentiate(
        blockGraph(config, attentionOf(config, 0), lora),
        ["y"],
        ["x", ...trained],
        keep,
      );
      let expected = count(embedGraph(config)) +
        config.numLayers * (count(forward) + count(accumulating(backward, trained)));
      const chunks = Math.ceil(logps.length / 4);
      for (let c = 0; c < chunks; c++) {
        const labels = Math.min(4, logps.length - 4 * c);
        expected += count(headGraph(config, true), labels) + count(headBackwardGraph(config), labels);
      }
      assert(expected > 100 && chunks > 2);
      assertEquals(backend.work.dispatches - before.dispatches, expected);
      assertEquals(backend.work.buffers - before.buffers, 1 + 2 * config.numLayers + 2 * chunks);
      // A pack of another length of the same 32 makes no plan; when its buffers are those of before, no group of bindings either.
      engine.parameters.tuned.zeroGradients();
      const planned = { ...backend.work }, { ids } = pack;
      const shorter = {
        ...pack,
        ids: ids.slice(0, -1),
        until: pack.until.map((u) => Math.min(u, ids.length - 1)),
      };
      assertEquals(paddedRows(shorter.ids.length), paddedRows(ids.length));
      for (let round = 0; round < 6; round++) {
        if (round < 4) planned.bindGroups = backend.work.bindGroups;
        const { length } = await engine.forward(
          {
            ...shorter,
            labelRows: pack.labelRows.map((row) => Math.min(row, ids.length - 2)),
            positions: pack.positions.slice(0, -1),
          },
          { adapter: true, keep: true },
        );
        await engine.backward(new Float64Array(length).fill(-1));
        engine.parameters.tuned.zeroGradients();
      }
      assertEquals([backend.work.plans, backend.work.bindGroups], [planned.plans, planned.bindGroups]);
      await engine.dispose();
    },
  });
}
