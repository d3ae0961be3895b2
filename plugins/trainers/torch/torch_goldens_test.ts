/** Six optimizer steps of tiny models against PyTorch in float64 (fixtures/goldens/tiny/train), on one process and on two. */
import { assert } from "@std/assert";

import { LINEAR_MODULES } from "../../../kernels/engine/decoder.ts";
import { adamwOf, assertSteps, repeatOn, updateDistance } from "../../../tests/helpers/golden_run.ts";
import { readJson, TINY, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { cpuRanks, ignore, optionsOf, why } from "./_python.ts";
import { openTorchEngine } from "./engine.ts";
import type { EngineChoices } from "./options.ts";
import type { Ranks } from "./ranks.ts";

async function assertRepeats(
  ranks: Ranks,
  run: string,
  sharding: EngineChoices["sharding"],
  budget: number,
  checkpointing: boolean,
) {
  const golden = readJson(`${TINY}train/${run}.json`);
  const [kind, method, arch] = run.split("_") as [string, string, string];
  const { config: decoder, weights } = tinyModel(arch);
  const { modules, initial } = tinyAdapter(arch, decoder, LINEAR_MODULES);
  const from = kind === "full" ? weights : initial;
  const tuning = kind === "full" ? { type: "full" as const } : { type: "lora" as const, modules, dropout: 0 };
  const start = {
    golden,
    method,
    decoder,
    tuning,
    initial: from,
    read: (name: string) => weights[name]!,
    quads: golden.data,
  };
  const engine = await openTorchEngine(ranks, {
    ...optionsOf({}),
    sharding,
    modelPath: `${TINY}${arch}/model`,
    decoder,
    tuning,
    initial: kind === "full" ? {} : initial,
    checkpointing,
    seed: 0,
    optimizer: adamwOf(start),
    threads: 1,
  });
  const shared = { ...engine, close: () => Promise.resolve() }; // the next run's, too
  const { steps, trained } = await repeatOn(start, shared, budget);
  assertSteps(steps, golden.steps);
  const distance = updateDistance(`${TINY}train/${run}.final.safetensors`, from, trained);
  assert(distance < 1e-3, `relative L2 of the update is ${distance}`);
}

for (
  const [processes, runs] of [
    [1, [
      ["full_sft_llama", "none", 1000, true],
      ["full_iopo_mistral", "none", 1, false],
      ["lora_sft_llama3", "none", 1, true],
      ["lora_dpo_llama", "none", 1000, false],
      ["lora_iopo_qwen2", "none", 1000, true],
    ]],
    [2, [
      ["lora_iopo_qwen3", "ddp", 1000, false],
      ["full_dpo_qwen3", "ddp", 1, true],
      // a pack an example: one of the two ranks has nothing to do
      ["lora_sft_llama3", "fsdp", 1, true],
      ["lora_iopo_qwen2", "fsdp", 1000, false],
      ["full_sft_qwen2", "fsdp", 1000, true],
    ]],
  ] as const
) {
  Deno.test({
    name: `PyTorch on ${
      processes === 1 ? "one process" : "two processes"
    } repeats PyTorch's float64 steps${why}`,
    ignore,
    fn: async (t) => {
      const ranks = await cpuRanks(processes);
      try {
        for (const [run, sharding, budget, checkpointing] of runs) {
          const form = budget === 1 ? "an example a pack" : "a step a pack";
          await t.step(
            `${run}, ${sharding}, ${form}${checkpointing ? ", checkpointing" : ""}`,
            () => assertRepeats(ranks, run, sharding, budget, checkpointing),
          );
        }
      } finally {
        await ranks.end();
      }
    },
  });
}
