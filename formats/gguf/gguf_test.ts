import { assert, assertEquals, assertThrows } from "@std/assert";

import { SafetensorsFile } from "../safetensors/mod.ts";
import { deinterleave, GGML_TYPES, ggufConfig, GgufFile, mapNames } from "./mod.ts";
import { buildGguf, ggufGolden, withGguf } from "./_gguf_builder.ts";

const SUPPORTED = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]
  .concat(["Q2_K", "Q3_K", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4"])
  .concat(["IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S", "IQ1_M"]);

for (const type of SUPPORTED) {
  Deno.test(`readFloat32() of ${type} equals gguf 0.19's dequantize() bit for bit`, () => {
    using file = new GgufFile(ggufGolden("gguf/quants.gguf"));
    using expected = new SafetensorsFile(ggufGolden("gguf/quants.safetensors"));
    const name = `tensor.${type}`;
    assertEquals(GGML_TYPES[file.info(name).type]!.name, type);
    assertEquals(file.info(name).shape, [3, 512]);
    assertSameBits(file.readFloat32(name), expected.readFloat32(name), type);
  });
}

Deno.test("any number of blocks at any address, none as well, has the values of gguf 0.19's dequantize()", () => {
  using file = new GgufFile(ggufGolden("gguf/quants.gguf"));
  using expected = new SafetensorsFile(ggufGolden("gguf/quants.safetensors"));
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

Deno.test("deinterleave() undoes the converter's order of rows", () => {
  // Two heads of four rows, one column. transformers' row (s, i) of a head is the file's row 2i + s.
  const file = new Float32Array([0, 2, 1, 3, 10, 12, 11, 13]);
  assertEquals([...deinterleave(file, 8, 2)], [0, 1, 2, 3, 10, 11, 12, 13]);
  assertThrows(() => deinterleave(new Float32Array(6), 6, 2), TypeError, "6 rows into 2 heads");
});

for (const name of ["llama3", "qwen2", "qwen3"]) {
  Deno.test(`ggufConfig() and mapNames() give back the ${name} model that was converted`, () => {
    using file = new GgufFile(ggufGolden(`gguf/${name}.gguf`));
    using original = new SafetensorsFile(ggufGolden(`tiny/${name}/model/model.safetensors`));
    const expected = JSON.parse(Deno.readTextFileSync(ggufGolden(`tiny/${name}/model/config.json`)));
    const config = ggufConfig(file);
    for (const [key, value] of Object.entries(config)) {
      if (key === "rms_norm_eps") assertEquals(value, Math.fround(expected[key]));
      else if (key === "head_dim") {
        assertEquals(value, expected[key] ?? expected.hidden_size / expected.num_attention_heads);
      } else assertEquals(value, expected[key], key);
    }
    const { num_attention_heads: heads, num_key_value_heads: keyValueHeads } = expected;
    const sources = mapNames(file.tensors.keys(), {
      architecture: expected.model_type,
      heads,
      keyValueHeads,
      path: file.path,
    });
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
  for (const name of ["blk.0.ffn_gate_exps.weight", "blk.0.constructor.weight", "toString"]) {
    const names = ["token_embd.weight", name];
    assertThrows(
      () => mapNames(names, { architecture: "llama", heads: 1, keyValueHeads: 1, path: "a.gguf" }),
      RangeError,
      `tensor "${name}" has no place in it`,
    );
  }
});

Deno.test("readFloat32() names a known type that isn't supported", () =>
  withGguf(buildGguf().head(1, 0).tensor("w", [256], 15, 0).data(320), (path) => {
    using file = new GgufFile(path);
    assertThrows(() => file.readFloat32("w"), TypeError, 'tensor "w"');
    assertThrows(() => file.readFloat32("w"), TypeError, "its type is Q8_K");
    assertThrows(() => file.readFloat32("v"), RangeError, 'did you mean "w"?');
  }));

function assertSameBits(actual: Float32Array, expected: Float32Array, what: string): void {
  assertEquals(actual.length, expected.length, what);
  const a = new Uint32Array(actual.buffer, actual.byteOffset, actual.length);
  const b = new Uint32Array(expected.buffer, expected.byteOffset, expected.length);
  const index = a.findIndex((bits, i) => bits !== b[i]);
  assert(index < 0, `${what}: value ${index} is ${actual[index]}, expected ${expected[index]}`);
}
