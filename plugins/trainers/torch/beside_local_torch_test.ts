/** What other optimizers and a value head make of a model on two of PyTorch's processes, beside the local engine, and continued: the same bits. */
import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";

import { item } from "../../../formats/elements.ts";
import { VALUE_HEAD_BIAS, VALUE_HEAD_WEIGHT } from "../../../formats/value_head/value_head.ts";
import { referenceBackend } from "../../../kernels/mod.ts";
import { EngineHost } from "../../../kernels/engine/host.ts";
import type { OptimizerOptions } from "../../../kernels/engine/optimizer/rules.ts";
import type { Tuning } from "../../../kernels/engine/weights/tuning.ts";
import { assertUpdate } from "../../../tests/helpers/relative_distance.ts";
import { TINY } from "../../../tests/helpers/tiny_model.ts";
import { hasPythonPackage, TORCH_FULL, TORCH_PYTHON } from "../../../tests/helpers/torch_python.ts";
import { ADAMW, PACK, stepThrough, TINY_RUN } from "./_golden.ts";
import { cpuRanks, optionsOf } from "./_python.ts";
import { openTorchEngine } from "./engine.ts";
import type { EngineChoices } from "./options.ts";
import type { Ranks } from "./ranks.ts";

const { decoder, weights, modules, initial } = TINY_RUN;
const VALUES = {
  [VALUE_HEAD_WEIGHT]: Float32Array.from({ length: decoder.hiddenSize }, (_, i) => Math.sin(i + 1) / 4),
  [VALUE_HEAD_BIAS]: Float32Array.of(0.125),
};
const RULES = ["adafactor", "sgd", "adagrad", "rmsprop"] as const;

type Choices = Partial<EngineChoices> & Pick<EngineChoices, "sharding">;

interface Case {
  tuning: Tuning;
  start: Record<string, Float32Array<ArrayBuffer>>;
  optimizer: OptimizerOptions;
}

function caseOf(type: "full" | "lora", rule: OptimizerOptions["rule"], valueDropout: number | null): Case {
  const valueHead = valueDropout !== null && { valueHead: { dropout: valueDropout } };
  return {
    tuning: type === "full" ? { type, ...valueHead } : { type, modules, dropout: 0, ...valueHead },
    start: { ...type === "lora" && initial, ...valueHead && VALUES },
    optimizer: { ...ADAMW, ...(rule && { rule }) },
  };
}

const setupOf = ({ tuning, start, optimizer }: Case) => ({
  ...{ decoder, tuning, initial: start, checkpointing: true, seed: 3, optimizer },
});

function torchEngine(ranks: Ranks, of: Case, choices: Choices) {
  const modelPath = `${TINY}qwen2/model`;
  return openTorchEngine(ranks, { ...setupOf(of), ...optionsOf({}), ...choices, modelPath, threads: 1 });
}

function localEngine(of: Case) {
  const device = { backend: "reference", provider: "cpu", threads: null } as const;
  return new EngineHost(
    referenceBackend(),
    { ...setupOf(of), modelPath: "", device },
    (name) => weights[name]!.slice(),
  );
}

/** Values of the first pass, three steps, and one more from the local engine's state. */
async function assertAsLocal(ranks: Ranks, of: Case, choices: Choices) {
  const local = localEngine(of), torch = await torchEngine(ranks, of, choices);
  const options = { adapter: true, keep: false }, right = await local.forward(PACK, options);
  (await torch.forward(PACK, options)).forEach((value, l) => assertAlmostEquals(value, item(right, l), 1e-5));
  const expected = await stepThrough(local, 0, 3, false), found = await stepThrough(torch, 0, 3, false);
  assertEquals(Object.keys(found.trained).sort(), Object.keys(expected.trained).sort());
  const sizes = (state: object) => Object.entries(state).map(([name, { length }]) => [name, length]).sort();
  assertEquals(sizes(found.state), sizes(expected.state));
  assertEquals(found.state.step, expected.state.step);
  assertUpdate(found.trained, {
    expected: expected.trained,
    start: { ...weights, ...of.start },
    limit: 2e-3,
  });
  await torch.restore(expected.trained, expected.state);
  const next = await stepThrough(local, 3, 4, false), other = await stepThrough(torch, 3, 4, false);
  assertUpdate(other.trained, { expected: next.trained, start: expected.trained, limit: 2e-3 });
}

/** Two steps with dropout, and two more of another engine that was given their state, against four. */
async function assertContinues(ranks: Ranks, of: Case, choices: Choices) {
  const open = () => torchEngine(ranks, of, choices);
  const straight = await stepThrough(await open(), 0, 4), half = await stepThrough(await open(), 0, 2);
  const engine = await open();
  await engine.restore(half.trained, half.state);
  assertEquals(await stepThrough(engine, 2, 4), straight);
  assertNotEquals(half.trained, straight.trained);
}

async function assertValueHead(ranks: Ranks, type: "full" | "lora", choices: Choices) {
  await assertAsLocal(ranks, caseOf(type, undefined, 0), choices);
  await assertContinues(ranks, caseOf(type, undefined, 0.3), choices);
}

Deno.test({
  name:
    `on two processes other optimizers and value heads make what the local engine makes, and go on to the same bits${TORCH_PYTHON.why}`,
  ignore: TORCH_PYTHON.ignore,
  fn: async (t) => {
    const ranks = await cpuRanks(2);
    try {
      for (const sharding of ["ddp", "fsdp"] as const) {
        for (const rule of RULES) {
          const of = caseOf("full", rule, null);
          await t.step(`${rule}, ${sharding}`, async () => {
            await assertAsLocal(ranks, of, { sharding });
            await assertContinues(ranks, of, { sharding });
          });
        }
        for (const type of ["full", "lora"] as const) {
          await t.step(`value head, ${type}, ${sharding}`, async () => {
            await assertValueHead(ranks, type, { sharding });
          });
        }
      }
    } finally {
      await ranks.end();
    }
  },
});

const hasDeepspeed = hasPythonPackage("deepspeed");

Deno.test({
  name: `value heads under DeepSpeed's ZeRO-2 and ZeRO-3 are the local engine's, and go on to the same bits${
    hasDeepspeed ? TORCH_FULL.why : TORCH_PYTHON.why || " (ignored: Python has no deepspeed)"
  }`,
  ignore: TORCH_FULL.ignore || !hasDeepspeed,
  fn: async (t) => {
    const ranks = await cpuRanks(2);
    try {
      for (
        const [type, reshard_after_forward] of [["lora", false], ["lora", true], ["full", true]] as const
      ) {
        await t.step(
          `${type}, ZeRO-${reshard_after_forward ? 3 : 2}`,
          () => assertValueHead(ranks, type, { sharding: "deepspeed", reshard_after_forward }),
        );
      }
    } finally {
      await ranks.end();
    }
  },
});
