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
    const most = values.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
    // Q6_K alone is rounded again, see packed.ts.
    const tolerance = most * (name === "tensor.Q6_K" ? 0.51 / 127 : 1e-6);
    unpacked(packed).forEach((v, i) => assert(Math.abs(v - values[i]!) <= tolerance, `${name} ${i}`));
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
