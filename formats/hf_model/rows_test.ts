/** Rows and packed matrices of weight sources against whole tensors. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { sharedForSmollm2, SMOLLM2 } from "../../tests/helpers/shared_data.ts";
import { GgufFile } from "../gguf/mod.ts";
import { unpacked } from "../packed/mod.ts";
import { openModel } from "./mod.ts";

const GOLDENS = new URL("../../fixtures/goldens/", import.meta.url).pathname;
const Q = "model.layers.1.self_attn.q_proj.weight";

for (const model of ["gguf/llama3.gguf", "gguf/qwen3.gguf", "tiny/llama/model"]) {
  Deno.test(`rows() of ${model} are those of the whole tensor, in transformers' order`, async () => {
    const { weights } = await openModel(join(GOLDENS, model));
    for (const name of ["model.embed_tokens.weight", Q]) {
      const whole = weights.read(name), columns = weights.shape(name)![1]!;
      for (const rows of [[5, 0, 5], [whole.length / columns - 1], []]) {
        const expected = rows.flatMap((row) => [...whole.subarray(row * columns, (row + 1) * columns)]);
        assertEquals([...weights.rows(name, rows)], expected, name);
      }
    }
    assertEquals(weights.packed(Q), null);
    weights.close();
  });
}

/** Types whose groups of 16 share a scale with a neighbour when they are packed, see packed.ts and packed_values.ts of the format. */
const ROUNDED = new Set(["Q6_K", "Q3_K", "Q2_K", "IQ2_XS", "IQ2_S", "IQ1_M", "NVFP4"]);

Deno.test("readPacked() and readRows() of a file give what readFloat32() gives", () => {
  using file = new GgufFile(join(GOLDENS, "gguf/quants.gguf"));
  for (const name of file.tensors.keys()) {
    const values = file.readFloat32(name), packed = file.readPacked(name);
    assertEquals(packed === null, ["tensor.F32", "tensor.F16", "tensor.BF16"].includes(name), name);
    assertEquals(
      [...file.readRows(name, [2, 0])],
      [...values.subarray(1024), ...values.subarray(0, 512)],
      name,
    );
    if (packed === null) continue;
    const ours = unpacked(packed), share = ROUNDED.has(name.slice(7)) ? 0.51 / 127 : 1e-6;
    // A minimum may be larger than what is left of it; without one, a group's largest value decides.
    const length = packed.minima ? values.length : 32;
    for (let first = 0; first < values.length; first += length) {
      const part = values.subarray(first, first + length);
      const tolerance = share * part.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
      part.forEach((v, i) => assert(Math.abs(ours[first + i]! - v) <= tolerance, `${name} ${first + i}`));
    }
  }
});

const { ignore, why } = sharedForSmollm2("goldens/smollm2/generate.json");

Deno.test({
  name: `packed() gives rows of q in transformers' order${why}`,
  ignore,
  fn: async () => {
    const { weights } = await openModel(SMOLLM2);
    const values = weights.read(Q), packed = weights.packed(Q)!;
    assertEquals([packed.bits, packed.rows, packed.columns], [4, 576, 576]);
    unpacked(packed).forEach((v, i) =>
      assert(Math.abs(v - values[i]!) <= 1e-6, `value ${i}: ${v}, ${values[i]}`)
    );
    weights.close();
  },
});
