import type { Backend } from "../backend.ts";
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

/** Backends in tests. `REQUIRE_BACKENDS=onnx,webgpu` turns an absent one into a failure. */
export async function testBackends(): Promise<TestBackend[]> {
  const required = (Deno.env.get("REQUIRE_BACKENDS") ?? "").split(",").map((s) => s.trim()).filter(Boolean);
  const candidates: Record<string, () => Promise<Backend>> = {
    reference: () => Promise.resolve(referenceBackend()),
    onnx: () => Promise.resolve(onnxBackend()),
    webgpu: () => webgpuBackend(),
  };
  const unknown = required.filter((name) => !candidates[name]);
  if (unknown.length) {
    throw new RangeError(`REQUIRE_BACKENDS names "${unknown}": known are ${Object.keys(candidates)}`);
  }
  return await Promise.all(
    Object.entries(candidates).map(async ([name, make]) => {
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
