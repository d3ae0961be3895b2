/**
 * Every other way to run PyTorch's processes that a CPU can show: launchers, two launchers that meet, offloading, compiled blocks,
 * 4 bits. Minutes of work, so only with DINOTUNE_TORCH=full (CONTRIBUTING.md).
 */
import { join } from "@std/path";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";

import { item } from "../../../formats/elements.ts";
import { packExamples } from "../../../kernels/engine/packs/pack.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { idsExample, TINY } from "../../../tests/helpers/tiny_model.ts";
import { hasPythonPackage, TORCH_FULL, whoStays } from "../../../tests/helpers/torch_python.ts";
import { unusedPort } from "../../../tests/helpers/unused_port.ts";
import { assertRepeats, assertResumes, openTiny } from "./_golden.ts";
import { optionsOf } from "./_python.ts";
import { otherNodesCommand, PACKAGE_FOLDER } from "./launch.ts";
import { lendProcesses } from "./lend.ts";
import type { EngineChoices, TorchOptions } from "./options.ts";
import { startRanks } from "./ranks.ts";

const { ignore, why } = TORCH_FULL;
const hasNf4 = hasPythonPackage("bitsandbytes"), NO_BITSANDBYTES = " (ignored: Python has no bitsandbytes)";

async function assertWay(options: Partial<TorchOptions>, choices: Partial<EngineChoices>, run: string) {
  const ranks = await startRanks(optionsOf(options));
  try {
    await assertRepeats(ranks, run, { ...choices, budget: 1000, checkpointing: true });
  } finally {
    await ranks.end();
  }
  assertEquals(await whoStays(ranks.ids), []);
}

for (
  const [name, options, choices, run] of [
    ["torchrun", { launcher: "torchrun", nproc_per_node: 2 }, { sharding: "ddp" }, "lora_iopo_qwen2"],
    ["accelerate", { launcher: "accelerate", nproc_per_node: 2 }, { sharding: "fsdp" }, "lora_dpo_llama"],
    ["cpu_offload", { nproc_per_node: 2 }, { sharding: "fsdp", cpu_offload: true }, "lora_iopo_qwen2"],
    ["ZeRO-2", { nproc_per_node: 2 }, { sharding: "fsdp", reshard_after_forward: false }, "full_sft_llama"],
    ["compile", {}, { compile: true }, "lora_iopo_qwen2"],
  ] as const
) {
  Deno.test({
    name: `PyTorch's float64 steps are repeated with ${name}${why}`,
    ignore,
    fn: () => assertWay(options, choices, run),
  });
}

