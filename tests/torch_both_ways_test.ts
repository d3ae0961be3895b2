/** A run that changes its trainer in the middle, against LLaMA-Factory's own numbers. */
import { join } from "@std/path";

import { assertFactoryRun, repeatFactoryRun } from "./_llamafactory_run.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";
import { TORCH_PYTHON } from "./helpers/torch_python.ts";

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
