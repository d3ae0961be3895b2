/** Waits of a training step on a device, and steps whose norm comes late. */
import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import type { Backend } from "../../../../kernels/backend.ts";
import { openLibrary } from "../../../../kernels/backends/onnx/c_api/mod.ts";
import { onnxBackend } from "../../../../kernels/backends/onnx/mod.ts";
import { referenceBackend } from "../../../../kernels/backends/reference/mod.ts";
import { webgpuBackend } from "../../../../kernels/backends/webgpu/mod.ts";
import { testWebGpu } from "../../../../kernels/testing/backends.ts";
import type { StepReport } from "../../../kinds/log_sink.ts";
import type { Loss } from "../../../kinds/loss.ts";
import { tinyModel } from "../../../../tests/helpers/tiny_model.ts";
import { lossOf } from "../../../../tests/helpers/golden_run.ts";
import { runTinyLoop } from "../../../../tests/helpers/behaviour_run.ts";

const { name: title, ignore } = await testWebGpu();
const { library, reason } = openLibrary(), because = reason === null ? "" : `: ${reason}`;

/** The reference backend, with its optimizer where tensors are on a device. */
function asOnDevice(): Backend {
  return { ...referenceBackend(), hostMemory: false };
}

/** Six steps of the tiny model, a step a pack, without evaluations and saves; from the third on the loss grows by `slope` times a policy. */
async function run(
  backend: Backend,
  slope = 0,
  abortAt = Infinity,
  { rows = 1000, together = 0, evaluates = false } = {},
) {
  const good = lossOf("dpo", 0.1);
  let calls = 0;
  const loss: Loss = {
    ...good,
    loss: (inputs) => {
      // two examples a step, those of the first by two references
      const outputs = good.loss(inputs), own = ++calls > 6 ? slope : 0;
      return { ...outputs, loss: outputs.loss.plus(inputs.policy.chosen!.times(own)) };
    },
  };
  const config = {
    save_strategy: "no",
    micro_batch_tokens: rows,
    max_grad_norm: 0.5,
    eval_strategy: evaluates ? "epoch" : "no",
  } as const;
  return await runTinyLoop(
    config,
    async (result, inputs) => {
      const stop = new AbortController(), { step } = inputs.log;
      Object.assign(inputs, { signal: stop.signal, together });
      inputs.log.step = (report) => {
        step(report);
        if (report.step === abortAt) stop.abort();
      };
      const { step: done, finished } = await result();
      return { done, finished, steps: inputs.log.steps, trained: await inputs.engine.trained() };
    },
    { loss, backend },
  );
}

function assertSameSteps(actual: StepReport[], expected: StepReport[]): void {
  assertEquals(actual.map(({ step }) => step), expected.map(({ step }) => step));
  actual.forEach(({ loss, gradNorm }, i) => {
    const near = (a: number, b: number) => assertAlmostEquals(a, b, 1e-6 * Math.abs(b), `step ${i}`);
    near(loss, expected[i]!.loss);
    near(gradNorm, expected[i]!.gradNorm);
  });
}

Deno.test("a step ahead gives the numbers of one that is waited for, and every step is reported once, in order", async () => {
  const [waited, ahead] = [await run(referenceBackend()), await run(asOnDevice())];
  assertSameSteps(ahead.steps, waited.steps);
  assertEquals(ahead.done, 6);
  for (const [name, values] of Object.entries(waited.trained)) {
    values.forEach((value, i) => assertAlmostEquals(ahead.trained[name]![i]!, value, 1e-6, name));
  }
});

Deno.test("a step ahead whose squares overflow is taken again, clipped by the host", async () => {
  const [waited, ahead] = [await run(referenceBackend(), 1e25), await run(asOnDevice(), 1e25)];
  assertEquals(waited.steps.some(({ gradNorm }) => gradNorm > 1e20), true);
  assertSameSteps(ahead.steps, waited.steps);
});

