/**
 * Backends by their names in a configuration.
 * @module
 */
import { entryOf } from "../../formats/elements.ts";
import type { Backend } from "../backend.ts";
import { GraphBuilder } from "../graph.ts";
import { linear } from "../ops/products/products.ts";
import { referenceBackend } from "../backends/reference/mod.ts";
import { mayHaveGpu } from "../backends/webgpu/adapter/driver.ts";
import { driverKind, driverKindText } from "../backends/webgpu/adapter/driver_kinds.ts";
import { isSoftware, webgpuBackend } from "../backends/webgpu/mod.ts";
import type { BackendChoice } from "./host.ts";
import { isOtherRule } from "./optimizer/rules.ts";
import { providerFault } from "./provider_fault.ts";

/**
 * Makes a backend.
 * @throws {Error} If it can't run here; never another one in its place.
 */
export async function makeBackend(
  { backend, provider, threads, fp16, bf16, tf32, tensors, blocks }: BackendChoice,
): Promise<Backend> {
  switch (backend) {
    case "reference":
      return referenceBackend();
    case "onnx": {
      // Loaded when asked for: tasks that list plugins or encode data run without the permission that a library needs.
      const { onnxBackend } = await import("../backends/onnx/mod.ts");
      const made = onnxBackend({
        provider,
        ...(threads !== null && { threads }),
        ...(bf16 ? { half: "bf16" } : fp16 ? { half: "f16" } : {}),
        ...(tf32 !== undefined && { tf32 }),
        ...(tensors === "device" && { memory: "provider" }),
      });
      // Now rather than when the first program is compiled, behind all that was read and written until then.
      if (provider !== "cpu") await tryProvider(made);
      return made;
    }
    case "webgpu":
      return await webgpuBackend({
        half: fp16 ? "rounded" : "exact",
        ...(blocks && { blocks: "hardware" }),
      });
  }
}

/** Runs a product of known numbers. @throws {Error} If the provider can't start, or computes something else. */
async function tryProvider(backend: Backend): Promise<void> {
  const g = new GraphBuilder(), inputs = { x: g.input("x", ["T", 2]), w: g.input("w", [2, 2]) };
  try {
    const program = await backend.compile(g.finish(g.run(linear, inputs)), "first try");
    const given = (values: number[]) => backend.upload(Float32Array.from(values), [2, 2]);
    const outputs = await program.run({ x: given([1, 2, 3, 4]), w: given([1, 1, -1, 2]) });
    const found = [...await backend.download(entryOf(outputs, "y"))].join();
    await program.dispose();
    if (found === "3,3,7,5") return;
    throw new Error(`Cannot trust ${backend.description}: a product that is 3,3,7,5 gives ${found}`);
  } catch (error) {
    await backend.dispose();
    throw error;
  }
}

/** The requested backend; `auto` leaves it to the machine. */
export interface BackendRequest extends Omit<BackendChoice, "backend" | "tensors" | "tf32"> {
  backend: BackendChoice["backend"] | "auto";
  /** As {@linkcode BackendChoice.tf32}; null: absent. */
  tf32?: boolean | null;
  /** Bits of frozen weights: `auto` then is ONNX Runtime, as WebGPU has no fast products of so few. Null: absent. */
  quantization_bit?: 4 | 8 | null;
  /** Name of the optimizer: `auto` is ONNX Runtime for others than AdamW, which have no kernels. Absent: nothing is trained. */
  optim?: string;
  /** Stage of training: `auto` is ONNX Runtime for grpo, whose answers are drawn with an adapter beside the model. Absent: nothing is trained. */
  stage?: string;
  /** {@linkcode BackendChoice.tensors} */
  cuda_tensors?: "host" | "device";
}

/**
 * Resolves `backend: auto`: WebGPU when a hardware adapter passes its self-test, else ONNX Runtime on the CPU. A software
 * adapter is never chosen. `why` says what was found, in words.
 * @throws {RangeError} If a provider is given to a backend that has none.
 */
export async function chooseBackend(
  request: BackendRequest,
  gpu: GPU | undefined = mayHaveGpu() ? (navigator as Partial<Navigator>).gpu : undefined,
): Promise<{ choice: BackendChoice; why: string }> {
  const { backend, provider, threads, tf32 } = request, fault = providerFault(request);
  if (fault !== null) throw new RangeError(fault);
  const isCuda = provider === "cuda" && backend !== "webgpu";
  // The CPU's provider rounds as well, for tests and to try a device's programs by; a run there has float32.
  const rounded = request.fp16 && (backend !== "onnx" || isCuda) ? { fp16: true } : {};
  const cuda = !isCuda ? {} : {
    ...(request.bf16 && { bf16: true }),
    ...(typeof tf32 === "boolean" && { tf32 }),
    ...(request.cuda_tensors === "device" && { tensors: "device" as const }),
  };
  if (backend !== "auto") {
    return { choice: { backend, provider, threads, ...rounded, ...cuda }, why: "asked for" };
  }
  const onnx = (why: string) => ({
    choice: { backend: "onnx" as const, provider, threads, ...(provider === "cuda" && rounded), ...cuda },
    why,
  });
  if (provider !== "cpu") return onnx(`provider ${provider} was asked for`);
  if (request.quantization_bit) {
    return onnx(`quantization_bit: ${request.quantization_bit} is ONNX Runtime's`);
  }
  if (request.optim !== undefined && isOtherRule(request.optim)) {
    return onnx(`optim: ${request.optim} steps what lies in the host's memory`);
  }
  if (request.stage === "grpo") return onnx("stage: grpo draws answers with an adapter beside the model");
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    const kind = driverKind();
    return onnx(`no GPU adapter was found${kind === null ? "" : ` (${driverKindText(kind)})`}`);
  }
  const name = adapter.info.description || adapter.info.device || "unnamed adapter";
  if (isSoftware(adapter.info)) return onnx(`the only GPU adapter, ${name}, is a CPU`);
  try {
    await (await webgpuBackend({ gpu })).dispose();
    return {
      choice: { backend: "webgpu", provider, threads, ...rounded },
      why: `${name} passed its self-test`,
    };
  } catch (error) {
    return onnx(`${name} failed: ${error instanceof Error ? error.message : error}`);
  }
}
