/** Training on weights in 4 or 8 bits equals training on their values in float32. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";

import { floatPieces } from "../../../formats/float_pieces.ts";
import { quantized, unpacked } from "../../../formats/packed/mod.ts";
import { idsExample, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { openLibrary } from "../../backends/onnx/c_api/mod.ts";
import { onnxBackend } from "../../backends/onnx/mod.ts";
import { referenceBackend } from "../../backends/reference/mod.ts";
import { nativeLibrary } from "../../native/mod.ts";
import { moduleShapes } from "../decoder/decoder.ts";
import { Engine } from "../engine.ts";
import { packExamples } from "../packs/pack.ts";
import { packedReader } from "./packed_weights.ts";

const { config, weights } = tinyModel("qwen2"),
  { modules, initial } = tinyAdapter("qwen2", config);
/** With DoRA in the second of the two layers. */
const mixed = Object.fromEntries(
  Object.entries(modules).map(([name, spec]) => [name, { ...spec, dora: name.includes("layers.1.") }]),
);
const tuning = { type: "lora", modules: mixed, dropout: 0 } as const;
const matrices = moduleShapes(config);
type Read = ConstructorParameters<typeof Engine>[2];

const source = {
  read: (name: string) => weights[name]!,
  pieces: (name: string) => floatPieces(weights[name]!.length, () => weights[name]!),
  packedForm: () => null,
  packed: () => null,
};
const few = (bits: 4 | 8): Read => packedReader(source, config, bits);
/** The same values, with float32 products. */
const same = (bits: 4 | 8): Read => (name) => {
  const shape = matrices.get(name.replace(/\.weight$/, ""));
  return shape ? unpacked(quantized(weights[name]!, ...shape, bits)) : weights[name]!;
};

/** @param native Whether operators of our own take the weights, where they are */
async function step(read: Read, checkpointing: boolean, native = false) {
  const backend = onnxBackend({ threads: 1, native });
  const engine = new Engine(backend, { config, tuning, checkpointing }, read, initial);
  const pack = packExamples([idsExample({ y: [[3, 4, 5, 6], [7, 8, 9]], z: [[3, 4, 5, 9], [8]] })]);
  const off = await engine.forward(pack, { adapter: false, keep: false });
  const logps = await engine.forward(pack, { adapter: true, keep: true });
  await engine.backward(Float64Array.from(logps, (_, i) => 1 - 0.3 * i));
  const gradients = (await engine.parameters.gradients()).flatMap((g) => [...g]);
  const packed = engine.parameters.isPacked;
  await engine.dispose();
  return { values: [...off, ...logps, ...gradients], packed };
}

Deno.test("without operators of our own log-probabilities and gradients on weights in 4 and 8 bits are those on the same values in float32", async () => {
  const plain = await step((name) => weights[name]!, true);
  for (const bits of [4, 8] as const) {
    const expected = await step(same(bits), true);
    const largest = expected.values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    assert(expected.values.some((v, i) => Math.abs(v - plain.values[i]!) > 1e-4 * largest), "rounding shows");
    for (const checkpointing of [true, false]) {
      const { values, packed } = await step(few(bits), checkpointing);
      assertEquals([packed, expected.packed], [true, false]);
      // Sums of float32 in another order.
      values.forEach((v, i) =>
        assertAlmostEquals(v, expected.values[i]!, 2e-5 * largest, `${bits} bits, value ${i}`)
      );
    }
  }
});

/** Matrices as a file has them in 4 and 8 bits with minima, in turns. */
const stored = new Map([...matrices].map(([module, shape], i) => {
  const matrix = quantized(weights[`${module}.weight`]!, ...shape, i % 2 ? 4 : 8);
  return [module, { ...matrix, minima: matrix.scales.map((scale) => scale / 3) }];
}));

const reason = openLibrary().reason ?? nativeLibrary().reason;
Deno.test({
  name: `weights in 4 and 8 bits give the bits of the same values in float32 with operators of our own${
    reason === null ? "" : `: ${reason}`
  }`,
  ignore: reason !== null,
  async fn() {
    const packed = (name: string) => stored.get(name.replace(/\.weight$/, "")) ?? null;
    const packedForm = (name: string) => {
      const found = packed(name);
      return found && { bits: found.bits, minima: true };
    };
    const withMinima = { ...source, packedForm, packed };
    const values = (name: string) => {
      const matrix = withMinima.packed(name);
      return matrix ? unpacked(matrix) : weights[name]!;
    };
    const ways: readonly [few: Read, same: Read][] = [
      [few(4), same(4)],
      [few(8), same(8)],
      [packedReader(withMinima, config, 8), values],
    ];
    for (const [few, same] of ways) assertEquals(await step(few, true, true), await step(same, true, true));
  },
});

Deno.test("weights in few bits are for frozen modules of blocks that are programs of their own", () => {
  const stack = () =>
    new Engine(
      onnxBackend({ native: false }),
      { config, tuning, checkpointing: true, body: "stack" },
      few(4),
      initial,
    );
  assertThrows(stack, TypeError, "Cannot keep weights in 4 or 8 bits");
  const full = { config, tuning: { type: "full" }, checkpointing: true } as const;
  assertThrows(() => new Engine(referenceBackend(), full, few(4)), TypeError, "it isn't a frozen module");
  const own = quantized(new Float32Array(32 * 32), 32, 32, 8),
    name = "model.layers.0.self_attn.q_proj.weight";
  const whole = () => new Float32Array(32 * 32).fill(1);
  const given = {
    read: whole,
    pieces: () => floatPieces(32 * 32, whole),
    packedForm: () => ({ bits: 8, minima: false } as const),
    packed: () => own,
  };
  const bits = (asked: 4 | 8) => {
    const found = packedReader(given, config, asked)(name);
    return "codes" in found ? [found.bits, found === own] : null;
  };
  assertEquals([bits(8), bits(4)], [[8, true], [4, false]]);
});
