import { assertEquals, assertStringIncludes } from "@std/assert";
import { chooseBackend } from "./backends.ts";

const auto = { backend: "auto", provider: "cpu", threads: null } as const;
const gpu = (adapter: unknown) => ({ requestAdapter: () => Promise.resolve(adapter) }) as GPU;

Deno.test("chooseBackend() takes what was asked for", async () => {
  const { choice } = await chooseBackend({ ...auto, backend: "reference" });
  assertEquals(choice, { backend: "reference", provider: "cpu", threads: null });
});

Deno.test("chooseBackend() of auto takes ONNX Runtime without an adapter, with a software one, and with another provider", async () => {
  const none = await chooseBackend(auto, gpu(null));
  assertEquals([none.choice.backend, none.why], ["onnx", "no GPU adapter was found"]);
  const software = await chooseBackend(
    auto,
    gpu({ info: { description: "llvmpipe (LLVM 15)", vendor: "", architecture: "" } }),
  );
  assertEquals(software.choice.backend, "onnx");
  assertStringIncludes(software.why, "is a CPU");
  const cuda = await chooseBackend({ ...auto, provider: "cuda" }, gpu(null));
  assertEquals(cuda.choice, { backend: "onnx", provider: "cuda", threads: null });
});

Deno.test("chooseBackend() of auto falls back to ONNX Runtime when a hardware adapter fails, and says so", async () => {
  const broken = {
    info: { description: "Some GPU", vendor: "x", architecture: "" },
    limits: {},
    features: new Set(),
    requestDevice: () => Promise.reject(new Error("device lost")),
  };
  const { choice, why } = await chooseBackend(auto, gpu(broken));
  assertEquals(choice.backend, "onnx");
  assertStringIncludes(why, "Some GPU failed: device lost");
});
