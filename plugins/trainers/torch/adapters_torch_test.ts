/** Whole runs on PyTorch with DoRA and PiSSA beside the local trainer's: the same losses, the same adapter in the same files. */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";

import { silentProgress } from "../../../tasks/train/outputs/mod.ts";
import { train } from "../../../tasks/train.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { readTensors } from "../../../tests/helpers/tiny_model.ts";
import { TORCH_PYTHON } from "../../../tests/helpers/torch_python.ts";

const golden = new URL("../../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
const { ignore, why } = TORCH_PYTHON;
const TORCH = ["trainer=torch", 'trainer_options={"dtype":"float32","nproc_per_node":1}'];
const KEYS = {
  DoRA: ["use_dora=true", "use_rslora=true", "loraplus_lr_ratio=4"],
  PiSSA: ["pissa_init=true", "pissa_convert=true", "pissa_iter=4", "use_rslora=true"],
} as const;

async function run(keys: readonly string[]) {
  const folder = join(temporaryFolder(), "out"), losses: number[] = [];
  const places = [`model_name_or_path=${golden}model`, `dataset_dir=${golden}data`, `output_dir=${folder}`];
  const all = [
    "adapter_name_or_path=[]",
    "plot_loss=false",
    "eval_strategy=no",
    "do_eval=false",
    "max_steps=4",
  ];
  await train(join(golden, "runs/sft_fixed/config.yaml"), [...places, ...all, "logging_steps=1", ...keys], {
    signal: new AbortController().signal,
    say: () => {},
    progress: { ...silentProgress(), log: ({ entry }) => losses.push(entry.loss ?? NaN) },
  });
  const adapter = readTensors(join(folder, "adapter_model.safetensors"));
  const config = JSON.parse(Deno.readTextFileSync(join(folder, "adapter_config.json")));
  return { losses: losses.filter(Number.isFinite), adapter, config };
}

for (const [method, keys] of Object.entries(KEYS)) {
  Deno.test({
    name: `a run with ${method} on PyTorch has the local trainer's losses and saves its adapter${why}`,
    ignore,
    fn: async () => {
      const local = await run(keys), torch = await run([...keys, ...TORCH]);
      assert(local.losses.length >= 4);
      assertEquals(torch.losses.length, local.losses.length);
      torch.losses.forEach((loss, i) => assertAlmostEquals(loss, local.losses[i]!, 1e-4, `loss ${i}`));
      assert(Math.abs(local.losses.at(-1)! - local.losses[0]!) > 1e-2, "something is learnt");
      assertEquals(torch.config, local.config);
      assertEquals(Object.keys(torch.adapter).sort(), Object.keys(local.adapter).sort());
      for (const [name, values] of Object.entries(local.adapter)) {
        let off = 0, size = 0;
        values.forEach((v, i) => {
          off += (torch.adapter[name]![i]! - v) ** 2;
          size += v * v;
        });
        assert(Math.sqrt(off / size) < 2e-2, `${name}: ${Math.sqrt(off / size)}`);
      }
    },
  });
}

Deno.test("PiSSA on PyTorch is refused on its 4 bits and on several machines", async () => {
  const options = (given: Record<string, unknown>) =>
    run([
      ...KEYS.PiSSA,
      "trainer=torch",
      `trainer_options=${JSON.stringify({ nproc_per_node: 1, ...given })}`,
    ]);
  await assertRejects(
    () => options({ quantization: "4bit" }),
    RangeError,
    "with quantization: 4bit, as the rest",
  );
  await assertRejects(
    () => options({ nnodes: 2, launcher: "torchrun", rdzv_endpoint: "127.0.0.1:1" }),
    RangeError,
    "on 2 nodes as each of them has to read",
  );
});
