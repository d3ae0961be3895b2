/** Runs on PyTorch's processes against LLaMA-Factory's own numbers: one that changes its trainer, and those that its keys ask for. */
import { join } from "@std/path";
import { assertEquals, assertMatch } from "@std/assert";

import { assertFactoryRun, factoryArguments, repeatFactoryRun } from "./_llamafactory_run.ts";
import { TrainProcess } from "./_train_process.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";
import { TORCH_FULL, TORCH_PYTHON } from "./helpers/torch_python.ts";

const TORCH = ["trainer=torch", "trainer_options={nproc_per_node: 1, dtype: float32}"];
const CONTINUES = ["resume_from_checkpoint=auto", "allow_changes=true", "threads=1"];

Deno.test({
  name:
    `a run goes from local to torch and back: losses, norms and adapter of LLaMA-Factory${TORCH_PYTHON.why}`,
  ignore: TORCH_PYTHON.ignore,
  fn: async () => {
    const output = join(temporaryFolder(), "out"), repeat = repeatFactoryRun.bind(null, "sft_fixed", output);
    await repeat(["threads=1"], 2);
    await repeat([...CONTINUES, ...TORCH], 4);
    await repeat(CONTINUES);
    assertFactoryRun("sft_fixed", output);
  },
});

for (
  const [name, keys, variables] of [
    ["FORCE_TORCHRUN=1 with deepspeed, two processes", ["deepspeed=ds_z2_config.json"], {
      FORCE_TORCHRUN: "1",
      NPROC_PER_NODE: "2",
    }],
    ["fsdp with offloading", ["fsdp=full_shard auto_wrap offload"], {}],
  ] as const
) {
  Deno.test({
    name: `${name}: losses, norms and adapter of LLaMA-Factory${TORCH_FULL.why}`,
    ignore: TORCH_FULL.ignore,
    fn: async () => {
      const output = join(temporaryFolder(), "out");
      const args = factoryArguments("sft_fixed", output, [
        ...keys,
        "trainer_options={dtype: float32}",
        "threads=1",
      ]);
      await using run = new TrainProcess(args, variables);
      const { code, stderr } = await run.ended();
      assertEquals(code, 0, stderr);
      assertFactoryRun("sft_fixed", output);
      const written = Deno.readTextFileSync(join(output, "run.yaml"));
      assertMatch(written, /trainer: torch/);
      assertMatch(written, /sharding: fsdp/);
    },
  });
}
