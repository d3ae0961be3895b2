/** Subgroup functions: kernels are right with and without them, and a device that lacks them or gets them wrong is found out. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { item } from "../../../../formats/elements.ts";
import { kernelGraph, runOnce, sampleInputs, worst } from "../../../contract.ts";
import type { Kernel, Sample } from "../../../kernel.ts";
import { attentionGrad } from "../../../ops/attention/attention_grad.ts";
import { labelLogprobUnit } from "../../../ops/head/label_logprob.ts";
import { linear } from "../../../ops/products/products.ts";
import { rmsNorm } from "../../../ops/norms/rms_norm.ts";
import { rmsNormGrad, rmsNormWeightGrad } from "../../../ops/norms/rms_norm_grad.ts";
import { sumSquares } from "../../../ops/optimizer/sum_squares.ts";
import { testWebGpu } from "../../../testing/backends.ts";
import { Device } from "../device/device.ts";
import { webgpuBackend } from "../mod.ts";
import { trySubgroups, wrongSize } from "./subgroups.ts";

const { name: title, ignore } = await testWebGpu();

function deviceTest(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({ name: `${name} (${title})`, ignore, fn });
}

const few = (rows: number, out: number): Sample => ({ note: "few rows", dims: { rows, in: 260, out } });
/** Reductions of 32 to 256 invocations, of 8 and of 32. */
const CASES: readonly (readonly [Kernel, Sample])[] = [
  ...[linear].flatMap((kernel) => [few(1, 600), few(7, 35)].map((sample) => [kernel, sample] as const)),
  ...[rmsNorm, rmsNormGrad].flatMap((kernel) =>
    [40, 300, 1500].map((cols) =>
      [kernel, { note: "norm", dims: { rows: 3, cols, group: cols }, attrs: { eps: 1e-5 } }] as const
    )
  ),
  ...[rmsNormWeightGrad, sumSquares, labelLogprobUnit, attentionGrad].map((kernel) =>
    [
      kernel,
      kernel.samples.find(({ note }) => note.includes("longer than")) ?? item(kernel.samples, 1),
    ] as const
  ),
];

for (const most of [0, 4, Infinity]) {
  deviceTest(
    most === Infinity
      ? "reductions are right by as many invocations as a subgroup has"
      : `reductions are right with ${most || "no"} invocations of a subgroup`,
    async (t) => {
      const backend = await webgpuBackend(most === Infinity ? {} : { subgroups: most });
      assert(backend.subgroups.least <= most, `${backend.subgroups.least}`);
      // A device without them is one thing, kernels that are wrong with them another.
      const { why } = backend.subgroups;
      assert(["", "asked for", "this adapter has none"].includes(why) || /subgroup/.test(why), why);
      assertStringIncludes(
        backend.description,
        backend.subgroups.least
          ? `subgroups of ${backend.subgroups.least} or more`
          : "no subgroup functions (",
      );
      // The contract test has the kernels' own samples in this form.
      const cases = CASES.filter(([{ samples }, sample]) => most < Infinity || !samples.includes(sample));
      for (const [kernel, sample] of cases) {
        await t.step(`${kernel.name} ${JSON.stringify(sample.dims)}`, async () => {
          const inputs = sampleInputs(kernel, sample);
          const actual = await runOnce(backend, kernelGraph(kernel, sample), inputs);
          for (
            const [name, values] of Object.entries(kernel.reference(inputs, sample.dims, sample.attrs ?? {}))
          ) {
            // Long sums get √ of their length against the samples' 130.
            const scale = Math.sqrt(Math.max(1, (sample.dims.cols ?? sample.dims.in ?? 1) / 130));
            const { atol, rtol } = kernel.tolerance;
            const { ratio } = worst(actual[name] ?? new Float64Array(), values, {
              atol: scale * atol,
              rtol: scale * rtol,
            });
            assert(ratio <= 1, `${name} is off by ${ratio} × tolerance`);
          }
        });
      }
      await backend.dispose();
    },
  );
}

deviceTest(
  "subgroup functions that give a kernel a wrong result aren't used, and the description says so",
  async () => {
    const without = await webgpuBackend({ subgroups: 0 });
    assertEquals(without.subgroups, { least: 0, why: "asked for" });
    assert(![...without.device.features].includes("subgroups"));
    await without.dispose();
    const right = rmsNorm.reference, patched: { reference: typeof right } = rmsNorm;
    patched.reference = (...given) => ({ y: right(...given).y.map((v) => v + 0.01) });
    try {
      const backend = await webgpuBackend();
      assertEquals(backend.subgroups.least, 0);
      // A device without them says that instead.
      if ([...backend.device.features].includes("subgroups")) {
        assertStringIncludes(backend.description, "no subgroup functions (rms_norm gives ");
      }
      await backend.dispose();
    } finally {
      patched.reference = right;
    }
  },
);

deviceTest("a device that is refused the feature is made without it", async () => {
  const { gpu } = navigator, asked: string[][] = [];
  const refusing: GPU = Object.create(gpu, {
    requestAdapter: {
      value: async (options: GPURequestAdapterOptions) => {
        const adapter = (await gpu.requestAdapter(options))!;
        return new Proxy(adapter, {
          get: (target, key) => {
            if (key === "requestDevice") {
              return (descriptor: GPUDeviceDescriptor) => {
                const features = [...descriptor.requiredFeatures ?? []].map(String);
                asked.push(features);
                if (features.includes("subgroups")) return Promise.reject(new TypeError("no such feature"));
                return target.requestDevice(descriptor);
              };
            }
            const value = Reflect.get(target, key, target);
            return typeof value === "function" ? value.bind(target) : value;
          },
        });
      },
    },
  });
  const backend = await webgpuBackend({ gpu: refusing });
  assertEquals(backend.subgroups, { least: 0, why: "this adapter has none" });
  assertEquals(asked.map((features) => features.includes("subgroups")), [true, false]);
  await backend.dispose();
  // A device that hasn't got the feature refuses both texts.
  const bare = new Device(await (await gpu.requestAdapter())!.requestDevice(), 2 ** 27);
  assertStringIncludes(
    `${await trySubgroups(bare, { subgroupMinSize: 0 })}`,
    'Cannot compile shader "subgroups"',
  );
  await bare.dispose();
});

Deno.test("wrongSize() refuses sizes that WGSL doesn't know and invocations that aren't beside their neighbours", () => {
  assertEquals(wrongSize(Uint32Array.of(4, 1, 4, 1), 2), null);
  assertEquals(wrongSize(Uint32Array.of(128, 1), 32), null);
  assertEquals(wrongSize(Uint32Array.of(32, 1, 1, 1), 2), "a subgroup has 1 invocations");
  assertEquals(wrongSize(Uint32Array.of(24, 1), 2), "a subgroup has 24 invocations");
  assertEquals(
    wrongSize(Uint32Array.of(32, 1, 32, 1, 32, 0), 2),
    "invocation 0 of 2 isn't beside its neighbours in a subgroup of 32",
  );
});
