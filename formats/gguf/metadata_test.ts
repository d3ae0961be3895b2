import { assertEquals } from "@std/assert";

import { readGgufMetadata } from "./mod.ts";
import { buildGguf, ggufGolden, withGguf } from "./_gguf_builder.ts";

/** Lists of numbers as plainValue ones. */
const plainValue = (value: unknown): unknown =>
  Array.isArray(value) || ArrayBuffer.isView(value)
    ? Array.from<unknown>(value as []).map(plainValue)
    : value;

Deno.test("readGgufMetadata() reads every value type, in version 2 too", () => {
  const { values, arrays } = JSON.parse(Deno.readTextFileSync(ggufGolden("gguf/metadata.json")));
  const check = (path: string) => {
    const metadata = readGgufMetadata(path);
    assertEquals(metadata.get("general.architecture"), "llama");
    for (const [key, value] of Object.entries(values)) {
      const wide = key === "UINT64" || key === "INT64";
      assertEquals(metadata.get(`value.${key}`), wide ? BigInt(value as string) : value, key);
    }
    for (const [key, value] of Object.entries<unknown[]>(arrays)) {
      const expected = key === "truths" ? value.map(Number) : value; // kept as bytes
      assertEquals(plainValue(metadata.get(`array.${key}`)), expected, key);
    }
  };
  check(ggufGolden("gguf/metadata.gguf"));
  const bytes = Deno.readFileSync(ggufGolden("gguf/metadata.gguf"));
  bytes[4] = 2; // versions 2 and 3 differ in nothing but the number (3 allows big-endian)
  withGguf(bytes, check);
});

Deno.test("texts of a header are what the platform's decoder makes of them, short and long, whole and damaged", () => {
  const encoder = new TextEncoder(), decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const texts = [
    ...[
      "",
      "a",
      "\0\x7f",
      "Ġhello",
      "é\u0080\u07ff",
      "\u0800中€",
      "🙂",
      "\ufeffa",
      `${"Ġ".repeat(12)}`,
      `${"é".repeat(13)}`,
    ]
      .map((text) => [...encoder.encode(text)]),
    // Without an end or a beginning, longer than needed, a surrogate, no UTF-8 at all.
    ...[[0xc4], [0xa0, 0x61], [0xc0, 0x80], [0xc1, 0xbf], [0xc4, 0x41], [0xed, 0xa0, 0x80], [0xff], [
      0x61,
      0xc4,
    ]],
  ];
  const builder = buildGguf().head(0, 1).text("list").u32(9).u32(8).u64(texts.length);
  for (const text of texts) builder.text(text);
  withGguf(builder.data(0), (path) => {
    const expected = texts.map((text) => decoder.decode(new Uint8Array(text)));
    assertEquals(readGgufMetadata(path).get("list"), expected);
  });
});
