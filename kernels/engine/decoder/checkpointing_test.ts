import { assert, assertEquals } from "@std/assert";
import { idsExample, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { watchedRuns } from "../../../tests/helpers/watched_runs.ts";
import { differentiate } from "../../autodiff.ts";
import type { Backend } from "../../backend.ts";
import { linear } from "../../ops/products/products.ts";
import { keepFor, madeAgain } from "./checkpointing.ts";
import { blockGraph, linearModules, loraShapes } from "./decoder.ts";
import { attentionOf } from "./decoder_config.ts";
import { Engine } from "../engine.ts";
import { packExamples } from "../packs/pack.ts";

const PACK = packExamples([idsExample({ a: [[3, 9, 27], [81, 11, 33]], b: [[3, 9, 27], [5, 2, 8]] })]);

/** Shapes of what each block hands over for its way back. */
async function handedOver(change: Partial<Backend>, checkpointing: boolean) {
  const { config, weights } = tinyModel("llama"), found: (readonly number[])[][] = [];
  const { modules, initial } = tinyAdapter("llama", config);
  const backend = watchedRuns(change, ({ y, ...saved }) => {
    if (y) found.push(Object.values(saved).map(({ shape }) => shape));
  });
  const options = { config, tuning: { type: "lora", modules, dropout: 0 } as const, checkpointing };
  const engine = new Engine(backend, options, (name) => weights[name]!, initial);
  await engine.forward(PACK, { adapter: true, keep: true });
  await engine.dispose();
  return { found, config, modules };
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

Deno.test("with checkpointing blocks keep nothing where memory isn't the host's, or weights are in few bits", async () => {
  const { found } = await handedOver({ hostMemory: false }, true);
  assertEquals(found.flat(), []);
  assertEquals(
    [[false, true], [true, true], [true, false]].map(([hostMemory = false, packed = false]) =>
      keepFor(true, { hostMemory }, packed)
    ),
    ["inputs", "inputs", "dear"],
  );
});

Deno.test("madeAgain() names the modules whose product a block's way back computes a second time", () => {
  for (const arch of ["llama", "qwen2", "qwen3", "granite", "gemma3", "olmo2", "phi3"]) {
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
