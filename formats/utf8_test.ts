import { assertEquals, assertThrows } from "@std/assert";

import { decodeUtf8 } from "./utf8.ts";
import { parseYaml, readYaml } from "./yaml/yaml.ts";

Deno.test("decodeUtf8() leaves out a byte order mark and names line and column of what isn't UTF-8", () => {
  const bytes = (...parts: (string | number[])[]) =>
    Uint8Array.from(
      parts.flatMap((part) => typeof part === "string" ? [...new TextEncoder().encode(part)] : part),
    );
  assertEquals(decodeUtf8(bytes([0xef, 0xbb, 0xbf], "a: é\n"), "f", "YAML"), "a: é\n");
  assertThrows(
    () => decodeUtf8(bytes("ä: ö\r\nname: caf", [0xe9], "\nb: 1\n"), "f.yaml", "YAML"),
    SyntaxError,
    "Cannot read f.yaml:2:10 as YAML: it is not UTF-8: save it as UTF-8",
  );
  // cut in the middle of a character
  assertThrows(() => decodeUtf8(bytes("ab", [0xc3]), "f", "JSON"), SyntaxError, "Cannot read f:1:3 as JSON");
  assertThrows(
    () => decodeUtf8(bytes([0xff, 0xfe, 0x61, 0x00]), "f", "YAML"),
    SyntaxError,
    "Cannot read f:1:1 as YAML: it is not UTF-8, the file is UTF-16: save it as UTF-8",
  );
});

Deno.test("a YAML file in Latin-1 is refused, not read with another text in it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/t.yaml`;
    await Deno.writeFile(path, Uint8Array.from([0x61, 0x3a, 0x20, 0xe9, 0x0a]));
    assertThrows(() => readYaml(path), SyntaxError, `Cannot read ${path}:1:4 as YAML: it is not UTF-8`);
    assertEquals(parseYaml("a: é\n", path).value, { a: "é" });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
