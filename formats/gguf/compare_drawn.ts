/**
 * Compares drawn blocks of fixtures/goldens/gguf/make_drawn.py with the values beside them, by their bits.
 *
 *     deno run -A formats/gguf/compare_drawn.ts /tmp/drawn
 *
 * It prints a line a type, such as `tensor.Q3_K: 307200 values, 0 differ`, and ends with 1 where one differs.
 * @module
 */
import { SafetensorsFile } from "../safetensors/mod.ts";
import { GgufFile } from "./mod.ts";

const [stem = ""] = Deno.args;
using file = new GgufFile(`${stem}.gguf`);
using expected = new SafetensorsFile(`${stem}.safetensors`);
let all = 0;
for (const name of file.tensors.keys()) {
  const [found, wanted] = [file, expected].map((from) => new Uint32Array(from.readFloat32(name).buffer));
  const differ = found!.reduce((sum, bits, i) => sum + (bits === wanted![i] ? 0 : 1), 0);
  console.log(`${name}: ${found!.length} values, ${differ} differ`);
  all += differ;
}
if (all > 0) Deno.exit(1);
