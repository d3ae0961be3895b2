import { join } from "@std/path";

import { assertFactoryRun, FACTORY, repeatFactoryRun } from "./_llamafactory_run.ts";

// dpo_fixed_odd and kto_fixed_odd: 24 examples in micro-batches of 5, 5, 5, 5 and 4, all of one step, and evaluation batches of
// 4 and 2. With step_mean: examples the first loss of dpo_fixed_odd would be 0.7581 instead of 0.7622.

/** Runs whose loss wasn't the one that their keys name: see the README of the goldens. */
const AS_VERSION: readonly string[] = ["dpo_fixed_hinge", "dpo_fixed_ipo"];

for (
  const { name } of [...Deno.readDirSync(join(FACTORY, "runs"))].sort((a, b) => a.name < b.name ? -1 : 1)
) {
  Deno.test(`LLaMA-Factory's run ${name} is repeated: logged losses, gradient norms, final adapter`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const output = join(folder, "out");
      await repeatFactoryRun(name, output, AS_VERSION.includes(name) ? ["llamafactory_version=0.9.5"] : []);
      assertFactoryRun(name, output);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
