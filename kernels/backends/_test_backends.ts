import type { Backend } from "../backend.ts";
import { kernelGraph, runOnce, sampleInputs } from "../contract.ts";
import { linear } from "../ops/products.ts";
import { onnxBackend } from "./onnx/mod.ts";
import { referenceBackend } from "./reference/mod.ts";
import { webgpuBackend } from "./webgpu/mod.ts";

/** A backend for tests: ignored with a reason where it can't run, unless REQUIRE_BACKENDS names it. */
export interface TestBackend {
  /** For test names: the backend, and the reason when ignored. */
  name: string;
  ignore: boolean;
  make(): Promise<Backend>;
}

/** ONNX Runtime's CUDA provider, once it has run something. */
async function cuda(): Promise<Backend> {
  const backend = onnxBackend({ provider: "cuda" }), sample = linear.samples[0]!;
  await runOnce(backend, kernelGraph(linear, sample), sampleInputs(linear, sample), { ...sample.dims });
  return backend;
}

/** Backends in tests. `REQUIRE_BACKENDS=onnx,webgpu` turns an absent one into a failure; `cuda` is there only when asked for so. */
export async function testBackends(): Promise<TestBackend[]> {
  const required = (Deno.env.get("REQUIRE_BACKENDS") ?? "").split(",").map((s) => s.trim()).filter(Boolean);
  const candidates: Record<string, () => Promise<Backend>> = {
    reference: () => Promise.resolve(referenceBackend()),
    onnx: () => Promise.resolve(onnxBackend()),
    webgpu: () => webgpuBackend(),
    cuda,
  };
  const unknown = required.filter((name) => !candidates[name]);
  if (unknown.length) {
    throw new RangeError(`REQUIRE_BACKENDS names "${unknown}": known are ${Object.keys(candidates)}`);
  }
  const asked = Object.entries(candidates).filter(([name]) => name !== "cuda" || required.includes(name));
  return await Promise.all(
    asked.map(async ([name, make]) => {
      try {
        await (await make()).dispose();
        return { name, ignore: false, make };
      } catch (error) {
        if (required.includes(name)) throw error;
        return { name: `${name}: ${(error as Error).message}`, ignore: true, make };
      }
    }),
  );
}
