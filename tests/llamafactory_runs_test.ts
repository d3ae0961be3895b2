import { join } from "@std/path";

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";

import { SafetensorsFile } from "../formats/safetensors/mod.ts";
import { silentProgress } from "../tasks/train/outputs/mod.ts";
import { train } from "../tasks/train.ts";

const root = new URL("../fixtures/goldens/llamafactory/", import.meta.url).pathname;

// dpo_fixed_odd and kto_fixed_odd: 24 examples in micro-batches of 5, 5, 5, 5 and 4, all of one step, and evaluation batches of
// 4 and 2. With step_mean: examples the first loss of dpo_fixed_odd would be 0.7581 instead of 0.7622.

/** Runs whose loss wasn't the one that their keys name: see the README of the goldens. */
const AS_VERSION: readonly string[] = ["dpo_fixed_hinge", "dpo_fixed_ipo"];

// float32 against LLaMA-Factory's float32. Its logs are rounded to four digits (loss) or not at all.
const LOSS = 1e-4;
const GRAD_NORM = 1e-3;
const UPDATE = 1e-3;

interface Entry extends Record<string, number> {
  step: number;
}

function history(folder: string): Entry[] {
  return JSON.parse(Deno.readTextFileSync(join(folder, "trainer_state.json"))).log_history;
}

function adapter(folder: string): Map<string, Float32Array> {
  using file = new SafetensorsFile(join(folder, "adapter_model.safetensors"));
  return new Map([...file.tensors.keys()].map((name) => [name, file.readFloat32(name)]));
}

/** ‖ours − theirs‖ / ‖theirs − start‖ over all tensors. */
function updateError(ours: string, theirs: string): number {
  const [a, b, start] = [adapter(ours), adapter(theirs), adapter(join(root, "adapter"))];
  assertEquals([...a.keys()].sort(), [...b.keys()].sort());
  let difference = 0, update = 0;
  for (const [name, values] of b) {
    values.forEach((value, i) => {
      difference += (a.get(name)![i]! - value) ** 2;
      update += (value - start.get(name)![i]!) ** 2;
    });
  }
  return Math.sqrt(difference / update);
}

for (const { name } of [...Deno.readDirSync(join(root, "runs"))].sort((a, b) => a.name < b.name ? -1 : 1)) {
  Deno.test(`LLaMA-Factory's run ${name} is repeated: logged losses, gradient norms, final adapter`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const theirs = join(root, "runs", name);
      const { finished } = await train(join(theirs, "config.yaml"), [
        `model_name_or_path=${join(root, "model")}`,
        `adapter_name_or_path=${join(root, "adapter")}`,
        `dataset_dir=${join(root, "data")}`,
        `output_dir=${join(folder, "out")}`,
        "plot_loss=false",
        ...AS_VERSION.includes(name) ? ["llamafactory_version=0.9.5"] : [],
      ], { say: () => {}, progress: silentProgress() });
      assert(finished);
      const [log, expected] = [history(join(folder, "out")), history(theirs)];
      assertEquals(log.map(({ step }) => step), expected.map(({ step }) => step));
      let compared = 0;
      expected.forEach((entry, i) => {
        const ours = log[i]!;
        for (const key of ["loss", "eval_loss", "grad_norm", "learning_rate", "epoch"]) {
          if (!(key in entry)) continue;
          const limit = key === "grad_norm" ? GRAD_NORM * entry[key]! : key.endsWith("loss") ? LOSS : 1e-12;
          const off = Math.abs(ours[key]! - entry[key]!);
          assert(off <= limit, `step ${entry.step}, ${key}: ${ours[key]}, LLaMA-Factory ${entry[key]}`);
          compared++;
        }
      });
      // LLaMA-Factory adds up the kl of the batches (5 a step, 2 an evaluation) and has it as kl in evaluations too.
      for (const [i, { kl, eval_loss }] of expected.entries()) {
        if (kl === undefined) continue;
        const [name, batches] = eval_loss === undefined ? ["kl", 5] : ["eval_kl", 2];
        assertAlmostEquals(log[i]![name]!, kl / batches, 1e-3 * Math.max(1, kl), name);
      }
      assert(compared > 15);
      const error = updateError(join(folder, "out"), theirs);
      assert(error <= UPDATE, `the final adapter is off by ${error} of its update`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
