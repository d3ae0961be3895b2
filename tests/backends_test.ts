/** The same IOPO run on every backend: one line of YAML changes, the losses and the adapter don't. */
import { join } from "@std/path";

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";

import { isLoraB } from "../formats/peft/names.ts";
import { testBackends } from "../kernels/testing/backends.ts";
import { silentProgress } from "../tasks/train/outputs/mod.ts";
import { train } from "../tasks/train.ts";
import { assertUpdate } from "./helpers/relative_distance.ts";
import { readTensors } from "./helpers/tiny_model.ts";

const root = new URL("../", import.meta.url).pathname;

async function run(backend: string, folder: string) {
  const { finished } = await train(join(root, "examples/default_iopo.yaml"), [
    `model_name_or_path=${join(root, "fixtures/constraints/model")}`,
    `dataset_dir=${join(root, "fixtures/constraints/data")}`,
    `output_dir=${folder}`,
    ...(backend === "cuda" ? ["backend=onnx", "provider=cuda"] : [`backend=${backend}`]),
    "per_device_train_batch_size=1",
    "gradient_accumulation_steps=2",
    "max_steps=3",
    "warmup_ratio=0",
    "logging_steps=1",
    "val_size=0",
    "eval_strategy=no",
    "plot_loss=false",
  ], { say: () => {}, progress: silentProgress() });
  assert(finished);
  const state = JSON.parse(await Deno.readTextFile(join(folder, "trainer_state.json")));
  const adapter = Object.entries(readTensors(join(folder, "adapter_model.safetensors")));
  const log = state.log_history.filter((entry: Record<string, number>) => "grad_norm" in entry);
  return {
    log: log as { loss: number; grad_norm: number }[],
    b: Object.fromEntries(adapter.filter(([name]) => isLoraB(name))),
  };
}

/**
 * `deno task test` leaves ONNX Runtime to `test:all`: plugins/trainers/local/loop/loop_test.ts holds it, and the reference, against PyTorch's
 * losses, norms and weights of IOPO.
 */
const ignored = Deno.env.has("TEST_ALL")
  ? ""
  : " (ignored: TEST_ALL isn't set, and loop_test.ts has both against PyTorch)";

/** The float64 reference takes longest: it runs once for all backends. */
let reference: ReturnType<typeof run> | undefined;

for (const { name, ignore } of (await testBackends()).filter((b) => b.name !== "reference")) {
  Deno.test({
    name: `a tiny IOPO run on ${name} has the losses, norms and adapter of the reference backend${ignored}`,
    ignore: ignore || ignored !== "",
    fn: async () => {
      const folder = await Deno.makeTempDir();
      try {
        const expected = await (reference ??= run("reference", join(folder, "reference")));
        const actual = await run(name, join(folder, "other"));
        assertEquals(actual.log.length, 3);
        actual.log.forEach(({ loss, grad_norm }, i) => {
          assertAlmostEquals(loss, expected.log[i]!.loss, 1e-4, `loss of step ${i + 1}`);
          assertAlmostEquals(
            grad_norm,
            expected.log[i]!.grad_norm,
            1e-3 * expected.log[i]!.grad_norm,
            `norm of step ${i + 1}`,
          );
        });
        // B starts at zero, so it is all update
        const start = Object.fromEntries(
          Object.entries(expected.b).map(([name, { length }]) => [name, new Float32Array(length)]),
        );
        assertUpdate(actual.b, { expected: expected.b, start, limit: 2e-3 });
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
