import { assertEquals, assertStringIncludes } from "@std/assert";

import { askPython, checkTorch, type PythonReport } from "./doctor.ts";

const WHOLE: PythonReport = {
  python: "3.11.7",
  executable: "/v/bin/python",
  packages: {
    torch: "2.15.0+cu132",
    transformers: "5.17.0",
    peft: "0.21.2",
    accelerate: null,
    bitsandbytes: null,
    deepspeed: null,
  },
  gpus: ["NVIDIA H100", "NVIDIA H100"],
  nccl: "2.30.7",
};

const works = (report: PythonReport | string) =>
  Object.fromEntries(checkTorch(report).map(({ what, works }) => [what, works]));

Deno.test("checkTorch() says what is there, and the one pip line for all that is missing or too old", () => {
  assertEquals(works(WHOLE), {
    python: true,
    torch: true,
    transformers: true,
    peft: true,
    GPUs: true,
    NCCL: true,
    accelerate: false,
    bitsandbytes: false,
    deepspeed: false,
  });
  const detail = (changes: Partial<PythonReport>, what: string) =>
    checkTorch({ ...WHOLE, ...changes }).find((check) => check.what === what)!.detail;
  assertStringIncludes(detail({}, "GPUs"), "2: NVIDIA H100");
  const packages = { ...WHOLE.packages, transformers: null, peft: null };
  assertEquals(detail({ packages }, "peft"), "missing: /v/bin/python -m pip install transformers peft");
  assertStringIncludes(
    detail({ packages: { ...WHOLE.packages, torch: "2.5.1" } }, "torch"),
    "2.5.1 is too old: /v/bin/python -m pip install 'torch>=2.6'",
  );
  assertStringIncludes(detail({ gpus: [], nccl: null }, "NCCL"), "gloo");
});

Deno.test("askPython() says when there is no such program", async () => {
  const report = await askPython("/no/such/python");
  assertStringIncludes(String(report), "there is no program /no/such/python");
  assertEquals(works(report), { python: false });
});
