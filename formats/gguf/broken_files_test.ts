import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { ggufConfig, GgufFile, readGgufMetadata } from "./mod.ts";
import { buildGguf, ggufGolden, withGguf, withSparse } from "./_gguf_builder.ts";

const BAD: [string, Uint8Array, string][] = [
  ["an empty file", new Uint8Array(0), "it has 0 bytes"],
  ["another file", new Uint8Array(64).fill(80), "doesn't begin with the letters GGUF"],
  ["version 1", buildGguf().head(0, 0, 1).data(64), "its version is 1"],
  ["a big-endian file", buildGguf().head(0, 0, 0x03000000).data(64), "big-endian"],
  ["too many tensors", buildGguf().head(2n ** 60n, 0).data(64), "the number of tensors"],
  ["too many pairs", buildGguf().head(0, 2n ** 60n).data(64), "the number of metadata pairs"],
  [
    "a key longer than the file",
    buildGguf().head(0, 1).u64(2n ** 40n).data(64),
    "the length of metadata key 1 of 1",
  ],
  [
    "an unknown value type",
    buildGguf().head(0, 1).text("a").u32(13).data(64),
    'metadata "a" has the unknown value type 13',
  ],
  [
    "a text longer than the file",
    buildGguf().head(0, 1).text("a").u32(8).u64(1e6).data(64),
    'text "a" is 1000000',
  ],
  [
    "an array longer than the file",
    buildGguf().head(0, 1).text("a").u32(9).u32(4).u64(1e6).data(64),
    'array "a"',
  ],
  [
    "an array of an unknown type",
    buildGguf().head(0, 1).text("a").u32(9).u32(99).u64(1).data(64),
    "value type 99",
  ],
  ["a key that comes twice", buildGguf().head(0, 2).pair("a", 1).pair("a", 2).data(0), 'key "a" comes twice'],
  [
    "an alignment of 24",
    buildGguf().head(0, 1).pair("general.alignment", 24).data(0),
    "general.alignment is 24",
  ],
  [
    "an unknown tensor type",
    buildGguf().head(1, 0).tensor("w", [32], 200, 0).data(64),
    'tensor "w" has the unknown type number 200',
  ],
  [
    "five dimensions",
    buildGguf().head(1, 0).tensor("w", [1, 1, 1, 1, 1], 0, 0).data(64),
    'tensor "w" has 5 dimensions',
  ],
  [
    "an impossible shape",
    buildGguf().head(1, 0).tensor("w", [2 ** 40, 2 ** 40], 0, 0).data(64),
    "impossible shape",
  ],
  ["rows that don't fill blocks", buildGguf().head(1, 0).tensor("w", [33], 8, 0).data(64), "multiple of 32"],
  ["an unaligned tensor", buildGguf().head(1, 0).tensor("w", [4], 0, 4).data(64), "not at a multiple of 32"],
  [
    "a tensor outside the file",
    buildGguf().head(1, 0).tensor("w", [32], 0, 0).data(64),
    'tensor "w" ends at byte',
  ],
  [
    "an offset outside the file",
    buildGguf().head(1, 0).tensor("w", [4], 0, 2n ** 50n).data(64),
    "outside the file",
  ],
  [
    "overlapping tensors",
    buildGguf().head(2, 0).tensor("a", [16], 0, 0).tensor("b", [4], 0, 32).data(64),
    'tensor "b" overlaps tensor "a" by 32',
  ],
  [
    "a tensor that comes twice",
    buildGguf().head(2, 0).tensor("a", [8], 0, 0).tensor("a", [8], 0, 32).data(64),
    '"a" comes twice',
  ],
];

for (const [what, bytes, message] of BAD) {
  Deno.test(`GgufFile refuses ${what}`, () =>
    withGguf(bytes, (path) => {
      const error = assertThrows(() => new GgufFile(path), SyntaxError, `Cannot read ${path} as GGUF`);
      assertStringIncludes(error.message, message);
    }));
}

