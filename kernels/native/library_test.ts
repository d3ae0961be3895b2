import { assertEquals, assertStringIncludes } from "@std/assert";
import { nativeLibrary, nativeLibraryAt } from "./mod.ts";

const url = import.meta.resolve("./linux-x64.so"), here = nativeLibrary();

Deno.test("nativeLibraryAt() says why there is no library: system, processor, place, file", async () => {
  const why = (place: Partial<Parameters<typeof nativeLibraryAt>[0]>) =>
    nativeLibraryAt({ url, os: "linux", arch: "x86_64", ...place }).reason ?? "";
  assertEquals(why({ os: "darwin" }), "there is none for darwin on x86_64");
  assertEquals(why({ arch: "aarch64" }), "there is none for linux on aarch64");
  assertStringIncludes(why({ url: "https://example.com/linux-x64.so" }), "isn't on this machine");
  if (Deno.build.os !== "linux") return;
  const file = await Deno.makeTempFile();
  try {
    assertStringIncludes(why({ url: `file://${file}` }), file);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test({
  name: `nativeLibrary() is the file beside it, found once (${here.reason ?? "here"})`,
  ignore: here.path === null,
  fn() {
    assertEquals(`file://${here.path}`, url);
    assertEquals(nativeLibrary(), here);
  },
});
