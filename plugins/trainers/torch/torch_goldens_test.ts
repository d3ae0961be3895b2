/** Six optimizer steps of tiny models against PyTorch in float64 (fixtures/goldens/tiny/train), on one process and on two. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";

import { entryOf, item } from "../../../formats/elements.ts";
import { referenceBackend } from "../../../kernels/mod.ts";
import { type EngineClient, EngineHost } from "../../../kernels/engine/host.ts";
import { packExamples } from "../../../kernels/engine/pack.ts";
import { idsExample } from "../../../tests/helpers/tiny_model.ts";
import { hasPythonPackage, isAlive, TORCH_PYTHON, whoStays } from "../../../tests/helpers/torch_python.ts";
import { ADAMW, assertRepeats, openTiny, TINY_RUN } from "./_golden.ts";
import { cpuRanks } from "./_python.ts";
import type { EngineChoices } from "./options.ts";
import type { Ranks } from "./ranks.ts";

const { ignore, why } = TORCH_PYTHON;
const PACK = packExamples(
  [0, 1, 2].map((i) => idsExample({ a: [[3 + i, 7, 9], [11, 12 + i, 2]], b: [[3 + i, 7, 9], [21, 2]] })),
);

/** Steps `from` to `to` of a made-up loss; gives what is trained then and the optimizer's state. */
async function stepThrough(engine: EngineClient, from: number, to: number, dropout = true) {
  for (let step = from; step < to; step++) {
    const logps = await engine.forward(PACK, {
      adapter: true,
      keep: true,
      ...(dropout && { dropoutStep: step }),
    });
    await engine.backward(logps.map((logp, l) => logp * 0.01 * (l % 2 === 0 ? 1 : -0.5)));
    await engine.step(1e-2, 1);
  }
  return { trained: await engine.trained(), state: await engine.optimizerState() };
}

async function assertResumes(ranks: Ranks, sharding: EngineChoices["sharding"]) {
  const straight = await stepThrough(await openTiny(ranks, { sharding }), 0, 4);
  const half = await stepThrough(await openTiny(ranks, { sharding }), 0, 2);
  const engine = await openTiny(ranks, { sharding });
  await engine.restore(half.trained, half.state);
  const resumed = await stepThrough(engine, 2, 4);
  assertEquals(resumed, straight);
  assertNotEquals(half.trained, straight.trained);
}

async function assertBothWays(ranks: Ranks) {
  const { decoder, weights, modules, initial } = TINY_RUN;
  const local = () =>
    new EngineHost(referenceBackend(), {
      modelPath: "",
      decoder,
      tuning: { type: "lora", modules, dropout: 0 },
      initial,
      checkpointing: false,
      seed: 3,
      device: { backend: "reference", provider: "cpu", threads: null },
      optimizer: ADAMW,
    }, (name) => weights[name]!);
  const straight = await stepThrough(local(), 0, 4, false);
  const torch = () => openTiny(ranks, { sharding: "ddp" }, { dropout: 0 });
  for (const [first, second] of [[local, torch], [torch, local]] as const) {
    const half = await stepThrough(await first(), 0, 2, false);
    const engine = await second();
    await engine.restore(half.trained, half.state);
    const { trained, state } = await stepThrough(engine, 2, 4, false);
    assertEquals(Object.keys(state).sort(), Object.keys(straight.state).sort());
    assertEquals(state.step, straight.state.step);
    // By the whole update: AdamW makes a full step of any gradient, also of one that is rounding alone.
    let off = 0, update = 0;
    for (const [name, values] of Object.entries(straight.trained)) {
      values.forEach((v, i) => {
        off += (item(entryOf(trained, name), i) - v) ** 2;
        update += (v - item(entryOf(initial, name), i)) ** 2;
      });
    }
    assert(Math.sqrt(off / update) < 1e-3, `relative L2 of the update is ${Math.sqrt(off / update)}`);
  }
}

/** FlexAttention's forward pass is compared here; its backward one exists on GPUs only. */
async function assertFlex(ranks: Ranks) {
  const scores = [];
  for (const attention of ["sdpa", "flex"] as const) {
    const engine = await openTiny(ranks, { attention }, { optimizer: null });
    scores.push([...await engine.forward(PACK, { adapter: true, keep: false })]);
  }
  const [sdpa, flex] = scores;
  sdpa!.forEach((value, l) => assertAlmostEquals(item(flex!, l), value, 1e-5));
  if (!ranks.device.includes("CPU")) return;
  await assertRejects(
    () => openTiny(ranks, { attention: "flex" }),
    RangeError,
    "Cannot train with attention: flex on a CPU",
  );
}

/** Refused before a model is read; the rank is gone then. */
async function assertFourBits(ranks: Ranks) {
  await assertRejects(
    () => openTiny(ranks, { quantization: "4bit" }),
    Error,
    "-m pip install bitsandbytes",
  );
  assertEquals(await whoStays(ranks.ids), []);
}

async function assertDies(ranks: Ranks) {
  const engine = await openTiny(ranks, { sharding: "ddp" });
  // Ctrl-C in a terminal: the ranks go on, so that the loop can save.
  for (const id of ranks.ids) Deno.kill(id, "SIGINT");
  assertEquals(Object.keys(await engine.trained()).length, Object.keys(TINY_RUN.initial).length);
  Deno.kill(item(ranks.ids, 1), "SIGKILL");
  const error = await assertRejects(
    () => stepThrough(engine, 0, 1),
    Error,
    "rank 1 of 2 was ended by SIGKILL",
  );
  assertStringIncludes(error.message, "The last checkpoint is kept");
  await engine.close();
  assertEquals(ranks.ids.filter(isAlive), []);
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
            () => assertRepeats(ranks, run, { sharding }, budget, checkpointing),
          );
        }
        if (processes === 1) {
          await t.step("attention: flex", () => assertFlex(ranks));
          await t.step({
            name: "quantization: 4bit without bitsandbytes",
            ignore: hasPythonPackage("bitsandbytes"),
            fn: () => assertFourBits(ranks),
          });
        } else {
          for (const sharding of ["ddp", "fsdp"] as const) {
            await t.step(
              `resumed from a state, ${sharding}: the same bits`,
              () => assertResumes(ranks, sharding),
            );
          }
          await t.step("a state goes to the local engine and back", () => assertBothWays(ranks));
          await t.step(
            "rank 1 is killed: an error that says so, and no process is left",
            () => assertDies(ranks),
          );
        }
      } finally {
        await ranks.end();
      }
    },
  });
}