Deno.test("every truncation of a valid file is refused", () => {
  const bytes = Deno.readFileSync(ggufGolden("gguf/quants.gguf"));
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

Deno.test("ggufConfig() refuses what it doesn't know, by name", () => {
  const model = (architecture: string, ...pairs: [string, string | number][]) => {
    const all: [string, string | number][] = [["general.architecture", architecture], ...pairs];
    const builder = buildGguf().head(1, all.length);
    for (const [key, value] of all) builder.pair(key, value);
    return builder.tensor("token_embd.weight", [8], 0, 0).data(32);
  };
  const sizes: [string, number][] = [["llama.embedding_length", 8], ["llama.attention.head_count", 2]];
  const cases: [Uint8Array, string][] = [
    [model("qwen4"), 'did you mean "qwen2"?'],
    [
      model("gemma3n"),
      'its architecture is "gemma3n", a Gemma 3n, whose layers have embeddings of their own and several streams between them: supported are llama, mistral, qwen2, qwen3',
    ],
    [model("phimoe"), 'its architecture is "phimoe", a mixture of experts: supported are'],
    [model("phi2"), "a model before Phi-3, whose blocks add attention and MLP at once: supported are"],
    [model("qwen3moe"), 'its architecture is "qwen3moe", a mixture of experts: supported are'],
    [
      model("deepseek2"),
      "whose keys and values are made of one narrow row (multi-head latent attention): supp",
    ],
    [model("gpt-oss"), 'its architecture is "gpt-oss", a mixture of experts with attention sinks: supported'],
    [model("command-r"), "a Command or Aya, whose norms subtract the mean (LayerNorm) and whose blocks add"],
    [model("gptneox"), "a GPT-NeoX or Pythia, whose norms subtract the mean (LayerNorm), whose MLP has no"],
    [model("llama"), 'no "llama.embedding_length"'],
    [model("llama", ["llama.embedding_length", "8"]), '"llama.embedding_length" is "8"'],
    [model("llama", ["llama.expert_count", 8]), "8 experts"],
    [model("llama", ...sizes, ["llama.attention.value_length", 6]), "value_length is 6, the heads have 4"],
  ];
  for (const [bytes, message] of cases) {
    withGguf(bytes, (path) => {
      using file = new GgufFile(path);
      assertStringIncludes(assertThrows(() => ggufConfig(file), Error, "Cannot open").message, message);
    });
  }
});

Deno.test("GgufFile keeps a list of small numbers as small as it is in the file", () => {
  const count = 50_000_000;
  const header = buildGguf().head(0, 1).text("a").u32(9).u32(0).u64(count).bytes();
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
      buildGguf().head(0, 1).text("a").u32(9).u32(0).u64(G).bytes(),
      'the array "a" is 1073741824, more than a header',
    ],
    [
      "texts",
      buildGguf().head(0, 1).text("a").u32(9).u32(8).u64(G / 8).bytes(),
      "more than a header can hold",
    ],
    [
      "lists",
      buildGguf().head(0, 1).text("a").u32(9).u32(9).u64(G / 16).bytes(),
      "more than a header can hold",
    ],
    [
      "empty lists",
      buildGguf().head(0, 1).text("a").u32(9).u32(9).u64(1e7).bytes(),
      "more than 65536 arrays",
    ],
    [
      "a text",
      buildGguf().head(0, 1).text("a").u32(8).u64(G).bytes(),
      'the text "a" is 1073741824, more than a header',
    ],
    ["tensors", buildGguf().head(G / 32, 0).bytes(), "the number of tensors is 33554432, more than a header"],
    [
      "pairs",
      buildGguf().head(0, G / 16).bytes(),
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
      buildGguf().head(2, 0).tensor(long, [4], 0, 0).tensor(long, [4], 0, 32).data(64),
      buildGguf().head(0, 1).text(long).u32(13).data(64),
      buildGguf().head(1, 0).tensor(long, [4], 99, 0).data(64),
    ]
  ) {
    withGguf(bytes, (path) => {
      const { message } = assertThrows(() => new GgufFile(path), SyntaxError);
      assertEquals(message.length < 500, true, message);
    });
  }
});
