import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { SafetensorsFile, type TensorData, type TensorToWrite, writeSafetensors } from "./mod.ts";

const GOLDENS = new URL("../../fixtures/goldens/", import.meta.url);
const golden = (path: string) => decodeURIComponent(new URL(path, GOLDENS).pathname);

function withTempDir(fn: (directory: string) => void): () => void {
  return () => {
    const directory = Deno.makeTempDirSync();
    try {
      fn(directory);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  };
}

Deno.test("SafetensorsFile reads names, shapes and values that PyTorch wrote", () => {
  using file = new SafetensorsFile(golden("tiny/qwen2/model/model.safetensors"));
  assertEquals(file.metadata, { format: "pt" });
  assertEquals(file.info("model.embed_tokens.weight").shape, [128, 32]);
  assertEquals(file.info("model.layers.1.self_attn.k_proj.bias"), {
    name: "model.layers.1.self_attn.k_proj.bias",
    dtype: "F32",
    shape: [16],
    offset: file.info("model.layers.1.self_attn.k_proj.bias").offset,
    byteLength: 64,
  });
  assertEquals(file.readFloat32("model.embed_tokens.weight").length, 128 * 32);
});

Deno.test("readFloat32() of bfloat16 equals the float32 weights rounded to 8 bits of fraction", () => {
  using exact = new SafetensorsFile(golden("tiny/qwen2/model/model.safetensors"));
  using rounded = new SafetensorsFile(golden("tiny/qwen2/model-bf16/model.safetensors"));
  assertEquals([...rounded.tensors.keys()].sort(), [...exact.tensors.keys()].sort());
  let changed = 0;
  for (const name of exact.tensors.keys()) {
    assertEquals(rounded.info(name).dtype, "BF16");
    const a = exact.readFloat32(name), b = rounded.readFloat32(name);
    assertEquals(b.length, a.length);
    for (let i = 0; i < a.length; i++) {
      // Nearest of 8 significant bits: at most 2^-8 relative from the float32 value.
      assert(Math.abs(a[i]! - b[i]!) <= Math.abs(a[i]!) * 2 ** -8, `${name}[${i}]: ${a[i]} ${b[i]}`);
      if (a[i] !== b[i]) changed++;
    }
  }
  assert(changed > 10_000);
});

Deno.test(
  "writeSafetensors() writes what PyTorch wrote, byte for byte",
  withTempDir((directory) => {
    for (
      const path of ["tiny/qwen2/model/model.safetensors", "peft/rslora/adapter/adapter_model.safetensors"]
    ) {
      using file = new SafetensorsFile(golden(path));
      const tensors = [...file.tensors.values()].reverse().map((info): TensorToWrite => ({
        ...info,
        data: () => file.readFloat32(info.name),
      }));
      const copy = join(directory, "copy.safetensors");
      writeSafetensors(copy, tensors);
      assert(equalBytes(Deno.readFileSync(copy), Deno.readFileSync(golden(path))), path);
    }
    using file = new SafetensorsFile(golden("tiny/qwen2/model/model.safetensors"));
    const copy = join(directory, "bf16.safetensors");
    writeSafetensors(
      copy,
      [...file.tensors.values()].map((info) => ({
        ...info,
        dtype: "BF16",
        data: () => file.readFloat32(info.name),
      })),
    );
    const expected = Deno.readFileSync(golden("tiny/qwen2/model-bf16/model.safetensors"));
    assert(equalBytes(Deno.readFileSync(copy), expected), "converted to bfloat16 as PyTorch does");
  }),
);

Deno.test(
  "every dtype goes there and back",
  withTempDir((directory) => {
    const path = join(directory, "all.safetensors");
    const values: [string, TensorData][] = [
      ["F64", new Float64Array([Math.PI, -0])],
      ["F32", new Float32Array([1.5, NaN])],
      ["I64", new BigInt64Array([-(2n ** 63n), 5n])],
      ["I32", new Int32Array([-(2 ** 31), 7])],
      ["F16", new Uint16Array([0x3c00, 0xc000])],
      ["BF16", new Uint16Array([0x3f80, 0xc000])],
      ["U8", new Uint8Array([0, 255])],
      ["BOOL", new Uint8Array([0, 1])],
    ];
    writeSafetensors(
      path,
      values.map(([dtype, data]) => ({ name: dtype, dtype, shape: [2, 1], data: () => data })),
    );
    using file = new SafetensorsFile(path);
    for (const [dtype, data] of values) {
      const read = file.read(dtype);
      assertEquals(read.constructor, data.constructor);
      assertEquals(read.length, 2);
      for (let i = 0; i < 2; i++) assert(Object.is(read[i], data[i]), `${dtype}[${i}]`);
    }
    assertEquals(file.readFloat32("F64")[0], Math.fround(Math.PI));
    assertEquals([...file.readFloat32("F16")], [1, -2]);
    assertEquals([...file.readFloat32("BF16")], [1, -2]);
    assertThrows(() => file.readFloat32("I64"), TypeError, 'tensor "I64"');
    assertThrows(() => file.readFloat32("F65"), RangeError, 'did you mean "F64"?');
  }),
);

Deno.test(
  "a half tensor of several chunks is read and written whole",
  withTempDir((directory) => {
    const path = join(directory, "big.safetensors");
    const data = new Float32Array(5_000_003).map((_, i) => (i % 2003) - 1000);
    writeSafetensors(path, [
      { name: "a", dtype: "F16", shape: [data.length], data: () => data },
      { name: "b", dtype: "BF16", shape: [3], data: () => new Float32Array([1, 2, 3]) },
    ]);
    using file = new SafetensorsFile(path);
    assert(equalBytes(new Uint8Array(file.readFloat32("a").buffer), new Uint8Array(data.buffer)));
    assertEquals([...file.readFloat32("b")], [1, 2, 3]);
  }),
);

Deno.test(
  "writeSafetensors() refuses data that don't fit and leaves the old file",
  withTempDir((directory) => {
    const path = join(directory, "a.safetensors");
    Deno.writeTextFileSync(path, "old");
    const tensor = (dtype: string, data: TensorData) => [{ name: "w", dtype, shape: [2], data: () => data }];
    assertThrows(() => writeSafetensors(path, tensor("F32", new Float32Array(3))), TypeError, 'tensor "w"');
    assertThrows(() => writeSafetensors(path, tensor("F32", new Int32Array(2))), TypeError, "Int32Array");
    assertThrows(() => writeSafetensors(path, tensor("I32", new Float32Array(2))), TypeError, "Float32Array");
    assertThrows(() => writeSafetensors(path, tensor("F33", new Float32Array(2))), RangeError, "F33");
    const twice = [...tensor("F32", new Float32Array(2)), ...tensor("F32", new Float32Array(2))];
    assertThrows(() => writeSafetensors(path, twice), RangeError, "comes twice");
    assertEquals(Deno.readTextFileSync(path), "old");
    assertEquals([...Deno.readDirSync(directory)].length, 1);
  }),
);

/** A file of 16 data bytes (unless told) with this header. */
function build(header: unknown, options: { data?: number; length?: bigint } = {}): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + (options.data ?? 16));
  new DataView(bytes.buffer).setBigUint64(0, options.length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const t = (dtype: unknown, shape: unknown, ...offsets: unknown[]) => ({
  dtype,
  shape,
  data_offsets: offsets,
});

const BAD: [string, Uint8Array, string][] = [
  ["an empty file", new Uint8Array(0), "it has 0 bytes"],
  ["seven bytes", new Uint8Array(7), "it has 7 bytes"],
  ["a header longer than the file", build({}, { length: 1000n }), "truncated"],
  ["a header longer than allowed", build({}, { length: 2n ** 63n }), "at most 100000000"],
  ["a header that is no JSON", build("{nope}"), "no valid JSON"],
  ["a header that is no UTF-8", build("{}").map((byte, i) => i === 9 ? 0xff : byte), "no valid JSON"],
  ["a header that is a list", build("[]"), "no JSON object"],
  ["metadata that aren't strings", build({ __metadata__: { a: 1 } }), "__metadata__"],
  ["a tensor without description", build({ w: 3 }), 'tensor "w" has no description'],
  ["an unknown dtype", build({ w: t("F31", [4], 0, 16) }), 'tensor "w" has the unknown dtype "F31"'],
  ["a dtype named like a method", build({ w: t("toString", [4], 0, 16) }), "unknown dtype"],
  ["a negative size", build({ w: t("F32", [-4], 0, 16) }), "w.shape holds -4"],
  ["a fractional size", build({ w: t("F32", [4.5], 0, 16) }), "w.shape holds 4.5"],
  ["offsets that run backwards", build({ w: t("F32", [4], 16, 0) }), "data_offsets [16, 0]"],
  ["one offset", build({ w: t("F32", [4], 16) }), "data_offsets [16]"],
  ["no offsets", build({ w: { dtype: "F32", shape: [4] } }), "data_offsets missing"],
  [
    "a shape that needs more bytes",
    build({ w: t("F32", [5], 0, 16) }),
    "needs 20 bytes, its data_offsets hold 16",
  ],
  [
    "a shape that overflows",
    build({ w: t("F32", [2 ** 40, 2 ** 40], 0, 16) }),
    "impossible shape [1099511627776,",
  ],
  ["a tensor outside the file", build({ w: t("F32", [8], 0, 32) }), "outside the file"],
  [
    "overlapping tensors",
    build({ a: t("F32", [2], 0, 8), b: t("F32", [3], 4, 16) }),
    'tensor "b" overlaps tensor "a" by 4',
  ],
  [
    "a hole",
    build({ a: t("F32", [1], 0, 4), b: t("F32", [2], 8, 16) }),
    '4 bytes between tensor "a" and tensor "b"',
  ],
  ["a hole in front", build({ a: t("F32", [3], 4, 16) }), "4 bytes between the header"],
  ["bytes at the end", build({ a: t("F32", [3], 0, 12) }), "4 bytes after"],
  [
    "a name that comes twice",
    build(
      '{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}',
    ),
    "comes twice",
  ],
];

for (const [what, bytes, message] of BAD) {
  Deno.test(
    `SafetensorsFile refuses ${what}`,
    withTempDir((directory) => {
      const path = join(directory, "bad.safetensors");
      Deno.writeFileSync(path, bytes);
      const error = assertThrows(
        () => new SafetensorsFile(path),
        SyntaxError,
        `Cannot read ${path} as safetensors`,
      );
      assertStringIncludes(error.message, message);
    }),
  );
}

Deno.test(
  "SafetensorsFile accepts the empty file, scalars and empty tensors",
  withTempDir((directory) => {
    const path = join(directory, "a.safetensors");
    Deno.writeFileSync(path, build({}, { data: 0 }));
    new SafetensorsFile(path).close();
    Deno.writeFileSync(
      path,
      build({ b: t("F32", [], 0, 4), a: t("F32", [0, 3], 4, 4), c: t("F32", [3], 4, 16) }),
    );
    using file = new SafetensorsFile(path);
    assertEquals([...file.readFloat32("b")], [0]);
    assertEquals(file.readFloat32("a").length, 0);
  }),
);

Deno.test("every truncation of a valid file is refused", () => {
  const bytes = build({ a: t("F32", [2], 0, 8), b: t("F16", [4], 8, 16) });
  const path = Deno.makeTempFileSync();
  try {
    for (let length = 0; length < bytes.length; length++) {
      Deno.writeFileSync(path, bytes.subarray(0, length));
      assertThrows(() => new SafetensorsFile(path), SyntaxError, "Cannot read");
    }
  } finally {
    Deno.removeSync(path);
  }
});

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Headers that the Rust library takes and we don't, with the reason. */
const STRICTER: Readonly<Record<string, string>> = {
  "an unknown field twice": "names that come twice are refused wherever they stand",
  "a tensor twice, alike": "the Rust library keeps one of them without a word; the format forbids it",
  "a tensor twice, escaped": "the same",
  "metadata with a key twice": "the same",
  "a tensor as a list": "an accident of Rust's deserializer; the format has an object",
  "dtype as an object": "the same; the format has a text",
  "a product that overflows by the bytes of a value": "sizes from 2^53 on aren't exact here",
  "size 2^53": "the same",
  "size 2^53 + 1": "the same",
  "size 2^64 - 1": "the same",
};

Deno.test(
  "SafetensorsFile takes and refuses the edge headers that the Rust library takes and refuses",
  withTempDir((directory) => {
    const path = join(directory, "edge.safetensors");
    const { cases } = JSON.parse(Deno.readTextFileSync(golden("safetensors/headers.json"))) as {
      cases: { name: string; header: string; data: number; taken: boolean }[];
    };
    const differing = cases.filter(({ header, data, taken }) => {
      Deno.writeFileSync(path, build(header, { data }));
      try {
        new SafetensorsFile(path).close();
        return !taken;
      } catch (error) {
        assertStringIncludes((error as Error).message, `Cannot read ${path} as safetensors: `);
        return taken;
      }
    });
    assert(cases.length > 120);
    assertEquals(differing.map(({ name }) => name), Object.keys(STRICTER));
  }),
);
