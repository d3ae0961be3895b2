/** Every kernel's shaders through two compilers of WGSL that aren't each other's: Deno's (naga) and Chromium's (Tint). */
import { assert, assertEquals } from "@std/assert";
import { chromium } from "playwright-core";
import { BENCH_CASES } from "../kernels/bench_cases.ts";
import type { Kernel, Sample } from "../kernels/kernel.ts";
import { KERNELS } from "../kernels/ops/mod.ts";
import { chromiumPath } from "../tasks/common/chromium.ts";

/** Shader texts with a label each: of all samples and of the bench's sizes, frozen weights in float32 and in float16. */
function shaders(): Map<string, string> {
  const found = new Map<string, string>();
  const add = (kernel: Kernel, { dims, attrs = {} }: Pick<Sample, "dims" | "attrs">) => {
    for (const half of [new Set<string>(), new Set(kernel.halves)]) {
      for (const workgroupBytes of [2 ** 14, 2 ** 15]) {
        const limits = { bindingBytes: 2 ** 27, workgroupBytes, half };
        for (const { code, label } of kernel.wgsl(dims, attrs, limits).dispatches) {
          found.set(code, `${kernel.name}: ${label} ${JSON.stringify(dims)}`);
        }
      }
    }
  };
  for (const kernel of KERNELS) for (const sample of kernel.samples) add(kernel, sample);
  for (const { kernel, dims, attrs } of BENCH_CASES) {
    add(kernel, { dims: dims(4096), ...(attrs && { attrs }) });
  }
  return found;
}

const WRONG = "@compute @workgroup_size(1) fn main() { let x: u32 = 1.5; }";
const usesHalf = (code: string) => code.startsWith("enable f16;");

const gpu = (navigator as Partial<Navigator>).gpu, adapter = await gpu?.requestAdapter() ?? null;
Deno.test({
  name: `every kernel's shaders compile in Deno${adapter ? "" : ": there is no WebGPU adapter"}`,
  ignore: adapter === null,
  fn: async () => {
    const half = adapter!.features.has("shader-f16"), all = shaders();
    const device = await adapter!.requestDevice({ requiredFeatures: half ? ["shader-f16"] : [] });
    const problems: string[] = [];
    for (const [code, label] of [...all, [WRONG, "wrong"] as const]) {
      if (usesHalf(code) && !half) continue;
      device.pushErrorScope("validation");
      device.createShaderModule({ code });
      const error = await device.popErrorScope();
      if (error) problems.push(`${label}: ${error.message}`);
    }
    device.destroy();
    await device.lost;
    assert(all.size > 150, `${all.size} shaders`);
    // The last one is to be refused.
    assertEquals(problems.map((problem) => problem.slice(0, 200)).slice(0, -1), []);
    assert(problems.at(-1)?.startsWith("wrong: "));
  },
});

const path = chromiumPath();
Deno.test({
  name: `every kernel's shaders compile in Chromium${
    path ? "" : ": none is installed (DINOTUNE_CHROMIUM names one)"
  }`,
  ignore: path === undefined,
  fn: async () => {
    const browser = await chromium.launch({
      executablePath: path!,
      args: [
        "--no-sandbox",
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
        "--enable-features=Vulkan",
      ],
    });
    try {
      const page = await browser.newPage();
      // navigator.gpu is there in a secure context only; no request leaves the process.
      await page.route(
        "https://localhost/**",
        (route) => route.fulfill({ body: "<!doctype html>", contentType: "text/html" }),
      );
      await page.goto("https://localhost/");
      const given = [...shaders(), [WRONG, "wrong"]] as [string, string][];
      const problems = await page.evaluate(async (given) => {
        interface Messages {
          messages: { type: string; message: string }[];
        }
        interface Compiler {
          createShaderModule(of: { code: string }): { getCompilationInfo(): Promise<Messages> };
        }
        interface Adapter {
          features: Set<string>;
          requestDevice(of: { requiredFeatures: string[] }): Promise<Compiler>;
        }
        const { gpu } = navigator as unknown as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
        const adapter = await gpu?.requestAdapter();
        if (!adapter) return ["no adapter"];
        const half = adapter.features.has("shader-f16");
        const device = await adapter.requestDevice({ requiredFeatures: half ? ["shader-f16"] : [] });
        const found: string[] = [];
        for (const [code, label] of given) {
          if (code.startsWith("enable f16;") && !half) continue;
          const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
          const error = messages.find(({ type }) => type === "error");
          if (error) found.push(`${label}: ${error.message}`);
        }
        return found;
      }, given);
      assertEquals(problems.slice(0, -1), []);
      assert(problems.at(-1)?.startsWith("wrong: "), `${problems}`);
    } finally {
      await browser.close();
    }
  },
});
