import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { runDeno } from "../../tests/helpers/deno_process.ts";
import type { Backend } from "../backend.ts";
import { KERNELS, referenceBackend } from "../mod.ts";
import { targets } from "./aim.ts";
import { testBackends } from "./backends.ts";

const names = (aim: Parameters<typeof targets>[1]) =>
  targets(KERNELS, aim).map(({ kernel, samples }) => [kernel.name, samples.map(({ note }) => note)]);

Deno.test("targets() are every kernel and sample, or those that are named", () => {
  assertEquals(targets(KERNELS, {}).length, KERNELS.length);
  assertEquals(
    targets(KERNELS, {}).flatMap(({ samples }) => samples).length,
    KERNELS.flatMap(({ samples }) => samples).length,
  );
  assertEquals(names({ KERNEL: "rms_norm", SAMPLE: "EPS matters" }), [["rms_norm", ["eps matters"]]]);
  assertEquals(names({ KERNEL: "matmul, linear", SAMPLE: "one row" }), [
    ["linear", ["one row"]],
    ["matmul", ["one row"]],
  ]);
});

Deno.test("targets() refuses what matches nothing, with the nearest name", () => {
  assertThrows(() => names({ KERNEL: "rms_nrom" }), RangeError, 'did you mean "rms_norm"?');
  assertThrows(() => names({ KERNEL: "rms_norm", SAMPLE: "eps maters" }), RangeError, 'mean "eps matters"?');
});

/** Backends that are all the reference; `made` notes which were tried. */
function sources(software: string | null, made: string[] = []) {
  const make = (name: string) => () => {
    made.push(name);
    return Promise.resolve<Backend>(referenceBackend());
  };
  return {
    make: { reference: make("reference"), onnx: make("onnx"), webgpu: make("webgpu"), cuda: make("cuda") },
    softwareAdapter: () => Promise.resolve(software),
  };
}

const tested = (backends: { name: string; ignore: boolean }[]) =>
  backends.filter(({ ignore }) => !ignore).map(({ name }) => name);

Deno.test("testBackends() takes an adapter that is a CPU only when asked, and says so without trying it", async () => {
  const made: string[] = [], plain = await testBackends({}, sources("llvmpipe", made));
  assertEquals(tested(plain), ["reference", "onnx"]);
  assertEquals(made, ["reference", "onnx"]);
  assertEquals(
    plain[2]?.name,
    "webgpu: the only adapter, llvmpipe, is a CPU; deno task test:all or BACKENDS=webgpu takes it",
  );
  for (const choice of [{ TEST_ALL: "1" }, { REQUIRE_BACKENDS: "onnx,webgpu" }]) {
    assertEquals(tested(await testBackends(choice, sources("llvmpipe"))), ["reference", "onnx", "webgpu"]);
  }
  assertEquals(tested(await testBackends({}, sources(null))), ["reference", "onnx", "webgpu"]);
});

Deno.test("testBackends() keeps to BACKENDS, and fails where a named one can't run or is unknown", async () => {
  const only = await testBackends({ BACKENDS: "webgpu" }, sources("llvmpipe"));
  assertEquals(tested(only), ["webgpu"]);
  assertEquals(only[0]?.name, "reference: left out by BACKENDS");
  await assertRejects(() => testBackends({ BACKENDS: "webgp" }, sources(null)), RangeError, 'mean "webgpu"?');
  const broken = sources(null);
  broken.make.webgpu = () => Promise.reject(new Error("no adapter was found"));
  await assertRejects(() => testBackends({ BACKENDS: "webgpu" }, broken), Error, "no adapter was found");
  assertEquals((await testBackends({}, broken))[2]?.name, "webgpu: no adapter was found");
});

Deno.test("a variable that matches nothing ends a test file with its message, not with a stack", async () => {
  const { code, all } = await runDeno(["test", "-A", "--no-check", "kernels/contract_test.ts"], {
    env: { KERNEL: "rms_nrom" },
  });
  assertEquals(code, 1);
  assertEquals(
    all.match(/^error: Cannot aim tests by KERNEL: "rms_nrom" is unknown - did you mean "rms_norm"\?/gm)
      ?.length,
    1,
  );
  assertEquals(/^ +at /m.test(all), false, all);
});
