/** SmolLM2-135M-Instruct on PyTorch's processes against its golden runs (shared/goldens/smollm2): six steps of SFT, DPO and IOPO. */
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { adamwOf, assertSteps, repeatOn } from "../../../tests/helpers/golden_run.ts";
import { TORCH_FULL } from "../../../tests/helpers/torch_python.ts";
import { assertFinal, ignore, smollm2Start, why } from "../../../tests/helpers/smollm2_golden.ts";
import { cpuRanks, optionsOf } from "./_python.ts";
import { openTorchEngine } from "./engine.ts";
import { modelFolder } from "./model_folder.ts";
import type { EngineChoices } from "./options.ts";

/** Six steps on so many CPU processes, in packs of as many rows as the local trainer's tests have. */
async function assertGolden(method: string, processes: number, sharding: EngineChoices["sharding"]) {
  const { start, model } = await smollm2Start(method);
  const before = Object.fromEntries(Object.entries(start.initial).map(([name, v]) => [name, v.slice()]));
  const modelPath = modelFolder(model, start.decoder, temporaryFolder());
  model.weights.close();
  const engine = await openTorchEngine(await cpuRanks(processes), {
    ...optionsOf({}),
    sharding,
    modelPath,
    decoder: start.decoder,
    tuning: start.tuning,
    initial: start.initial,
    checkpointing: method === "dpo",
    seed: 0,
    optimizer: adamwOf(start),
    threads: null,
  });
  const { steps, trained } = await repeatOn(start, engine, { budget: 1536 });
  assertSteps(steps, start.golden.steps);
  assertFinal(method, { start: before, trained });
}

for (
  const [method, processes, sharding] of [
    ["iopo", 1, "none"],
    ["dpo", 2, "ddp"],
    ["sft", 2, "fsdp"],
  ] as const
) {
  Deno.test({
    name: `PyTorch repeats six steps of ${method.toUpperCase()} on SmolLM2, ${sharding}${
      why || TORCH_FULL.why
    }`,
    ignore: ignore || TORCH_FULL.ignore,
    fn: () => assertGolden(method, processes, sharding),
  });
}
