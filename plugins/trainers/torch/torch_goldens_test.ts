/** Six optimizer steps of tiny models against PyTorch in float64 (fixtures/goldens/tiny/train), on one process and on two. */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";

import { item } from "../../../formats/elements.ts";
import { referenceBackend } from "../../../kernels/mod.ts";
import type { AdamWOptions } from "../../../kernels/engine/optimizer/adamw.ts";
import { type EngineClient, EngineHost } from "../../../kernels/engine/host.ts";
import { logSigmoid } from "../../../kernels/tape.ts";
import { adamwOf, repeatOn } from "../../../tests/helpers/golden_run.ts";
import { assertUpdate } from "../../../tests/helpers/relative_distance.ts";
import { defineLoss } from "../../kinds/loss.ts";
import { hasPythonPackage, isAlive, TORCH_PYTHON, whoStays } from "../../../tests/helpers/torch_python.ts";
import {
  ADAMW,
  assertRepeats,
  assertResumes,
  everyToken,
  openTiny,
  PACK,
  stepThrough,
  TINY_RUN,
  tinyStart,
} from "./_golden.ts";
import { cpuRanks } from "./_python.ts";
import type { Ranks } from "./ranks.ts";

const { ignore, why } = TORCH_PYTHON;

function localEngine(optimizer: AdamWOptions, labelSmoothing = 0) {
  const { decoder, weights, modules, initial } = TINY_RUN;
  return new EngineHost(referenceBackend(), {
    modelPath: "",
    decoder,
    tuning: { type: "lora", modules, dropout: 0 },
    initial,
    checkpointing: false,
    seed: 3,
    labelSmoothing,
    device: { backend: "reference", provider: "cpu", threads: null },
    optimizer,
  }, (name) => weights[name]!);
}

async function assertBothWays(ranks: Ranks) {
  // With LoRA+, so that B's own rate is compared, too.
  const optimizer = { ...ADAMW, ratioOfB: 3 };
  const { initial } = TINY_RUN, local = () => localEngine(optimizer);
  const straight = await stepThrough(local(), 0, 4, false);
  const torch = () => openTiny(ranks, { sharding: "ddp" }, { dropout: 0, optimizer });
  for (const [first, second] of [[local, torch], [torch, local]] as const) {
    const half = await stepThrough(await first(), 0, 2, false);
    const engine = await second();
    await engine.restore(half.trained, half.state);
    const { trained, state } = await stepThrough(engine, 2, 4, false);
    assertEquals(Object.keys(state).sort(), Object.keys(straight.state).sort());
    assertEquals(state.step, straight.state.step);
    assertUpdate(trained, { expected: straight.trained, start: initial, limit: 1e-3 });
  }
}

/** Smoothed steps, and the token that a prompt makes likeliest, as on the local engine. */
async function assertSmoothed(ranks: Ranks, sharding: "ddp" | "fsdp") {
  const { decoder: { vocabSize }, initial } = TINY_RUN, labelSmoothing = 0.2;
  const local = localEngine(ADAMW, labelSmoothing);
  const torch = await openTiny(ranks, { sharding }, { dropout: 0, labelSmoothing });
  const pack = everyToken(vocabSize), options = { adapter: true, keep: false, best: true };
  const right = await local.forward(pack, options), found = await torch.forward(pack, options);
  assertEquals(found.length, 2 * vocabSize);
  found.forEach((value, l) => assertAlmostEquals(value, item(right, l), 1e-5));
  assertEquals(found.subarray(vocabSize).reduce((a, b) => a + b), 1);
  const [ours, theirs] = [await stepThrough(local, 0, 2, false), await stepThrough(torch, 0, 2, false)];
  assertUpdate(theirs.trained, { expected: ours.trained, start: initial, limit: 1e-3 });
}

/** A person's own loss: IOPO whose margin has to be won by a nat. */
const OWN_LOSS = defineLoss({
  shape: "iopo",
  sequences: { x1y1: ["x1", "y1"], x1y2: ["x1", "y2"], x2y1: ["x2", "y1"], x2y2: ["x2", "y2"] },
  needsReference: true,
  normalize: "examples",
  initialLoss: Math.log1p(Math.E),
  loss: ({ R: { x1y1, x1y2, x2y1, x2y2 } }) => ({
    loss: logSigmoid(x1y1.plus(x2y2).minus(x1y2).minus(x2y1).times(0.1).minus(1)).neg(),
    metrics: {},
  }),
});

/** Six steps with it on the ranks and on the local engine. */
async function assertOwnLoss(ranks: Ranks) {
  const start = tinyStart("lora_iopo_qwen2"), optimizer = adamwOf(start);
  const stepsOf = async (engine: EngineClient) =>
    (await repeatOn(start, engine, { budget: 1000, loss: OWN_LOSS })).steps;
  const local = await stepsOf(localEngine(optimizer));
  const engine = await openTiny(ranks, { sharding: "ddp" }, { dropout: 0, optimizer });
  const torch = await stepsOf({ ...engine, close: () => Promise.resolve() });
  // −log σ(z − 1) > −log σ(z)
  assert(item(local, 0).loss > start.golden.steps[0].loss);
  assertEquals(torch.length, 6);
  torch.forEach(({ loss, gradNorm }, step) => {
    const right = item(local, step);
    assertAlmostEquals(loss, right.loss, 1e-4);
    assertAlmostEquals(gradNorm, right.gradNorm, 1e-3 * right.gradNorm);
  });
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
  await assertRejects(() => stepThrough(engine, 0, 1), Error, "rank 1 of 2 was ended by SIGKILL");
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
      ["lora_dpo_smollm3", "none", 1000, false],
      ["lora_dpo_granite", "none", 1000, false],
      ["full_sft_granite", "none", 1000, false],
      ["lora_dpo_gemma3", "none", 1000, false],
      ["full_sft_gemma3", "none", 1000, false],
      ["lora_dpo_olmo2", "none", 1000, false],
      ["full_sft_olmo2", "none", 1000, false],
      ["lora_dpo_olmo3", "none", 1000, false],
      ["full_sft_exaone4", "none", 1000, false],
      ["lora_dpo_ernie45", "none", 1000, false],
      ["full_sft_hunyuan", "none", 1000, false],
      ["lora_dpo_glm4", "none", 1000, false],
      ["lora_dpo_gemma", "none", 1000, false],
      ["lora_dpo_gemma2", "none", 1000, false],
      ["full_sft_gemma2", "none", 1000, false],
      ["lora_dpo_phi3", "none", 1000, false],
      ["full_sft_phi3", "none", 1000, false],
      ["lora_dpo_phi4mini", "none", 1000, false],
      ["full_sft_phi4mini", "none", 1000, false],
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
            () => assertRepeats(ranks, run, { sharding, budget, checkpointing }),
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
              () => assertResumes(ranks, { sharding }),
            );
          }
          for (const sharding of ["ddp", "fsdp"] as const) {
            await t.step(
              `label smoothing and the likeliest token, ${sharding}: the local engine's`,
              () => assertSmoothed(ranks, sharding),
            );
          }
          await t.step("a loss of one's own: the local engine's steps", () => assertOwnLoss(ranks));
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
