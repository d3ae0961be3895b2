import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import denoConfig from "../../../../deno.json" with { type: "json" };
import { runDeno } from "../../../../tests/helpers/deno_process.ts";
import {
  availableProviders,
  beginLibrary,
  libraryPath,
  openLibrary,
  openLibraryAt,
  ORT_VERSION,
} from "./mod.ts";

const { library, reason } = openLibrary();

Deno.test({
  name: `openLibrary() opens the pinned version, which has the CPU's provider (${reason ?? "here"})`,
  ignore: library === null,
  async fn() {
    assertEquals(await beginLibrary(), true);
    assertEquals(denoConfig.imports["onnxruntime-node"], `npm:onnxruntime-node@${ORT_VERSION}`);
    assertEquals(library?.version, ORT_VERSION);
    assertEquals(availableProviders(library!).includes("CPUExecutionProvider"), true);
    assertEquals(openLibrary().library, library);
  },
});

/** A package's folder with a library of one system in it. */
async function packageWith(file: string) {
  const folder = await Deno.makeTempDir(), path = join(folder, "bin", "napi-v9", file);
  await Deno.mkdir(join(path, ".."), { recursive: true });
  await Deno.writeTextFile(path, "no library");
  return {
    entry: join(folder, "dist", "index.js"),
    path,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

Deno.test("libraryPath() finds each system's file in the package, under any version of the binding", async () => {
  for (
    const [os, arch, file] of [
      ["linux", "x86_64", "linux/x64/libonnxruntime.so.1"],
      ["linux", "aarch64", "linux/arm64/libonnxruntime.so.1"],
      ["darwin", "aarch64", "darwin/arm64/libonnxruntime.1.30.0.dylib"],
      ["windows", "x86_64", "win32/x64/onnxruntime.dll"],
    ] as const
  ) {
    await using made = await packageWith(file);
    assertEquals(libraryPath({ entry: made.entry, os, arch }), made.path);
  }
});

Deno.test("openLibraryAt() says why a library can't be called: none for the system, not a library, another version", async () => {
  const { entry } = library
    ? { entry: join(library.path, "../../../../../dist/index.js") }
    : { entry: "/none/dist/i.js" };
  const why = (place: Partial<ReturnType<Parameters<typeof openLibraryAt>[0]>>) =>
    openLibraryAt(() => ({ entry, ...Deno.build, version: ORT_VERSION, ...place })).reason ?? "";
  assertStringIncludes(why({ os: "freebsd" }), "onnxruntime-node has no library for freebsd");
  assertStringIncludes(
    why({ entry: "/none/dist/index.js" }),
    `no library for ${Deno.build.os} ${Deno.build.arch}`,
  );
  if (library) {
    assertMatch(why({ version: "1.29.0" }), /is version 1\.30\.0, and 1\.29\.0 is what can be called/);
  }
  await using made = await packageWith("linux/x64/libonnxruntime.so.1");
  assertStringIncludes(
    openLibraryAt(() => ({ entry: made.entry, os: "linux", arch: "x86_64", version: ORT_VERSION })).reason ??
      "",
    made.path,
  );
});

Deno.test({
  name: "openLibraryAt() doesn't ask for a permission that isn't there, and names it",
  permissions: { ffi: false, read: true },
  ignore: library === null,
  async fn() {
    assertEquals(await beginLibrary(), false);
    const entry = join(library!.path, "../../../../../dist/index.js");
    const { reason } = openLibraryAt(() => ({ entry, ...Deno.build, version: ORT_VERSION }));
    assertEquals(reason, `Deno may not open ${library!.path}: run with --allow-ffi`);
  },
});

Deno.test({
  name: `beginLibrary() lets a process end meanwhile, by itself or by a fault (${reason ?? "here"})`,
  ignore: library === null,
  async fn() {
    const module = JSON.stringify(import.meta.resolve("./library.ts"));
    const ended = async (end: string, delay: number) => {
      const code =
        `import { beginLibrary } from ${module}; beginLibrary(); setTimeout(() => { ${end} }, ${delay})`;
      return (await runDeno(["eval", "--no-check", code])).code;
    };
    const delays = [1, 15, 30, 45],
      codes = await Promise.all(
        delays.map((delay, i) => i % 2 ? ended("Deno.exit(3)", delay) : ended("throw new Error()", delay)),
      );
    assertEquals(codes, [1, 3, 1, 3]);
  },
});
