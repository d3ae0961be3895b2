/** Merged adapters beside the sums W + s B A, written out here, over the tiny model's files. */
import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";

import { item } from "../../../formats/elements.ts";
import { openModel } from "../../../formats/hf_model/mod.ts";
import { loraNames, readAdapter } from "../../../formats/peft/mod.ts";
import { TINY, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { moduleShapes } from "../decoder/decoder.ts";
import { withMerged } from "./merged_weights.ts";

Deno.test("adapters are merged in turn into the modules that they name, and the hash tells", async () => {
  const { weights } = await openModel(`${TINY}qwen2/model`), { config } = tinyModel("qwen2");
  try {
    const folder = `${TINY}qwen2/adapter`, shapes = moduleShapes(config);
    const [once, twice] = [[folder], [folder, folder]].map((all) => withMerged(weights, all, config));
    const { modules } = readAdapter(folder, shapes);
    for (const [module, { a, b, r, scale }] of modules) {
      const name = `${module}.weight`, base = weights.read(name);
      const [rows, columns] = shapes.get(module)!;
      for (const [times, merged] of [[1, once!], [2, twice!]] as const) {
        const read = merged.read(name),
          bytes = [...merged.pieces(name).pieces()].flatMap((part) => [...part]);
        assertEquals(new Float32Array(Uint8Array.from(bytes).buffer), read);
        assertEquals([...merged.rows(name, [1])], [...read.subarray(columns, 2 * columns)]);
        for (let o = 0; o < rows; o += 5) {
          for (let i = 0; i < columns; i += 3) {
            let sum = 0;
            for (let k = 0; k < r; k++) sum += item(b, o * r + k) * item(a, k * columns + i);
            const expected = item(base, o * columns + i) + times * scale * sum;
            assertAlmostEquals(item(read, o * columns + i), expected, 1e-6, loraNames(module).a);
          }
        }
      }
    }
    assertEquals(once!.read("model.norm.weight"), weights.read("model.norm.weight"));
    assertEquals(withMerged(weights, [], config), weights);
    assertNotEquals(once!.hash(), weights.hash());
    assertNotEquals(once!.hash(), twice!.hash());
  } finally {
    weights.close();
  }
});
