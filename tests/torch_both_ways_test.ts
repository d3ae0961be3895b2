/** Runs on PyTorch's processes against LLaMA-Factory's own numbers: one that changes its trainer, and those that its keys ask for. */
import { join } from "@std/path";
import { assertEquals, assertMatch, assertRejects } from "@std/assert";

import {
  assertFactoryRun,
  FACTORY,
  factoryArguments,
  referenceKeys,
  repeatFactoryRun,
  rewardKeys,
  secondAdapter,
} from "./_llamafactory_run.ts";
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

Deno.test({
  name:
    `a reference model of its own goes through torch's processes before the policy: LLaMA-Factory's numbers${TORCH_PYTHON.why}`,
  ignore: TORCH_PYTHON.ignore,
  fn: async () => {
    const folder = temporaryFolder(), output = join(folder, "out"), name = "dpo_fixed_ref_two";
    const reference = referenceKeys(secondAdapter(folder), join(FACTORY, "adapter"));
    await repeatFactoryRun(name, output, ["threads=1", ...TORCH, ...reference]);
    assertFactoryRun(name, output);
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

const TWO = ["trainer=torch", "trainer_options={nproc_per_node: 2, sharding: fsdp, dtype: float32}"];

/** Runs of two processes that share the model out, by the keys that their folders need here. */
const SHARED: readonly [name: string, keys: (folder: string) => string[]][] = [
  ["sft_full_adafactor", () => ["adapter_name_or_path=[]"]],
  ["rm_fixed", (folder) => rewardKeys(folder, true)],
  ["rm_fixed_odd", (folder) => rewardKeys(folder, true)],
  ["rm_freeze_last", (folder) => rewardKeys(folder, false)],
  ...["sft_fixed_adafactor", "sft_fixed_sgd", "sft_fixed_adagrad", "sft_fixed_rmsprop"].map((
    name,
  ): [string, () => string[]] => [name, () => []]),
];

Deno.test({
  name:
    `LLaMA-Factory's run rm_full is repeated by two processes with fsdp that are stopped and started again${TORCH_PYTHON.why}`,
  ignore: TORCH_PYTHON.ignore,
  fn: async () => {
    const folder = temporaryFolder(), output = join(folder, "out");
    const keys = ["threads=1", ...TWO, ...rewardKeys(folder, false)];
    await repeatFactoryRun("rm_full", output, keys, 2);
    await repeatFactoryRun("rm_full", output, ["resume_from_checkpoint=auto", ...keys]);
    assertFactoryRun("rm_full", output);
  },
});

for (const [name, keys] of SHARED) {
  // beside_local_torch_test.ts holds the others beside the local engine, which has them from the same goldens
  const { ignore, why } = name === "sft_full_adafactor" ? TORCH_PYTHON : TORCH_FULL;
  Deno.test({
    name: `LLaMA-Factory's run ${name} is repeated by two processes with fsdp${why}`,
    ignore,
    fn: async () => {
      const folder = temporaryFolder(), output = join(folder, "out");
      await repeatFactoryRun(name, output, ["threads=1", ...TWO, ...keys(folder)]);
      assertFactoryRun(name, output);
    },
  });
}

Deno.test("other optimizers than AdamW are refused with sharding: deepspeed, before a process is started", async () => {
  const options = "trainer_options={nproc_per_node: 2, sharding: deepspeed, python: /no/such/python}";
  await assertRejects(
    () => repeatFactoryRun("sft_fixed_sgd", join(temporaryFolder(), "out"), ["trainer=torch", options]),
    RangeError,
    "Cannot use optim: sgd with sharding: deepspeed as AdamW alone is tried with it: set sharding: fsdp, or optim: adamw_torch",
  );
});