/** The other of two machines, by the command that a person is told to type there, or as `deno task train` with its number does it. */
const OTHERS: Record<string, (options: TorchOptions) => Promise<boolean>> = {
  "by hand": async (options) => {
    const [, program = "", ...args] = otherNodesCommand(options, 1).split(" ");
    const { success } = await new Deno.Command(program, {
      args,
      env: { PYTHONPATH: PACKAGE_FOLDER },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  },
  "node_rank: 1": async (options) => {
    const signal = new AbortController().signal;
    await lendProcesses({ ...options, node_rank: 1 }, { note: () => {}, signal });
    return true;
  },
};

for (const [how, start] of Object.entries(OTHERS)) {
  Deno.test({
    name:
      `two launchers that meet on loopback, as two machines would, the other ${how}: PyTorch's float64 steps${why}`,
    ignore,
    fn: async () => {
      const rdzv_endpoint = `127.0.0.1:${unusedPort()}`;
      const options = optionsOf({ launcher: "torchrun", nnodes: 2, nproc_per_node: 1, rdzv_endpoint });
      const other = start(options);
      await assertWay(options, { sharding: "fsdp" }, "lora_iopo_qwen2");
      assert(await other);
    },
  });
}

const hasDeepspeed = hasPythonPackage("deepspeed"), NO_DEEPSPEED = " (ignored: Python has no deepspeed)";

Deno.test({
  name:
    `DeepSpeed's ZeRO-2 and ZeRO-3, offloading too, repeat PyTorch's float64 steps and go on from a state${
      hasDeepspeed ? why : why || NO_DEEPSPEED
    }`,
  ignore: ignore || !hasDeepspeed,
  fn: async (t) => {
    const ranks = await startRanks(optionsOf({ nproc_per_node: 2 }));
    const zero = { sharding: "deepspeed" } as const;
    try {
      for (
        const [run, reshard_after_forward, cpu_offload, budget] of [
          ["lora_iopo_qwen2", false, false, 1000],
          ["lora_iopo_qwen2", true, false, 1000],
          // a pack an example: one of the two ranks has nothing to do
          ["lora_sft_llama3", true, true, 1],
          ["full_dpo_qwen3", false, true, 1],
          ["full_sft_qwen2", true, false, 1000],
        ] as const
      ) {
        const choices = { ...zero, reshard_after_forward, cpu_offload };
        const name = `${run}, ZeRO-${reshard_after_forward ? 3 : 2}${cpu_offload ? ", offloading" : ""}`;
        await t.step(name, () => assertRepeats(ranks, run, { ...choices, budget, checkpointing: true }));
      }
      for (const reshard_after_forward of [false, true]) {
        await t.step(
          `resumed from a state, ZeRO-${reshard_after_forward ? 3 : 2}`,
          () => assertResumes(ranks, { ...zero, reshard_after_forward }),
        );
      }
    } finally {
      await ranks.end();
    }
  },
});

// A model folder's blocks with the values that NF4 has for theirs, by bitsandbytes itself.
const AS_NF4 = `
import sys, safetensors.torch as files
from bitsandbytes.functional import dequantize_4bit, quantize_4bit
tensors = files.load_file(sys.argv[1])
for name, weight in tensors.items():
    if weight.ndim == 2 and ".layers." in name:
        codes, state = quantize_4bit(weight.float(), quant_type="nf4")
        tensors[name] = dequantize_4bit(codes, state).to(weight.dtype).contiguous()
files.save_file(tensors, sys.argv[1], {"format": "pt"})
`;

Deno.test({
  name: `quantization: 4bit is the model whose blocks have NF4's values${
    hasNf4 ? why : why || NO_BITSANDBYTES
  }`,
  ignore: ignore || !hasNf4,
  fn: async () => {
    const modelPath = join(temporaryFolder(), "model");
    await copy(`${TINY}qwen2/model`, modelPath);
    const { code, stderr } = await new Deno.Command(Deno.env.get("DINOTUNE_PYTHON")!, {
      args: ["-c", AS_NF4, join(modelPath, "model.safetensors")],
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    const pack = packExamples([idsExample({ a: [[3, 7, 9], [11, 12, 2]], b: [[3, 7, 9], [21, 2]] })]);
    const ranks = await startRanks(optionsOf({ nproc_per_node: 1 }));
    try {
      const score = async (choices: Partial<EngineChoices>, path?: string) => {
        const engine = await openTiny(ranks, choices, path === undefined ? {} : { modelPath: path });
        const logps = await engine.forward(pack, { adapter: true, keep: true });
        await engine.backward(logps.map(() => 1));
        return { logps, norm: await engine.step(0, 0) };
      };
      const [exact, rounded, four] = [
        await score({}),
        await score({}, modelPath),
        await score({ quantization: "4bit" }),
      ];
      four.logps.forEach((value, l) => assertAlmostEquals(value, item(rounded.logps, l), 1e-4));
      assertAlmostEquals(four.norm, rounded.norm, 1e-4 * rounded.norm);
      assert(Math.abs(exact.norm - rounded.norm) > 1e-2 * exact.norm, "NF4 rounds");
    } finally {
      await ranks.end();
    }
  },
});

async function copy(from: string, to: string) {
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await Deno.copyFile(join(from, name), join(to, name));
}
