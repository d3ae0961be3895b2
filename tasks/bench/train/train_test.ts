import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";

import { DEFAULT_MODEL } from "../../common/config/default_files.ts";
import { trainBenchSettings as settings } from "../../../tests/helpers/train_bench_settings.ts";
import { benchTrain } from "./train.ts";
import { trainBenchText } from "./train_text.ts";
import { UNSEEN } from "../view.ts";

Deno.test("benchTrain() times a step in a process and shows it by kinds of work", async () => {
  const quads = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const quad = (last: number) => ({
      x1_ids: [5, 6, 7, 8, 9, 10],
      y1_ids: [20, 21, 22, last],
      x2_ids: [5, 6, 7, 11, 12],
      y2_ids: [30, 31, last],
    });
    await Deno.writeTextFile(quads, JSON.stringify({ quads: [quad(23), quad(24)] }));
    const { runs, peakGflops } = await benchTrain({ ...settings, quads }, UNSEEN);
    const [run] = runs;
    assert(run?.profile);
    // The loss of a fresh adapter is ln 2.
    assert(Math.abs(run.firstLoss - Math.LN2) < 1e-6, `${run.firstLoss}`);
    // No copies of outputs: programs write them where they are wanted.
    assertEquals(run.profile.map(({ group }) => group), [
      "products with a frozen weight",
      "attention",
      "LoRA",
      "norms, RoPE, SwiGLU, sums",
      "embedding and head",
      "ONNX Runtime around them",
      "between programs",
    ]);
    const sum = run.profile.reduce((total, { milliseconds }) => total + milliseconds, 0);
    assert(Math.abs(sum - 1000 * run.seconds) < 1e-3 * sum, `${sum} ms of ${run.seconds} s`);
    assertStringIncludes(trainBenchText(runs, peakGflops), "| products with a frozen weight |");
  } finally {
    await Deno.remove(quads);
  }
});

Deno.test("benchTrain() refuses settings that don't go together before it measures, and ids that the model lacks", async () => {
  const refused = (more: Partial<Parameters<typeof benchTrain>[0]>) =>
    benchTrain({ ...settings, ...more }, UNSEEN);
  await assertRejects(() => refused({ trainer: "torch" }), RangeError, "it has kernels of its own");
  await assertRejects(
    () => refused({ trainer: "torch", profile: false, provider: "cuda" }),
    RangeError,
    "it has kernels of its own",
  );
  await assertRejects(() => refused({ weights: ["float32", "4"] }), RangeError, "float32 alone is measured");
  for (const more of [{ operands: "bf16" }, { tensors: "device" }] as const) {
    await assertRejects(
      () => refused({ ...more, backend: "webgpu", profile: false }),
      RangeError,
      "Cannot use --operands or --tensors with --backend webgpu",
    );
  }
  await assertRejects(
    () => refused({ backend: "webgpu" }),
    RangeError,
    "onnx alone tells what operators take",
  );
  const bundled = new URL("../../../fixtures/bench/smollm2_quads.json", import.meta.url).pathname;
  await assertRejects(
    () => refused({ quads: bundled }),
    RangeError,
    `Cannot time ${DEFAULT_MODEL} on ${bundled} as every token needs a row of the model's embedding, which has `,
  );
  const other = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(other, '{"quads": [{"x1_ids": [1]}]}');
    await assertRejects(
      () => refused({ quads: other }),
      RangeError,
      `Cannot read ${other} as quadruples of token ids at quads.0.y1_ids: `,
    );
  } finally {
    await Deno.remove(other);
  }
});
