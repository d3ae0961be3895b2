/** Every kernel's shaders through two compilers of WGSL that aren't each other's: Deno's (naga) and Chromium's (Tint). */
import { assert, assertEquals } from "@std/assert";
import { BENCH_CASES } from "../kernels/bench_cases.ts";
import type { Kernel, Sample } from "../kernels/kernel.ts";
import { KERNELS } from "../kernels/ops/mod.ts";
import { blockShader } from "../kernels/backends/webgpu/blocks/blocks_shader.ts";
import { SUBGROUPS } from "../kernels/backends/webgpu/adapter/subgroups.ts";
import { chromiumPath } from "../tasks/common/chromium.ts";
import { pageWithGpu } from "./helpers/chromium_gpu.ts";
import { LARGE_MODELS, modelDispatches } from "./helpers/model_plans.ts";

/**
 * Shader texts with a label each: of all samples, of the bench's sizes and of large models' programs, frozen weights in float32 and in float16, without subgroup
 * functions and for subgroups of 4 and of 32, outputs where their inputs stand; `enable` is the line that one compiler demands for these and the other refuses.
 */
async function shaders(enable: boolean): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const add = (kernel: Kernel, { dims, attrs = {} }: Pick<Sample, "dims" | "attrs">) => {
    for (const half of [new Set<string>(), new Set(kernel.halves)]) {
      const forms = [0, 4, 32].map((least) => ({ subgroups: least ? { least, enable } : undefined }));
      const inPlace = new Set(Object.keys(kernel.inPlace ?? {}));
      for (const more of [...forms, { workgroupBytes: 2 ** 15 }, { inPlace }]) {
        const limits = { bindingBytes: 2 ** 27, workgroupBytes: 2 ** 14, half, ...more };
        for (const { code, label } of kernel.wgsl(dims, attrs, limits).dispatches) {
          found.set(code, `${kernel.name}: ${label} ${JSON.stringify(dims)}`);
        }
      }
    }
  };
  found.set(blockShader().code, "blocks of a GGUF file");
  for (const kernel of KERNELS) for (const sample of kernel.samples) add(kernel, sample);
  for (const { kernel, dims, attrs } of BENCH_CASES) {
    add(kernel, { dims: dims(4096), ...(attrs && { attrs }) });
  }
  // the smallest and the widest: of the others come other sizes in the same texts
  const models = Object.entries(LARGE_MODELS).filter(([name]) =>
    Deno.env.has("TEST_ALL") || name === "SmolLM2-135M" || name === "Mistral-7B"
  );
  for (const [name, config] of models) {
    for (
      const [rows, half, least] of [[1, true, 32], [37, false, 4], [1024, true, 0], [8192, true, 32]] as const
    ) {
      const limits = { bindingBytes: 2 ** 31 - 256, ...(least && { subgroups: { least, enable } }) };
      for (const { where, given } of await modelDispatches(config, rows, half, limits)) {
        found.set(given.code, `${name}: ${where}`);
      }
    }
  }
  return found;
}

const WRONG = "@compute @workgroup_size(1) fn main() { let x: u32 = 1.5; }";
/** A mistake among subgroup functions, with or without the line that enables them. */
const wrongSubgroups = (enable: string) =>
  `${enable}@compute @workgroup_size(1) fn main() { let x = subgroupShuffleXor(1.5, true); }`;
const usesHalf = (code: string) => code.startsWith("enable f16;");
const usesSubgroups = (code: string) => code.includes("subgroupShuffleXor(");

/** The wrong texts, and nothing else, are to be refused. */
function checkProblems(problems: readonly string[], subgroups: boolean): void {
  assertEquals(problems.map((problem) => /^wrong[^:]*: /.exec(problem)?.[0] ?? problem.slice(0, 200)), [
    ...(subgroups ? ["wrong subgroups: "] : []),
    "wrong: ",
  ]);
}

const gpu = (navigator as Partial<Navigator>).gpu, adapter = await gpu?.requestAdapter() ?? null;
Deno.test({
  name: `every kernel's shaders compile in Deno${adapter ? "" : ": there is no WebGPU adapter"}`,
  ignore: adapter === null,
  fn: async () => {
    const half = adapter!.features.has("shader-f16"), all = await shaders(false);
    const features = half ? ["shader-f16" as const] : [];
    // Granted where it isn't listed.
    const withSubgroups = { requiredFeatures: [...features, SUBGROUPS] };
    const granted = await adapter!.requestDevice(withSubgroups).catch(() => null);
    const device = granted ??
      await (await gpu!.requestAdapter())!.requestDevice({ requiredFeatures: features });
    const problems: string[] = [];
    for (
      const [code, label] of [...all, [wrongSubgroups(""), "wrong subgroups"], [WRONG, "wrong"]] as const
    ) {
      if (usesHalf(code) && !half || usesSubgroups(code) && granted === null) continue;
      device.pushErrorScope("validation");
      device.createShaderModule({ code });
      const error = await device.popErrorScope();
      if (error) problems.push(`${label}: ${error.message}`);
    }
    device.destroy();
    await device.lost;
    assert(all.size > 150, `${all.size} shaders`);
    checkProblems(problems, granted !== null);
  },
});

const path = chromiumPath();
Deno.test({
  name: `every kernel's shaders compile in Chromium${
    path ? "" : ": none is installed (DINOTUNE_CHROMIUM names one)"
  }`,
  ignore: path === undefined,
  fn: async () => {
    const { page, close } = await pageWithGpu(path!);
    try {
      const given = [
        ...await shaders(true),
        [wrongSubgroups("enable subgroups;\n"), "wrong subgroups"],
        [WRONG, "wrong"],
      ] as [string, string][];
      const { found, subgroups } = await page.evaluate(async (given) => {
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
        if (!adapter) return { found: ["no adapter"], subgroups: false };
        const known = ["shader-f16", "subgroups"].filter((name) => adapter.features.has(name));
        const device = await adapter.requestDevice({ requiredFeatures: known });
        const found: string[] = [];
        for (const [code, label] of given) {
          if (code.startsWith("enable f16;") && !known.includes("shader-f16")) continue;
          if (code.includes("subgroupShuffleXor(") && !known.includes("subgroups")) continue;
          const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
          const error = messages.find(({ type }) => type === "error");
          if (error) found.push(`${label}: ${error.message}`);
        }
        return { found, subgroups: known.includes("subgroups") };
      }, given);
      checkProblems(found, subgroups);
    } finally {
      await close();
    }
  },
});
