/** Weights of folders that GPTQ quantised, as its writers lay them out (fixtures/goldens/gptq/make_layouts.py). */
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { item } from "../elements.ts";
import { gptqShapes, gptqTensors } from "../gptq/mod.ts";
import { unpacked } from "../packed/mod.ts";
import { writeSafetensors } from "../safetensors/mod.ts";
import { openModel } from "./mod.ts";

const golden = new URL("../../fixtures/goldens/gptq/", import.meta.url).pathname;
const layouts = JSON.parse(Deno.readTextFileSync(join(golden, "layouts.json"))) as Record<
  string,
  { outputs: number; inputs: number; values: string }
>;
/** Layouts that stay in few bits, and whether they have minima there. */
const PACKED = new Map([["sym4", false], ["sym8_v2", false], ["asym4", true], ["asym8", true]]);

for (const [name, { outputs, inputs, values }] of Object.entries(layouts)) {
  Deno.test(`GPTQ's layout ${name} gives its values, whole, by rows, in pieces and packed`, async () => {
    const expected = new Float32Array(Uint8Array.fromHex(values).buffer);
    const { weights, config } = await openModel(join(golden, name));
    assertEquals(config.quantization_config, undefined);
    // a bias of zeros, which AutoGPTQ writes for modules without one, is there where it is asked for
    assertEquals(weights.names().sort(), ["m.weight", "plain.weight"]);
    assertEquals([weights.shape("m.weight"), weights.shape("m.bias")], [[outputs, inputs], [outputs]]);
    assertEquals(weights.read("m.weight"), expected);
    assertEquals(weights.pieces("m.weight").float32(), expected);
    const picked = weights.rows("m.weight", [2, 0]);
    assertEquals(
      picked,
      Float32Array.from([...expected.slice(2 * inputs, 3 * inputs), ...expected.slice(0, inputs)]),
    );
    const packed = weights.packed("m.weight");
    assertEquals(weights.packedForm("m.weight"), packed && { bits: packed.bits, minima: true });
    if (packed) {
      assertEquals(packed.minima !== null, PACKED.get(name));
      // a scale of 11 bits times codes of 8, and a minimum of as many: float32 holds all of it
      assertEquals(unpacked(packed), expected);
    } else assert(!PACKED.has(name));
    assertEquals([weights.packedForm("plain.weight"), weights.packed("plain.weight")], [null, null]);
    weights.close();
  });
}

Deno.test("gptqTensors() packs what the reader gives back, and the hash tells formats of the same bytes apart", async () => {
  const folder = temporaryFolder(), outputs = 16, inputs = 72;
  for (const bits of [4, 8] as const) {
    const codes = Uint8Array.from({ length: outputs * inputs }, (_, i) => i * 7 % 2 ** bits);
    const scales = Float32Array.from({ length: 3 * outputs }, (_, i) => 2 ** -(i % 5));
    const tensors = gptqTensors({ outputs, inputs, bits, codes, scales }, 32);
    writeSafetensors(
      join(folder, "model.safetensors"),
      Object.entries(tensors).map(([name, { data, ...rest }]) => ({
        name: `m.${name}`,
        ...rest,
        data: () => data,
      })),
    );
    assertEquals(
      Object.values(gptqShapes([outputs, inputs], bits, 32)).map(({ shape }) => shape),
      Object.values(tensors).map(({ shape }) => shape),
    );
    const open = async (format: string) => {
      const settings = { quant_method: "gptq", bits, group_size: 32, checkpoint_format: format };
      Deno.writeTextFileSync(join(folder, "config.json"), JSON.stringify({ quantization_config: settings }));
      return (await openModel(folder)).weights;
    };
    const one = await open("gptq"), two = await open("gptq_v2");
    assertEquals(
      one.read("m.weight"),
      Float32Array.from(
        codes,
        (code, at) =>
          item(scales, Math.floor(at % inputs / 32) * outputs + Math.floor(at / inputs)) *
          (code - 2 ** (bits - 1)),
      ),
    );
    assertNotEquals(one.hash(), two.hash());
    for (const weights of [one, two]) weights.close();
  }
});

Deno.test("openModel() refuses what GPTQ's settings and tensors don't say alike, and takes AutoGPTQ's quantize_config.json", async () => {
  const folder = temporaryFolder(), source = join(golden, "sym4");
  Deno.copyFileSync(join(source, "model.safetensors"), join(folder, "model.safetensors"));
  const good = { quant_method: "gptq", bits: 4, group_size: 32 };
  const write = (settings: unknown) =>
    Deno.writeTextFileSync(join(folder, "config.json"), JSON.stringify({ quantization_config: settings }));
  const refused = async (settings: Record<string, unknown>, text: string) => {
    write({ ...good, ...settings });
    await assertRejects(() => openModel(folder), RangeError, text);
  };
  await refused({ quant_method: "awq" }, 'its weights are quantised by "awq"');
  await refused({ bits: 3 }, "as bits must be 4 or 8: current value is 3");
  await refused({ bits: 8 }, "as m.scales must be [1, 16]: current value is [2, 16]");
  await refused({ group_size: 64 }, "as m.scales must be [1, 16]: current value is [2, 16]");
  await refused({ group_size: 0 }, "as group_size must be -1 or a whole number from 1: current value is 0");
  await refused({ checkpoint_format: "marlin" }, 'must be gptq or gptq_v2: current value is "marlin"');
  await refused(
    { dynamic: { "+:.*down.*": { bits: 8 } } },
    "as dynamic must be without modules of other settings",
  );
  for (
    const [settings, told] of [[{}, "{}"], [{ bits: 4 }, '{"bits": 4}'], ["gptq", '"gptq"'], [[], "[]"], [
      false,
      "false",
    ]]
  ) {
    write(settings);
    await assertRejects(
      () => openModel(folder),
      RangeError,
      `quantization_config of its config.json must be an object with quant_method: current value is ${told}. Take it out`,
    );
  }
  write({ ...good, dynamic: { "-:.*down.*": {} } });
  (await openModel(folder)).weights.close();
  Deno.writeTextFileSync(join(folder, "config.json"), "{}");
  await assertRejects(() => openModel(folder), TypeError, "has the dtype I32");
  Deno.writeTextFileSync(join(folder, "quantize_config.json"), JSON.stringify({ bits: 4, group_size: 32 }));
  const { weights } = await openModel(folder);
  assertEquals(weights.shape("m.weight"), [16, 64]);
  assertThrows(() => weights.read("none"), RangeError, "there is none of that name");
  weights.close();
});
