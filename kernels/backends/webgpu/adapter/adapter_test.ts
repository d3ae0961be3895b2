/** WebGPU: adapters that are absent, too small, in software or wrong. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { runDeno } from "../../../../tests/helpers/deno_process.ts";
import { linear } from "../../../ops/products/products.ts";
import { NO_ADAPTER } from "../../../testing/backends.ts";
import { isSoftware, webgpuBackend } from "../mod.ts";
import { driverKindText } from "./driver_kinds.ts";
import { deviceTest } from "../../../../tests/helpers/device_tests.ts";

Deno.test("webgpuBackend() says what to do when there is no WebGPU or no adapter", async () => {
  await assertRejects(() => webgpuBackend({ gpu: undefined }), Error, "this runtime has no navigator.gpu");
  const none = { requestAdapter: () => Promise.resolve(null) } as unknown as GPU;
  const error = await assertRejects(() => webgpuBackend({ gpu: none }), Error, "no adapter was found");
  assertStringIncludes(error.message, "backend: onnx");
});

Deno.test("driverKindText() tells a value that chooses no driver of this system from one that does", () => {
  assertEquals(
    driverKindText(null, "linux"),
    "DENO_WEBGPU_BACKEND isn't set, so every kind of driver was asked",
  );
  for (const none of ["", "metal", "vulcan"]) {
    assertEquals(
      driverKindText(none, "linux"),
      `DENO_WEBGPU_BACKEND is "${none}", so no driver was asked; unset it (on linux it may be vulkan or gl)`,
    );
  }
  for (const [value, os] of [["GL", "linux"], ["metal", "darwin"], ["metal, dx12", "windows"]] as const) {
    assertStringIncludes(
      driverKindText(value, os),
      `is "${value}", so no other kind of driver was asked; unset it`,
    );
  }
});

/** An adapter of a machine that isn't here; `device` is what it gives. */
function adapterWith(limits: Record<string, number>, device: () => Promise<GPUDevice>): GPU {
  const promised = {
    maxStorageBufferBindingSize: 2 ** 27,
    maxStorageBuffersPerShaderStage: 8,
    maxComputeWorkgroupStorageSize: 16_384,
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
  };
  const adapter = {
    info: { description: "Old GPU", vendor: "", architecture: "", device: "" },
    limits: { ...promised, ...limits },
    features: new Set(),
    requestDevice: device,
  };
  return { requestAdapter: () => Promise.resolve(adapter) } as unknown as GPU;
}

Deno.test("webgpuBackend() names an adapter whose limits are too low, and one that gives no device, with the value and what to do", async () => {
  const none = () => Promise.reject(new DOMException("not enough memory left", "OperationError"));
  const found = async (limits: Record<string, number>) =>
    (await assertRejects(() => webgpuBackend({ gpu: adapterWith(limits, none) }), Error)).message;
  for (
    const [name, value, least] of [
      ["maxComputeInvocationsPerWorkgroup", 128, 256],
      ["maxComputeWorkgroupSizeX", 64, 256],
      ["maxComputeWorkgroupStorageSize", 8192, 16_384],
      ["maxStorageBuffersPerShaderStage", 4, 8],
      ["maxStorageBufferBindingSize", 2 ** 20, 2 ** 24],
    ] as const
  ) {
    assertStringIncludes(
      await found({ [name]: value }),
      `Cannot use backend webgpu on Old GPU: its shaders need ${name} of ${least}: current value is ${value}; DENO_WEBGPU_BACKEND `,
    );
  }
  const message = await found({});
  assertStringIncludes(
    message,
    "on Old GPU: it gives no device (not enough memory left); close other programs",
  );
  assertStringIncludes(message, "backend: onnx");
});

Deno.test("webgpuBackend() fails where Deno really finds no adapter", async () => {
  const code = `import { webgpuBackend } from ${JSON.stringify(new URL("../mod.ts", import.meta.url).href)};
    await webgpuBackend().then(() => console.log("made"), (error) => console.log(error.message));`;
  const { stdout } = await runDeno(["eval", code], { env: { DENO_WEBGPU_BACKEND: NO_ADAPTER } });
  assertStringIncludes(
    stdout,
    `Cannot use backend webgpu: no adapter was found: DENO_WEBGPU_BACKEND is "${NO_ADAPTER}", so no driver was asked; unset it (`,
  );
});

Deno.test("isSoftware() knows CPU adapters", () => {
  const info = (description: string) => ({ description, vendor: "", architecture: "" });
  assert(isSoftware(info("llvmpipe (LLVM 15.0.6, 256 bits)")));
  assert(isSoftware(info("SwiftShader Device (Subzero)")));
  assert(isSoftware(info("Microsoft Basic Render Driver")));
  assert(isSoftware({ ...info("x"), isFallbackAdapter: true } as GPUAdapterInfo));
  assert(!isSoftware(info("NVIDIA GeForce RTX 4060 Laptop GPU")));
  assert(!isSoftware(info("Apple M3")));
});

deviceTest("a wrong result in the self-test refuses the adapter", async () => {
  const right = linear.reference;
  const patched: { reference: typeof right } = linear;
  patched.reference = (...given) => ({ y: right(...given).y.map((v) => v + 0.01) });
  try {
    await assertRejects(() => webgpuBackend(), Error, "its self-test of kernel linear gives");
  } finally {
    patched.reference = right;
  }
});
