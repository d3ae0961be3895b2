import { assertEquals } from "@std/assert";

import { libraryMessage } from "./library_message.ts";

// The first is what onnxruntime-node 1.30.0 says of its WebGPU provider without an adapter.
Deno.test("libraryMessage() leaves C++ places out and keeps what went wrong, paths of files included", () => {
  const cases = [
    [
      'Cannot compile program once for ONNX Runtime provider "webgpu"; use backend: webgpu: ' +
      "/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::" +
      "Initialize(const onnxruntime::webgpu::WebGpuContextConfig&)::<lambda()> adapter_result.status == " +
      "wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters",
      'Cannot compile program once for ONNX Runtime provider "webgpu"; use backend: webgpu: Failed to get a WebGPU adapter: No supported adapters',
    ],
    [
      "/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:1778 onnxruntime::Provider& onnxruntime::ProviderLibrary::Get() " +
      "[ONNXRuntimeError] : 1 : FAIL : Failed to load library libonnxruntime_providers_shared.so with error: cannot open " +
      "shared object file: /usr/lib/libonnxruntime_providers_shared.so",
      "[ONNXRuntimeError] : 1 : FAIL : Failed to load library libonnxruntime_providers_shared.so with error: cannot open " +
      "shared object file: /usr/lib/libonnxruntime_providers_shared.so",
    ],
    [
      "install NVIDIA's driver: /usr/lib/libcuda.so.1 isn't found",
      "install NVIDIA's driver: /usr/lib/libcuda.so.1 isn't found",
    ],
  ] as const;
  for (const [raw, expected] of cases) assertEquals(libraryMessage(raw), expected);
});
