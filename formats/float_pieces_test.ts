/** Tensors piece by piece against the same ones read whole. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { bfloat16ToFloat32 } from "../tests/helpers/bfloat16.ts";
import { temporaryFolder } from "../tests/helpers/temporary_folder.ts";
import { halfToFloat32 } from "./float.ts";
import { type FloatPieces, PIECE_BYTES, wholeBits } from "./float_pieces.ts";
import { GgufFile } from "./gguf/mod.ts";
import { openModel } from "./hf_model/mod.ts";
import { SafetensorsFile, writeSafetensors } from "./safetensors/mod.ts";

const GOLDENS = new URL("../fixtures/goldens/", import.meta.url).pathname;

/** The pieces' values; their bytes are overwritten behind, as their taker may. */
function values({ type, count, pieces }: FloatPieces): { values: Float32Array; sizes: number[] } {
  const all = new Float32Array(count), sizes: number[] = [];
  let start = 0;
  for (const piece of pieces()) {
    const bytes = piece.slice().buffer,
      out = all.subarray(start, start += piece.length / (type === "f32" ? 4 : 2));
    if (type === "f32") out.set(new Float32Array(bytes));
    else (type === "f16" ? halfToFloat32 : bfloat16ToFloat32)(new Uint16Array(bytes), out);
    sizes.push(piece.length);
    piece.fill(255);
  }
  assertEquals(start, count);
  return { values: all, sizes };
}

Deno.test("pieces of every tensor of safetensors and GGUF models are what read() gives, in the file's own form", async () => {
  const types: Record<string, string[]> = {
    "tiny/qwen2/model": ["f32"],
    "tiny/qwen2/model-bf16": ["bf16"],
    "gguf/llama3.gguf": ["f32"],
    "gguf/qwen3.gguf": ["f32"],
  };
  for (const [path, expected] of Object.entries(types)) {
    const { weights } = await openModel(join(GOLDENS, path)), found = new Set<string>();
    for (const name of weights.names()) {
      const pieces = weights.pieces(name);
      found.add(pieces.type);
      assertEquals(values(pieces).values, weights.read(name), `${path}: ${name}`);
      assertEquals(pieces.float32(), weights.read(name), name);
    }
    assertEquals([...found].sort(), expected, path);
    assertThrows(() => weights.pieces("model.norm.wait"), RangeError, "Cannot read tensor");
    weights.close();
  }
  using quants = new GgufFile(join(GOLDENS, "gguf/quants.gguf"));
  for (const name of quants.tensors.keys()) {
    const pieces = quants.pieces(name), own = { "tensor.F16": "f16", "tensor.BF16": "bf16" }[name] ?? "f32";
    assertEquals(pieces.type, own, name);
    assertEquals(values(pieces).values, quants.readFloat32(name), name);
  }
});

Deno.test("pieces are a mebibyte at most, an even number of values but for the last, and a file cut short is named", () => {
  const path = join(temporaryFolder(), "a.safetensors"), count = PIECE_BYTES / 2 + 3;
  const bits = Uint16Array.from({ length: count }, (_, i) => i % 0x7c00);
  const of = (dtype: "BF16" | "F16") => ({ name: dtype, dtype, shape: [count], data: () => bits });
  writeSafetensors(path, [of("BF16"), of("F16"), {
    name: "F64",
    dtype: "F64",
    shape: [3],
    data: () => Float64Array.of(1, 2, 1 / 3),
  }]);
  using file = new SafetensorsFile(path);
  for (const name of ["BF16", "F16"]) {
    const pieces = file.pieces(name), { values: found, sizes } = values(pieces);
    assertEquals(found, file.readFloat32(name));
    assertEquals(sizes, [PIECE_BYTES, 6]);
    assertEquals(wholeBits(pieces), bits);
  }
  assertEquals([...values(file.pieces("F64")).values], [1, 2, Math.fround(1 / 3)]);
  Deno.truncateSync(path, file.headerBytes + PIECE_BYTES);
  const cut = () => [...file.pieces("F16").pieces()];
  assert(file.info("F16").offset + 2 * count > Deno.statSync(path).size);
  assertThrows(cut, SyntaxError, "bytes before the end of what was asked for");
});