Deno.test("a step ahead with a gradient that isn't finite stops the run, naming tensor and rows", async () => {
  await assertRejects(
    () => run(asOnDevice(), 1e200),
    RangeError,
    'Cannot use the gradient of "model.layers.',
  );
});

Deno.test("packs that are handed over together give the bits of packs one after the other", async () => {
  const [alone, both] = [
    await run(asOnDevice(), 0, Infinity, { rows: 1, evaluates: true }),
    await run(asOnDevice(), 0, Infinity, { rows: 1, together: 1000, evaluates: true }),
  ];
  const numbers = ({ steps, trained }: typeof alone) => [
    steps.map(({ loss, gradNorm, metrics }) => ({ loss, gradNorm, metrics })),
    trained,
  ];
  assertEquals(numbers(both), numbers(alone));
});

Deno.test("an interruption behind a step ahead keeps that step and no part of the next", async () => {
  const { done, finished, steps } = await run(asOnDevice(), 0, 3);
  assertEquals([done, finished, steps.length], [3, false, 3]);
});

Deno.test({
  name:
    `a training step waits for the device once, its reference pass included, and downloads log-probabilities and the norm (${title})`,
  ignore,
  fn: async () => {
    const backend = await webgpuBackend(), before = { ...backend.work };
    const { steps, trained } = await run(backend), { waits, downloads } = backend.work;
    assertEquals(steps.length, 6);
    // One for each pack, which is a step here; one more each for the last step's norm, the trained tensors that the test reads, and the end.
    assertEquals(waits - before.waits, 6 + 3);
    // Log-probabilities of the policy in each step, of the reference in the first epoch's three, and norms.
    assertEquals(downloads - before.downloads - Object.keys(trained).length, 6 + 3 + 6);
  },
});

Deno.test({
  name:
    `with tensors in ONNX Runtime's memory steps move rows of ids there, log-probabilities and the norm back, and no weight, adapter, gradient or moment${because}`,
  ignore: !library,
  fn: async () => {
    const own = onnxBackend({ memory: "provider", threads: 1 }), moved: string[] = [];
    let down = 0;
    const { trained } = await run({
      ...own,
      upload: (data, shape, options) => {
        // Behind the first answer all that stays is there.
        if (down > 0) {
          moved.push(`${data instanceof Int32Array ? "i32" : "f32"} ${shape.length} ${shape.at(-1)}`);
        }
        return own.upload(data, shape, options);
      },
      write: (tensor, data) => {
        moved.push("write");
        own.write(tensor, data);
      },
      download: (tensor, ahead) => {
        down++;
        return own.download(tensor, ahead);
      },
    });
    const half = tinyModel("qwen2").config.headDim / 2;
    const others = moved.filter((what) => !/^(i32|f32) 1 /.test(what) && what !== `f32 2 ${half}`);
    assertEquals(others, [], "not a vector of rows or labels, nor angles of rows");
    // As on WebGPU: log-probabilities of the policy and of the first epoch's references, and norms.
    assertEquals(down - Object.keys(trained).length, 6 + 3 + 6);
  },
});

Deno.test({
  name:
    `a training step of several packs waits for the device once, and so does an evaluation, where they may be kept together (${title})`,
  ignore,
  fn: async () => {
    const counted = async (together: number) => {
      const backend = await webgpuBackend(), before = backend.work.waits;
      // Each pair is a pack: two a step, three an evaluation.
      const { steps } = await run(backend, 0, Infinity, { rows: 1, together, evaluates: true });
      assertEquals(steps.length, 6);
      return backend.work.waits - before;
    };
    // Six steps, two evaluations, the norms of the two steps before these, the trained tensors and the end.
    assertEquals(await counted(1000), 6 + 2 + 2 + 2);
    assertEquals(await counted(0), 2 * 6 + 3 * 2 + 2 + 2);
  },
});
