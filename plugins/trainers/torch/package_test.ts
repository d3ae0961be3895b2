/**
 * The Python package by itself: products on a CPU that has no instructions for bfloat16, or slow ones (products.py), and how often blocks are
 * compiled; noise on embeddings.
 */
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";

import { TINY } from "../../../tests/helpers/tiny_model.ts";
import { TORCH_FULL, TORCH_PYTHON } from "../../../tests/helpers/torch_python.ts";
import { PACKAGE_FOLDER } from "./launch.ts";

/** What _package.py finds. */
async function found(about: "products" | "compiling" | "noise"): Promise<unknown> {
  const script = fileURLToPath(new URL("./_package.py", import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.env.get("DINOTUNE_PYTHON")!, {
    args: [script, about, `${TINY}qwen2/model`],
    env: { PYTHONPATH: PACKAGE_FOLDER, PYTHONDONTWRITEBYTECODE: "1", HF_HUB_OFFLINE: "1" },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
}

Deno.test({
  name:
    `products without bfloat16's instructions run in float32, rounded once; more ranks than GPUs are refused${TORCH_PYTHON.why}`,
  ignore: TORCH_PYTHON.ignore,
  fn: async () => {
    assertEquals(await found("products"), {
      // Intel's alone, where there is no AMX beside AVX512_FP16 (docs/performance_log.md).
      "slow instructions": [true, false, false, false, false],
      "product, gradients of x, W and bias off by more than a rounding": 0,
      "bfloat16 products of LoRA": [],
      "bfloat16 products of full tuning": [],
      "native bfloat16 products": true,
      "labels off by more than bfloat16 makes them": 0,
      "operands of attention kept; same gradients": [0, true],
      "two ranks, one GPU": [
        "setup",
        "Cannot run 2 ranks as each needs a GPU of its own: current value is 1; set nproc_per_node: 1",
      ],
    });
  },
});

Deno.test({
  name: `NEFTune's noise is that of transformers' hook, and a training pass's alone${TORCH_PYTHON.why}`,
  ignore: TORCH_PYTHON.ignore,
  fn: async () => {
    assertEquals(await found("noise"), {
      "as transformers' hook": true,
      "drawn like the value head's dropout": false,
      "the same for the same number": true,
      "another for another number": true,
      "a training pass's": true,
      alone: true,
    });
  },
});

Deno.test({
  name: `trees of other shapes compile nothing anew, and compiled labels are eager ones${TORCH_FULL.why}`,
  ignore: TORCH_FULL.ignore,
  fn: async () => {
    assertEquals(await found("compiling"), {
      compiled: true,
      "programs that more trees cost": 0,
      "compiled labels are eager ones": true,
    });
  },
});
