import { assert, assertEquals } from "@std/assert";
import { ARCHITECTURES, idsExample, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { watchedRuns } from "../../../tests/helpers/watched_runs.ts";
import { differentiate } from "../../autodiff.ts";
import { type Backend, elements } from "../../backend.ts";
import { linear } from "../../ops/products/products.ts";
import { keepFor, keptWidth, madeAgain } from "./checkpointing.ts";
import { blockGraph } from "./block_graph.ts";
import { linearModules, loraShapes } from "./decoder.ts";
import { attentionOf } from "./decoder_config.ts";
import { Engine, type EngineOptions } from "../engine.ts";
import { EngineHost } from "../host.ts";
import { packExamples } from "../packs/pack.ts";

const PACK = packExamples([idsExample({ a: [[3, 9, 27], [81, 11, 33]], b: [[3, 9, 27], [5, 2, 8]] })]);

/** Shapes of what each block hands over for its way back. */
async function handedOver(change: Partial<Backend>, checkpointing: boolean) {
  const { config, weights } = tinyModel("llama"), { modules, initial } = tinyAdapter("llama", config);
  const options = { config, tuning: { type: "lora", modules, dropout: 0 } as const, checkpointing };
  return { found: await shapesOf(change, options, weights, initial), config, modules };
}

async function shapesOf(
  change: Partial<Backend>,
  options: EngineOptions,
  weights: Record<string, Float32Array<ArrayBuffer>>,
  initial: Record<string, Float32Array<ArrayBuffer>> = {},
) {
  const found: (readonly number[])[][] = [];
  const backend = watchedRuns(change, ({ y, ...saved }) => {
    if (y) found.push(Object.values(saved).map(({ shape }) => shape));
  });
  const engine = new Engine(backend, options, (name) => weights[name]!, initial);
  await engine.forward(PACK, { adapter: true, keep: true });
  await engine.dispose();
  return found;
}

Deno.test("with checkpointing blocks on a CPU keep attention's rows, the sum behind them and LoRA's narrow factors that nothing else is made of; the last one keeps all", async () => {
  const { found, config, modules } = await handedOver({}, true), rows = PACK.ids.length;
  const rankOf = (module: string) => modules[`model.layers.0.${module}`]!.rank;
  const narrow = ["mlp.down_proj", "self_attn.o_proj"].map((module) => [rows, rankOf(module)]);
  const kept = [[rows, config.numHeads * config.headDim], [rows, config.hiddenSize], ...narrow];
  const sorted = (shapes: readonly (readonly number[])[]) => shapes.map(String).toSorted();
  assertEquals(found.slice(0, -1).map(sorted), Array(config.numLayers - 1).fill(sorted(kept)));
  const all = await handedOver({}, false);
  assert(all.found[0]!.length > 2);
  assertEquals(found.at(-1), all.found.at(-1));
});

Deno.test("with checkpointing blocks keep nothing where memory isn't the host's, or counts more than time, as it does with weights in few bits", async () => {
  const { found } = await handedOver({ hostMemory: false }, true);
  assertEquals(found.flat(), []);
  const { config, weights } = tinyModel("llama"), { modules, initial } = tinyAdapter("llama", config);
  const kept = async (quantizationBit: 4 | null) => {
    let count = 0;
    const backend = watchedRuns({}, ({ y, ...saved }) => {
      if (y) count += Object.keys(saved).length;
    });
    const host = new EngineHost(backend, {
      modelPath: "",
      decoder: config,
      tuning: { type: "lora", modules, dropout: 0 },
      initial,
      checkpointing: true,
      quantizationBit,
      seed: 0,
      device: { backend: "reference", provider: "cpu", threads: null },
      optimizer: null,
    }, (name) => weights[name]!);
    await host.forward(PACK, { adapter: true, keep: true });
    await host.close();
    return count;
  };
  assert(await kept(null) > 0);
  assertEquals(await kept(4), 0);
  assertEquals(
    [[false, true], [true, true], [true, false]].map(([hostMemory = false, sparing = false]) =>
      keepFor(true, { hostMemory }, sparing)
    ),
    ["inputs", "inputs", "dear"],
  );
});

Deno.test("madeAgain() names the modules whose product a block's way back computes a second time", () => {
  for (
    const arch of [
      "llama",
      "qwen2",
      "qwen3",
      "granite",
      "gemma2",
      "gemma3",
      "olmo2",
      "hunyuan",
      "glm4",
      "phi3",
    ]
  ) {
    const { config } = tinyModel(arch), [first = "self_attn.q_proj"] = linearModules(config);
    const lora = { [first]: { rank: 4, scale: 2 } };
    const graph = blockGraph(config, attentionOf(config, 0), lora),
      wrt = ["x", ...loraShapes(config, lora).keys()];
    for (const keep of ["inputs", "dear", "activations"] as const) {
      const { backward } = differentiate(graph, ["y"], wrt, keep);
      const again = linearModules(config).filter((module) =>
        backward.nodes.some(({ kernel, inputs }) =>
          kernel === linear && inputs["w"]?.id === backward.inputs[`${module}.weight`]?.id
        )
      );
      assertEquals(again.toSorted(), madeAgain(keep, config).toSorted(), `${arch}, ${keep}`);
    }
  }
});

Deno.test("keptWidth() is what blocks of every family hold for each row, in a run as by hand", async () => {
  for (const arch of ARCHITECTURES) {
    const { config, weights } = tinyModel(arch), tuning = { type: "full" } as const;
    const { hiddenSize: d, intermediateSize: f, numHeads, numKeyValueHeads, headDim } = config;
    const q = numHeads * headDim, kv = numKeyValueHeads * headDim;
    // Both sums, turned queries and keys, values, attention's rows, gate and up; what is normed behind sub-layers, and queries and keys before their norms, which are the turned ones where these stand behind the rotation.
    const normed = { before: 0, after: 2 * d, both: 2 * d, both_glm4: 2 * d }[config.normPlaces ?? "before"] +
      (config.qkNorm && !config.qkNormBehind ? q + kv : 0);
    const byHand = { inputs: d, dear: 2 * d + q, activations: 2 * (d + q + kv + f) + normed };
    const runs = [[{ hostMemory: false }, true, "inputs"], [{}, true, "dear"], [
      {},
      false,
      "activations",
    ]] as const;
    for (const [change, checkpointing, keep] of runs) {
      const found = await shapesOf(change, { config, tuning, checkpointing }, weights);
      const held = found.slice(0, -1).map((shapes) =>
        d + shapes.reduce((sum, shape) => sum + elements(shape) / PACK.ids.length, 0)
      );
      // where they aren't turned, attention's are what their norms give, which is made again
      const unturned = keep === "activations" && config.qkNorm ? q + kv : 0;
      const expected = held.map((_, layer) =>
        byHand[keep] - (config.rotatedLayers?.[layer] === false ? unturned : 0)
      );
      assertEquals(held, expected, `${arch}, ${keep}`);
      assertEquals(keptWidth(config, keep), byHand[keep], `${arch}, ${keep}`);
    }
  }
});
