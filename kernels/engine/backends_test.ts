import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { runDeno } from "../../tests/helpers/deno_process.ts";
import { mayHaveGpu } from "../backends/webgpu/adapter/driver.ts";
import { chooseBackend, makeBackend } from "./backends.ts";
import { LINUX } from "../../tests/helpers/system.ts";

const auto = { backend: "auto", provider: "cpu", threads: null } as const;
const gpu = (adapter: unknown) => ({ requestAdapter: () => Promise.resolve(adapter) }) as GPU;

Deno.test("chooseBackend() takes what was asked for", async () => {
  const { choice } = await chooseBackend({ ...auto, backend: "reference" });
  assertEquals(choice, { backend: "reference", provider: "cpu", threads: null });
});

Deno.test("chooseBackend() of auto takes ONNX Runtime without an adapter, with a software one, and with another provider", async () => {
  const none = await chooseBackend(auto, gpu(null));
  assertEquals(none.choice.backend, "onnx");
  assertStringIncludes(none.why, "no GPU adapter was found");
  const software = await chooseBackend(
    auto,
    gpu({ info: { description: "llvmpipe (LLVM 15)", vendor: "", architecture: "" } }),
  );
  assertEquals(software.choice.backend, "onnx");
  assertStringIncludes(software.why, "is a CPU");
  const cuda = await chooseBackend({ ...auto, provider: "cuda" }, gpu(null));
  assertEquals(cuda.choice, { backend: "onnx", provider: "cuda", threads: null });
  const forms = { fp16: true, bf16: true, tf32: false, cuda_tensors: "device" } as const;
  for (const backend of ["auto", "onnx"] as const) {
    const { choice } = await chooseBackend({ ...auto, backend, provider: "cuda", ...forms }, gpu(null));
    const { cuda_tensors: tensors, ...same } = forms;
    assertEquals(choice, { backend: "onnx", provider: "cuda", threads: null, ...same, tensors });
  }
  assertEquals((await chooseBackend({ ...auto, ...forms }, gpu(null))).choice, {
    backend: "onnx",
    provider: "cpu",
    threads: null,
  });
});

Deno.test("chooseBackend() refuses a provider that the backend hasn't, as nothing would use it", async () => {
  for (const backend of ["webgpu", "reference"] as const) {
    for (const provider of ["cuda", "webgpu"] as const) {
      await assertRejects(
        () => chooseBackend({ ...auto, backend, provider }),
        RangeError,
        `Cannot use provider: ${provider} with backend: ${backend}: providers are ONNX Runtime's`,
      );
    }
    assertEquals((await chooseBackend({ ...auto, backend })).choice.backend, backend);
  }
});

Deno.test("chooseBackend() of auto takes ONNX Runtime for weights in few bits, whatever the GPU", async () => {
  const asked = { requestAdapter: () => Promise.reject(new Error("asked for an adapter")) } as unknown as GPU;
  const { choice, why } = await chooseBackend({ ...auto, quantization_bit: 4 }, asked);
  assertEquals([choice.backend, why], ["onnx", "quantization_bit: 4 is ONNX Runtime's"]);
  await assertRejects(() => chooseBackend({ ...auto, quantization_bit: null }, asked), Error, "asked for");
  const webgpu = await chooseBackend({ ...auto, backend: "webgpu", quantization_bit: 4 }, asked);
  assertEquals(webgpu.choice.backend, "webgpu", "what was asked for is refused later, by name");
});

Deno.test("chooseBackend() of auto takes ONNX Runtime for optimizers without kernels, whatever the GPU", async () => {
  const asked = { requestAdapter: () => Promise.reject(new Error("asked for an adapter")) } as unknown as GPU;
  for (const optim of ["adafactor", "sgd", "adagrad", "rmsprop"]) {
    const { choice, why } = await chooseBackend({ ...auto, optim }, asked);
    assertEquals([choice.backend, why], ["onnx", `optim: ${optim} steps what lies in the host's memory`]);
  }
  await assertRejects(() => chooseBackend({ ...auto, optim: "adamw_torch" }, asked), Error, "asked for");
});

Deno.test("chooseBackend() of auto takes ONNX Runtime for stage grpo, whatever the GPU", async () => {
  const asked = { requestAdapter: () => Promise.reject(new Error("asked for an adapter")) } as unknown as GPU;
  const { choice, why } = await chooseBackend({ ...auto, stage: "grpo" }, asked);
  assertEquals([choice.backend, choice.provider], ["onnx", "cpu"]);
  assertEquals(why, "stage: grpo draws answers with an adapter beside the model");
  await assertRejects(() => chooseBackend({ ...auto, stage: "sft" }, asked), Error, "asked for");
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
  assertStringIncludes(why, "Some GPU failed: ");
  assertStringIncludes(why, "it gives no device (device lost)");
});

Deno.test({
  name: `mayHaveGpu() sees device files with no more permission than tasks have${LINUX.why}`,
  ignore: LINUX.ignore,
  fn: async () => {
    const module = new URL("../backends/webgpu/adapter/driver.ts", import.meta.url).href;
    const script = `import { mayHaveGpu } from "${module}";
      console.log(mayHaveGpu(["/dev/no-such-device", "/dev/null"]), mayHaveGpu(["/dev/no-such-device"]));`;
    const permissions = ["--allow-read", "--allow-env", "--allow-ffi", "--allow-sys"];
    const { stdout, stderr } = await runDeno(["run", ...permissions, "--no-check", "--ext=ts", "-"], {
      input: script,
    });
    assertEquals(stdout.trim(), "true false", stderr);
  },
});

for (
  const [provider, hint] of [["cuda", "`deno task doctor` says what is missing"], [
    "webgpu",
    "use backend: webgpu",
  ]] as const
) {
  const there = mayHaveGpu();
  Deno.test({
    name: `makeBackend() says at once what to do where provider ${provider} can't run${
      there ? " (ignored: there may be a GPU)" : ""
    }`,
    ignore: there,
    fn: async () => {
      const error = await assertRejects(
        () => makeBackend({ backend: "onnx", provider, threads: null }),
        Error,
      );
      // Where the library doesn't offer the provider at all it says what it offers.
      assert(error.message.includes(hint) || error.message.includes("this build offers"), error.message);
    },
  });
}
