import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { SafetensorsFile } from "../safetensors/mod.ts";
import { deinterleave, GGML_TYPES, ggufConfig, GgufFile, mapNames, readGgufMetadata } from "./mod.ts";

const golden = (path: string) =>
  decodeURIComponent(new URL(`../../fixtures/goldens/${path}`, import.meta.url).pathname);

function withFile(bytes: Uint8Array, fn: (path: string) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    const path = join(directory, "a.gguf");
    Deno.writeFileSync(path, bytes);
    fn(path);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const SUPPORTED = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]
  .concat(["Q2_K", "Q3_K", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4"])
  .concat(["IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S", "IQ1_M"]);

for (const type of SUPPORTED) {
  Deno.test(`readFloat32() of ${type} equals gguf 0.19's dequantize() bit for bit`, () => {
    using file = new GgufFile(golden("gguf/quants.gguf"));
    using expected = new SafetensorsFile(golden("gguf/quants.safetensors"));
    const name = `tensor.${type}`;
    assertEquals(GGML_TYPES[file.info(name).type]!.name, type);
    assertEquals(file.info(name).shape, [3, 512]);
    assertSameBits(file.readFloat32(name), expected.readFloat32(name), type);
  });
}

Deno.test("any number of blocks at any address, none as well, has the values of gguf 0.19's dequantize()", () => {
  using file = new GgufFile(golden("gguf/quants.gguf"));
  using expected = new SafetensorsFile(golden("gguf/quants.safetensors"));
  for (const type of SUPPORTED) {
    const name = `tensor.${type}`, all = file.readBytes(name), values = expected.readFloat32(name);
    const { blockBytes, blockSize, dequantize } = GGML_TYPES[file.info(name).type]!;
    for (let first = 0; first < 3; first++) {
      for (let count = 0; count <= 3; count++) {
        const blocks = all.subarray(first * blockBytes, (first + count) * blockBytes);
        for (const start of [0, 1, 6]) {
          const place = new Uint8Array(start + blocks.length).subarray(start);
          place.set(blocks);
          const found = new Float32Array(dequantize!(place).slice().buffer);
          const wanted = values.slice(first * blockSize, (first + count) * blockSize);
          assertSameBits(found, wanted, `${count} blocks of ${type} from ${first} on, at ${start}`);
        }
      }
    }
  }
});

Deno.test("the types with dequantisation are those that are promised", () => {
  const able = Object.values(GGML_TYPES).filter((type) => type.dequantize).map((type) => type.name);
  assertEquals(able.sort(), SUPPORTED.toSorted());
});

/** Lists of numbers as plain ones. */
const plain = (value: unknown): unknown =>
  Array.isArray(value) || ArrayBuffer.isView(value) ? Array.from<unknown>(value as []).map(plain) : value;

Deno.test("readGgufMetadata() reads every value type, in version 2 too", () => {
  const { values, arrays } = JSON.parse(Deno.readTextFileSync(golden("gguf/metadata.json")));
  const check = (path: string) => {
    const metadata = readGgufMetadata(path);
    assertEquals(metadata.get("general.architecture"), "llama");
    for (const [key, value] of Object.entries(values)) {
      const wide = key === "UINT64" || key === "INT64";
      assertEquals(metadata.get(`value.${key}`), wide ? BigInt(value as string) : value, key);
    }
    for (const [key, value] of Object.entries<unknown[]>(arrays)) {
      const expected = key === "truths" ? value.map(Number) : value; // kept as bytes
      assertEquals(plain(metadata.get(`array.${key}`)), expected, key);
    }
  };
  check(golden("gguf/metadata.gguf"));
  const bytes = Deno.readFileSync(golden("gguf/metadata.gguf"));
  bytes[4] = 2; // versions 2 and 3 differ in nothing but the number (3 allows big-endian)
  withFile(bytes, check);
});

Deno.test("deinterleave() undoes the converter's order of rows", () => {
  // Two heads of four rows, one column. transformers' row (s, i) of a head is the file's row 2i + s.
  const file = new Float32Array([0, 2, 1, 3, 10, 12, 11, 13]);
  assertEquals([...deinterleave(file, 8, 2)], [0, 1, 2, 3, 10, 11, 12, 13]);
  assertThrows(() => deinterleave(new Float32Array(6), 6, 2), TypeError, "6 rows into 2 heads");
});

for (const name of ["llama3", "qwen2", "qwen3"]) {
  Deno.test(`ggufConfig() and mapNames() give back the ${name} model that was converted`, () => {
    using file = new GgufFile(golden(`gguf/${name}.gguf`));
    using original = new SafetensorsFile(golden(`tiny/${name}/model/model.safetensors`));
    const expected = JSON.parse(Deno.readTextFileSync(golden(`tiny/${name}/model/config.json`)));
    const config = ggufConfig(file);
    for (const [key, value] of Object.entries(config)) {
      if (key === "rms_norm_eps") assertEquals(value, Math.fround(expected[key]));
      else if (key === "head_dim") {
        assertEquals(value, expected[key] ?? expected.hidden_size / expected.num_attention_heads);
      } else assertEquals(value, expected[key], key);
    }
    const { num_attention_heads: heads, num_key_value_heads: keyValueHeads } = expected;
    const sources = mapNames(file.tensors.keys(), expected.model_type, heads, keyValueHeads, file.path);
    assertEquals([...sources.keys()].sort(), [...original.tensors.keys()].sort());
    for (const [target, source] of sources) {
      let values = file.readFloat32(source.name);
      const { shape } = original.info(target);
      assertEquals(file.info(source.name).shape, shape);
      if (source.interleavedHeads) values = deinterleave(values, shape[0]!, source.interleavedHeads);
      assertSameBits(values, original.readFloat32(target), target);
    }
  });
}

Deno.test("mapNames() refuses a tensor without a place, by name", () => {
  const names = ["token_embd.weight", "blk.0.ffn_gate_exps.weight"];
  assertThrows(() => mapNames(names, "llama", 1, 1, "a.gguf"), RangeError, '"blk.0.ffn_gate_exps.weight"');
});

/** Writes the little that the bad cases below need; version 3. */
class Builder {
  #parts: number[] = [];
  u32(value: number): this {
    this.#parts.push(...new Uint8Array(new Uint32Array([value]).buffer));
    return this;
  }
  u64(value: number | bigint): this {
    this.#parts.push(...new Uint8Array(new BigUint64Array([BigInt(value)]).buffer));
    return this;
  }
  text(value: string | readonly number[]): this {
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    this.u64(bytes.length);
    for (const byte of bytes) this.#parts.push(byte);
    return this;
  }
  head(tensors: number | bigint, pairs: number | bigint, version = 3): this {
    return this.u32(0x46554747).u32(version).u64(tensors).u64(pairs);
  }
  pair(key: string, value: string | number): this {
    return typeof value === "string" ? this.text(key).u32(8).text(value) : this.text(key).u32(4).u32(value);
  }
  tensor(name: string, sizes: number[], type: number, offset: number | bigint): this {
    this.text(name).u32(sizes.length);
    for (const size of sizes) this.u64(size);
    return this.u32(type).u64(offset);
  }
  bytes(): Uint8Array {
    return new Uint8Array(this.#parts);
  }
  data(count: number): Uint8Array {
    const start = Math.ceil(this.#parts.length / 32) * 32;
    const bytes = new Uint8Array(start + count);
    bytes.set(this.#parts);
    return bytes;
  }
}

const build = () => new Builder();

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
  const builder = build().head(0, 1).text("list").u32(9).u32(8).u64(texts.length);
  for (const text of texts) builder.text(text);
  withFile(builder.data(0), (path) => {
    const expected = texts.map((text) => decoder.decode(new Uint8Array(text)));
    assertEquals(readGgufMetadata(path).get("list"), expected);
  });
});

const BAD: [string, Uint8Array, string][] = [
  ["an empty file", new Uint8Array(0), "it has 0 bytes"],
  ["another file", new Uint8Array(64).fill(80), "doesn't begin with the letters GGUF"],
  ["version 1", build().head(0, 0, 1).data(64), "its version is 1"],
  ["a big-endian file", build().head(0, 0, 0x03000000).data(64), "big-endian"],
  ["too many tensors", build().head(2n ** 60n, 0).data(64), "the number of tensors"],
  ["too many pairs", build().head(0, 2n ** 60n).data(64), "the number of metadata pairs"],
  [
    "a key longer than the file",
    build().head(0, 1).u64(2n ** 40n).data(64),
    "the length of metadata key 1 of 1",
  ],
  [
    "an unknown value type",
    build().head(0, 1).text("a").u32(13).data(64),
    'metadata "a" has the unknown value type 13',
  ],
  [
    "a text longer than the file",
    build().head(0, 1).text("a").u32(8).u64(1e6).data(64),
    'text "a" is 1000000',
  ],
  [
    "an array longer than the file",
    build().head(0, 1).text("a").u32(9).u32(4).u64(1e6).data(64),
    'array "a"',
  ],
  [
    "an array of an unknown type",
    build().head(0, 1).text("a").u32(9).u32(99).u64(1).data(64),
    "value type 99",
  ],
  ["a key that comes twice", build().head(0, 2).pair("a", 1).pair("a", 2).data(0), 'key "a" comes twice'],
  ["an alignment of 24", build().head(0, 1).pair("general.alignment", 24).data(0), "general.alignment is 24"],
  [
    "an unknown tensor type",
    build().head(1, 0).tensor("w", [32], 200, 0).data(64),
    'tensor "w" has the unknown type number 200',
  ],
  [
    "five dimensions",
    build().head(1, 0).tensor("w", [1, 1, 1, 1, 1], 0, 0).data(64),
    'tensor "w" has 5 dimensions',
  ],
  [
    "an impossible shape",
    build().head(1, 0).tensor("w", [2 ** 40, 2 ** 40], 0, 0).data(64),
    "impossible shape",
  ],
  ["rows that don't fill blocks", build().head(1, 0).tensor("w", [33], 8, 0).data(64), "multiple of 32"],
  ["an unaligned tensor", build().head(1, 0).tensor("w", [4], 0, 4).data(64), "not at a multiple of 32"],
  [
    "a tensor outside the file",
    build().head(1, 0).tensor("w", [32], 0, 0).data(64),
    'tensor "w" ends at byte',
  ],
  [
    "an offset outside the file",
    build().head(1, 0).tensor("w", [4], 0, 2n ** 50n).data(64),
    "outside the file",
  ],
  [
    "overlapping tensors",
    build().head(2, 0).tensor("a", [16], 0, 0).tensor("b", [4], 0, 32).data(64),
    'tensor "b" overlaps tensor "a" by 32',
  ],
  [
    "a tensor that comes twice",
    build().head(2, 0).tensor("a", [8], 0, 0).tensor("a", [8], 0, 32).data(64),
    '"a" comes twice',
  ],
];

for (const [what, bytes, message] of BAD) {
  Deno.test(`GgufFile refuses ${what}`, () =>
    withFile(bytes, (path) => {
      const error = assertThrows(() => new GgufFile(path), SyntaxError, `Cannot read ${path} as GGUF`);
      assertStringIncludes(error.message, message);
    }));
}

Deno.test("every truncation of a valid file is refused", () => {
  const bytes = Deno.readFileSync(golden("gguf/quants.gguf"));
  // All lengths of the header, some of the data.
  const lengths = Array.from({ length: 1100 }, (_, i) => i).concat([5000, 20000, bytes.length - 64]);
  const path = Deno.makeTempFileSync();
  try {
    for (const length of lengths) {
      Deno.writeFileSync(path, bytes.subarray(0, length));
      assertThrows(() => new GgufFile(path), SyntaxError, "Cannot read");
    }
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("readFloat32() names a known type that isn't supported", () =>
  withFile(build().head(1, 0).tensor("w", [256], 15, 0).data(320), (path) => {
    using file = new GgufFile(path);
    assertThrows(() => file.readFloat32("w"), TypeError, 'tensor "w"');
    assertThrows(() => file.readFloat32("w"), TypeError, "its type is Q8_K");
    assertThrows(() => file.readFloat32("v"), RangeError, 'did you mean "w"?');
  }));

Deno.test("ggufConfig() refuses what it doesn't know, by name", () => {
  const model = (architecture: string, ...pairs: [string, string | number][]) => {
    const all: [string, string | number][] = [["general.architecture", architecture], ...pairs];
    const builder = build().head(1, all.length);
    for (const [key, value] of all) builder.pair(key, value);
    return builder.tensor("token_embd.weight", [8], 0, 0).data(32);
  };
  const sizes: [string, number][] = [["llama.embedding_length", 8], ["llama.attention.head_count", 2]];
  const cases: [Uint8Array, string][] = [
    [model("qwen4"), 'did you mean "qwen2"?'],
    [model("gemma3"), 'its architecture is "gemma3": supported are llama, mistral, qwen2, qwen3'],
    [model("llama"), 'no "llama.embedding_length"'],
    [model("llama", ["llama.embedding_length", "8"]), '"llama.embedding_length" is "8"'],
    [model("llama", ["llama.expert_count", 8]), "8 experts"],
    [model("llama", ...sizes, ["llama.attention.value_length", 6]), "value_length is 6, the heads have 4"],
  ];
  for (const [bytes, message] of cases) {
    withFile(bytes, (path) => {
      using file = new GgufFile(path);
      assertStringIncludes(assertThrows(() => ggufConfig(file), Error, "Cannot open").message, message);
    });
  }
});

function assertSameBits(actual: Float32Array, expected: Float32Array, what: string): void {
  assertEquals(actual.length, expected.length, what);
  const a = new Uint32Array(actual.buffer, actual.byteOffset, actual.length);
  const b = new Uint32Array(expected.buffer, expected.byteOffset, expected.length);
  const index = a.findIndex((bits, i) => bits !== b[i]);
  assert(index < 0, `${what}: value ${index} is ${actual[index]}, expected ${expected[index]}`);
}

/** A file of `size` bytes, all zero (and not on the disk) behind a header. */
function withSparse(header: Uint8Array, size: number, check: (path: string) => void): void {
  withFile(header, (path) => {
    Deno.truncateSync(path, size);
    check(path);
  });
}

Deno.test("GgufFile keeps a list of small numbers as small as it is in the file", () => {
  const count = 50_000_000;
  const header = build().head(0, 1).text("a").u32(9).u32(0).u64(count).bytes();
  withSparse(header, header.length + count, (path) => {
    const before = Deno.memoryUsage();
    const list = readGgufMetadata(path).get("a");
    const after = Deno.memoryUsage();
    assertEquals(list instanceof Uint8Array && list.length, count);
    assertEquals(after.heapUsed - before.heapUsed < 20e6, true, "numbers of 8 bytes each on the heap");
  });
});

Deno.test("GgufFile refuses a header that no model has before it fills the memory", () => {
  const G = 1 << 30;
  const cases: [string, Uint8Array, string][] = [
    [
      "bytes",
      build().head(0, 1).text("a").u32(9).u32(0).u64(G).bytes(),
      'the array "a" is 1073741824, more than a header',
    ],
    ["texts", build().head(0, 1).text("a").u32(9).u32(8).u64(G / 8).bytes(), "more than a header can hold"],
    ["lists", build().head(0, 1).text("a").u32(9).u32(9).u64(G / 16).bytes(), "more than a header can hold"],
    ["empty lists", build().head(0, 1).text("a").u32(9).u32(9).u64(1e7).bytes(), "more than 65536 arrays"],
    [
      "a text",
      build().head(0, 1).text("a").u32(8).u64(G).bytes(),
      'the text "a" is 1073741824, more than a header',
    ],
    ["tensors", build().head(G / 32, 0).bytes(), "the number of tensors is 33554432, more than a header"],
    [
      "pairs",
      build().head(0, G / 16).bytes(),
      "the number of metadata pairs is 67108864, more than a header",
    ],
  ];
  for (const [what, header, message] of cases) {
    withSparse(header, 2 * G, (path) => {
      const error = assertThrows(() => new GgufFile(path), SyntaxError, `Cannot read ${path} as GGUF: `);
      assertStringIncludes(error.message, message, what);
    });
  }
});

Deno.test("GgufFile's messages stay short for any names in a file", () => {
  const long = "n".repeat(60_000);
  for (
    const bytes of [
      build().head(2, 0).tensor(long, [4], 0, 0).tensor(long, [4], 0, 32).data(64),
      build().head(0, 1).text(long).u32(13).data(64),
      build().head(1, 0).tensor(long, [4], 99, 0).data(64),
    ]
  ) {
    withFile(bytes, (path) => {
      const { message } = assertThrows(() => new GgufFile(path), SyntaxError);
      assertEquals(message.length < 500, true, message);
    });
  }
});
