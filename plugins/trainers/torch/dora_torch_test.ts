/** DoRA on PyTorch's ranks: five steps of PEFT in float64 (fixtures/goldens/peft/dora_train), layers beside PEFT's own, and what is refused. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";

import { entryOf } from "../../../formats/elements.ts";
import { isMagnitude } from "../../../formats/peft/names.ts";
import type { Tuning } from "../../../kernels/engine/weights/tuning.ts";
import { readJson, TINY, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { doraGolden, doraTraining, PEFT_GOLDENS } from "../../../tests/helpers/dora_golden.ts";
import { assertUpdate } from "../../../tests/helpers/relative_distance.ts";
import { TORCH_PYTHON } from "../../../tests/helpers/torch_python.ts";
import { cpuRanks, optionsOf } from "./_python.ts";
import { checkDora } from "./dora.ts";
import { openTorchEngine } from "./engine.ts";
import { PACKAGE_FOLDER } from "./launch.ts";
import type { EngineChoices } from "./options.ts";
import type { Ranks } from "./ranks.ts";

const { ignore, why } = TORCH_PYTHON;
const steps = readJson(`${PEFT_GOLDENS}dora_train/golden.json`);
const { config: decoder } = tinyModel("qwen2");
const { golden, saved, modules, pack: PACK, slopes: SLOPES, fresh } = doraGolden();

function open(
  ranks: Ranks,
  choices: Partial<EngineChoices>,
  initial: Record<string, Float32Array<ArrayBuffer>>,
) {
  return openTorchEngine(ranks, {
    ...optionsOf({}),
    sharding: "none",
    ...choices,
    modelPath: `${TINY}qwen2/model`,
    decoder,
    tuning: { type: "lora", modules, dropout: 0 },
    initial,
    checkpointing: true,
    seed: 0,
    optimizer: { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: steps.decay },
    threads: 1,
  });
}

async function assertSteps(ranks: Ranks, choices: Partial<EngineChoices>) {
  const given = await open(ranks, choices, saved), pass = { adapter: true, keep: false };
  assertEquals(await given.isIdentity(), false);
  (await given.forward(PACK, pass)).forEach((logp, l) =>
    assertAlmostEquals(logp, golden.token_logps.flat()[l], 5e-5, `label ${l}`)
  );

  const engine = await open(ranks, choices, fresh);
  assertEquals(await engine.isIdentity(), true);
  const start = await engine.trained(), name = Object.keys(start).find(isMagnitude)!;
  assertEquals(Object.keys(start).sort(), Object.keys(saved).sort());
  await engine.restore({ ...start, [name]: entryOf(start, name).map((m, i) => i === 1 ? 2 * m : m) }, null);
  assertEquals(await engine.isIdentity(), false, "a length of its own");
  await engine.restore(start, null);
  for (const [i, expected] of (steps.losses as number[]).entries()) {
    const logps = await engine.forward(PACK, { adapter: true, keep: true });
    assertAlmostEquals(logps.reduce((sum, v, l) => sum + SLOPES[l]! * v, 0), expected, 5e-5, `loss ${i}`);
    await engine.backward(SLOPES);
    assertAlmostEquals(await engine.step(steps.rate, 1), steps.norms[i], 1e-3, `norm ${i}`);
  }
  (await engine.forward(PACK, pass)).forEach((logp, l) =>
    assertAlmostEquals(logp, steps.token_logps_after.flat()[l], 1e-3, `label ${l} after`)
  );
  // PEFT's own float32 is off by 9e-4
  const training = doraTraining(`${PEFT_GOLDENS}dora_train/`, fresh);
  assertUpdate(await engine.trained(), { ...training, limit: 2e-3 });
}

for (const processes of [1, 2]) {
  Deno.test({
    name: `DoRA on PyTorch: five steps on ${
      processes === 1 ? "one process" : "two processes"
    } are PEFT's${why}`,
    ignore,
    fn: async (t) => {
      const ranks = await cpuRanks(processes);
      try {
        for (const sharding of processes === 1 ? ["none"] as const : ["ddp", "fsdp"] as const) {
          await t.step(sharding, () => assertSteps(ranks, { sharding }));
        }
      } finally {
        await ranks.end();
      }
    },
  });
}

Deno.test({
  name: `DoRA on PyTorch: layers are PEFT's own, with dropout and biases too${why}`,
  ignore,
  fn: async () => {
    const script = fileURLToPath(new URL("./_dora_layers.py", import.meta.url));
    const { code, stdout, stderr } = await new Deno.Command(Deno.env.get("DINOTUNE_PYTHON")!, {
      args: [script],
      env: { PYTHONPATH: PACKAGE_FOLDER, PYTHONDONTWRITEBYTECODE: "1" },
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    const apart: Record<string, number> = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(Object.keys(apart).length, 4);
    for (const [name, value] of Object.entries(apart)) assert(value < 1e-5, `${name}: ${value}`);
  },
});

Deno.test("DoRA on PyTorch is refused on its 4 bits and with DeepSpeed", () => {
  const tuning = { type: "lora", modules, dropout: 0 } as const;
  const check = (choices: { sharding?: "deepspeed"; quantization?: "4bit" }, given: Tuning = tuning) =>
    checkDora(given, { sharding: "fsdp", quantization: "none", ...choices });
  check({});
  check({ sharding: "deepspeed" }, {
    ...tuning,
    modules: { "model.layers.0.mlp.up_proj": { rank: 2, scale: 1 } },
  });
  assertThrows(
    () => check({ sharding: "deepspeed" }),
    RangeError,
    "with sharding: deepspeed as a row's length needs",
  );
  assertThrows(
    () => check({ quantization: "4bit" }),
    RangeError,
    "with quantization: 4bit as a row's length needs",
  );
});
