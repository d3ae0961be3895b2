import { assertEquals, assertThrows } from "@std/assert";

import { drawnBlocks } from "../../fixtures/goldens/gguf/k_quants_values.ts";
import { encodeTensor, type GgufEncoding } from "./quantize.ts";
import { GgufFile } from "./reader.ts";
import { roundInPlace } from "./rounded.ts";
import { writeGguf } from "./writer.ts";

const folder = new URL("../../fixtures/goldens/gguf/", import.meta.url).pathname;

// made by make_quantized.py with gguf 0.19.0's quantize()
const golden = JSON.parse(Deno.readTextFileSync(`${folder}quantized.json`)) as Record<GgufEncoding, string>;
const valuesOfGolden = () => new Float32Array(Uint8Array.fromHex(golden.F32).buffer);

for (const encoding of ["F32", "F16", "BF16", "Q8_0", "Q4_0"] as const) {
  Deno.test(`encodeTensor() to ${encoding} equals gguf 0.19's quantize() byte for byte`, () => {
    const bytes = encodeTensor(valuesOfGolden(), encoding);
    assertEquals(bytes.toHex(), golden[encoding]);
  });
}

// made by make_k_quants.ts with llama.cpp of node-llama-cpp 3.22.1
const blocksOfLlamaCpp = JSON.parse(Deno.readTextFileSync(`${folder}k_quants.json`)) as Record<
  string,
  string
>;

for (const encoding of ["Q4_K", "Q5_K", "Q6_K", "Q5_0", "Q5_1"] as const) {
  Deno.test(`encodeTensor() to ${encoding} equals llama.cpp's quantiser byte for byte, and no value moves further than roundInPlace() lets it`, () => {
    const bytes = encodeTensor(drawnBlocks(), encoding);
    assertEquals(bytes.toHex(), blocksOfLlamaCpp[encoding]);
    roundInPlace(drawnBlocks(), encoding);
  });
}

Deno.test("writeGguf() writes what the reader finds: every value type, shapes, and padding between tensors", () => {
  const directory = Deno.makeTempDirSync(), path = `${directory}/a.gguf`;
  const values = valuesOfGolden().subarray(0, 96);
  writeGguf(
    path,
    new Map([
      ["general.architecture", { type: "string", value: "llama" }],
      ["a.count", { type: "u32", value: 4294967295 }],
      ["a.below", { type: "i32", value: -3 }],
      ["a.real", { type: "f32", value: 0.5 }],
      ["a.flag", { type: "bool", value: true }],
      ["a.texts", { type: "strings", value: ["", "Ġé", "\n"] }],
      ["a.numbers", { type: "i32s", value: [1, -1] }],
      ["a.scores", { type: "f32s", value: [-1.5] }],
    ]),
    [
      { name: "odd", shape: [3], encoding: "F32", data: () => Float32Array.of(1, 2, 3) },
      { name: "q", shape: [3, 32], encoding: "Q8_0", data: () => values.slice() },
    ],
  );
  using file = new GgufFile(path);
  assertEquals(
    [...file.metadata].map(([key, value]) => [key, typeof value === "object" ? [...value] : value]),
    [
      ["general.architecture", "llama"],
      ["a.count", 4294967295],
      ["a.below", -3],
      ["a.real", 0.5],
      ["a.flag", true],
      ["a.texts", ["", "Ġé", "\n"]],
      ["a.numbers", [1, -1]],
      ["a.scores", [-1.5]],
    ],
  );
  assertEquals([...file.readFloat32("odd")], [1, 2, 3]);
  assertEquals(file.info("q").shape, [3, 32]);
  assertEquals(file.info("q").offset - file.info("odd").offset, 32);
  assertEquals(file.readBytes("q").toHex(), golden.Q8_0.slice(0, 2 * 3 * 34));
  const bad = { name: "w", shape: [2, 33], encoding: "Q4_0" as const, data: () => new Float32Array(66) };
  assertThrows(
    () => writeGguf(path, new Map(), [bad]),
    RangeError,
    "whole blocks of 32: current value is 33",
  );
  const short = { name: "w", shape: [2, 32], encoding: "Q4_0" as const, data: () => new Float32Array(32) };
  assertThrows(() => writeGguf(path, new Map(), [short]), TypeError, "32 values");
  assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["a.gguf"]);
  Deno.removeSync(directory, { recursive: true });
});
