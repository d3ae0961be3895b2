import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { testWebGpu } from "../kernels/testing/backends.ts";
import { runDeno, taskWords } from "../tests/helpers/deno_process.ts";
import { doctor, doctorText } from "./doctor.ts";

Deno.test("doctor() proves the reference and onnx on the CPU, and says why others don't work", async () => {
  const { name, ignore, make } = await testWebGpu();
  const report = await doctor(ignore ? () => Promise.reject(new Error(name)) : make);
  const works = (name: string) => report.backends.find((check) => check.name === name)?.works;
  assertEquals(works("backend: reference"), true);
  assertEquals(works("backend: onnx, provider: cpu"), true);
  for (const { works, detail } of report.backends) if (!works) assert(detail.length > 10);
  assert(/^(onnx|webgpu), because /.test(report.auto), report.auto);
  assert(report.memory.total > 2 ** 28);
  assertStringIncludes(doctorText(report), report.versions.deno!);
});

const { name, ignore } = await testWebGpu();
Deno.test({
  name: `deno task doctor says nothing of a desktop where there is none${ignore ? `: ${name}` : ""}`,
  ignore,
  fn: async () => {
    const { PATH = "", HOME = "", DENO_DIR } = Deno.env.toObject();
    const { code, stderr } = await runDeno(taskWords("doctor", "--json"), {
      clearEnv: true,
      env: { PATH, HOME, ...(DENO_DIR !== undefined && { DENO_DIR }) },
    });
    assertEquals([code, stderr.includes("XDG_RUNTIME_DIR")], [0, false], stderr);
  },
});
