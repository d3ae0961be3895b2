import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { checkCuda, type CudaMachine, cudaObstacle, neededLibraries, thisMachine } from "./cuda.ts";

const linux = Deno.build.os === "linux" && Deno.build.arch === "x86_64";

Deno.test({
  name: "neededLibraries() reads what readelf -d shows of the library that is bundled for Linux x86_64",
  fn: () => {
    // The package holds the files of every system.
    const path = join(thisMachine().folder, "onnxruntime_binding.node");
    assertEquals(neededLibraries(path), [
      "libonnxruntime.so.1",
      "libstdc++.so.6",
      "libm.so.6",
      "libgcc_s.so.1",
      "libc.so.6",
    ]);
  },
});

Deno.test("neededLibraries() refuses what isn't a library", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "x".repeat(100));
    assertThrows(() => neededLibraries(path), TypeError, "it isn't a 64-bit ELF file");
    await Deno.writeTextFile(path, "x");
    assertThrows(() => neededLibraries(path), RangeError, "it ends at 1");
  } finally {
    await Deno.remove(path);
  }
});

const NONE = () => ({ major: 0, minor: 0, devices: 0 });

/** A folder with the provider's files, whose CUDA part needs what the given library needs. */
async function machine(files: Record<string, string>, more: Partial<CudaMachine>) {
  const folder = await Deno.makeTempDir();
  for (const [name, from] of Object.entries(files)) await Deno.copyFile(from, join(folder, name));
  const checks = checkCuda({
    folder,
    supported: true,
    needs: () => ["libcublas.so.13", "libcudart.so.13", "libcuda.so.1", "libc.so.6"],
    load: () => null,
    driver: () => ({ major: 13, minor: 0, devices: 1 }),
    ...more,
  });
  await Deno.remove(folder, { recursive: true });
  return { checks, folder };
}

const library = join(thisMachine().folder, "onnxruntime_binding.node");
const BOTH = { "libonnxruntime_providers_shared.so": library, "libonnxruntime_providers_cuda.so": library };

Deno.test("checkCuda() names the provider's files that are missing and their folder", async () => {
  const { checks, folder } = await machine({ "libonnxruntime_providers_shared.so": library }, {});
  assertEquals(cudaObstacle(checks), `put libonnxruntime_providers_cuda.so into ${folder}`);
  assertEquals(checks.map(({ what, works }) => [what, works]), [
    ["provider", false],
    ["CUDA", false],
    ["cuDNN", true],
    ["driver", true],
  ]);
});

Deno.test("checkCuda() passes when all is there, and lets cuDNN be absent", async () => {
  const { checks } = await machine(BOTH, { load: (name) => name.includes("cudnn") ? "absent" : null });
  assertEquals(cudaObstacle(checks), null);
  assertEquals(checks.find(({ what }) => what === "cuDNN")!.works, false);
});

Deno.test("checkCuda() names all of NVIDIA's libraries that the provider needs and that don't load", async () => {
  const { checks } = await machine(BOTH, { load: (name) => /cu|libc\./.test(name) ? "absent" : null });
  const expected = "install libcublas.so.13, libcudart.so.13, and name their folder in LD_LIBRARY_PATH";
  assertEquals(cudaObstacle(checks), expected);
});

Deno.test("checkCuda() says that the driver is too old, and that there is no device", async () => {
  const old = await machine(BOTH, { driver: () => ({ major: 12, minor: 8, devices: 2 }) });
  const expected =
    "update NVIDIA's driver: it is for CUDA up to 12.8, 2 devices, the provider needs libcudart.so.13";
  assertEquals(cudaObstacle(old.checks), expected);
  const none = await machine(BOTH, { driver: NONE });
  assertEquals(cudaObstacle(none.checks), "NVIDIA's driver finds no CUDA device");
});

Deno.test("checkCuda() says that the driver is missing", async () => {
  const { checks } = await machine(BOTH, {
    driver: () => {
      throw new Error("install NVIDIA's driver");
    },
  });
  assertEquals(cudaObstacle(checks), "install NVIDIA's driver");
});

Deno.test("checkCuda() says where CUDA isn't offered", () => {
  const checks = checkCuda({
    folder: "",
    supported: false,
    needs: () => [],
    load: () => null,
    driver: NONE,
  });
  assertStringIncludes(cudaObstacle(checks)!, "use backend: webgpu");
});

Deno.test({
  name: `thisMachine() loads libraries by name, and tells those that aren't there${
    linux ? "" : " (Linux x86_64 only)"
  }`,
  ignore: !linux,
  fn: () => {
    const { load } = thisMachine();
    assertEquals(load("libc.so.6"), null);
    assert(load("libcublas.so.1")!.includes("libcublas.so.1"));
  },
});
