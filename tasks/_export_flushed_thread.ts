/**
 * A process that exports the same model before and while its thread takes subnormal numbers for 0, which ONNX Runtime makes it do from its first
 * session on where there is no library of our own. Argument: a folder for the exports, `before` and `after`. Prints whether the thread does so at either time, and the bits
 * of a merged row and of a number read.
 * @module
 */
import { openModel, saveModel } from "../formats/hf_model/mod.ts";
import { mergedWeights, writeAdapter } from "../formats/peft/mod.ts";
import { SafetensorsFile, writeSafetensors } from "../formats/safetensors/mod.ts";
import { flushingSubnormalsUntil } from "../kernels/native/mod.ts";
import { moduleShapes } from "../kernels/engine/decoder/decoder.ts";
import { builtinRegistry } from "../plugins/builtins.ts";
import { decoderOf } from "../plugins/kinds/decoder_of.ts";
import { exportModel } from "./export.ts";
import { tokenizerFiles } from "./train/outputs/mod.ts";

const [folder = ""] = Deno.args;
const MODULE = "model.layers.0.mlp.up_proj";
const OTHER = "model.layers.0.self_attn.q_proj";
/** Subnormal numbers of all sizes and both signs, the last one the largest, which is 2⁻¹²⁶ in bfloat16. */
const tiny = () => {
  const bits = Uint32Array.from({ length: 64 }, (_, i) => (i % 2) * 0x80000000 + (0x7fffff >> (63 - i) % 23));
  return new Float32Array(bits.buffer);
};
const base = await openModel(new URL("../fixtures/constraints/model", import.meta.url).pathname);
const shapes = moduleShapes(decoderOf(builtinRegistry(), base));
const withTiny = (values: Float32Array<ArrayBuffer>) => (values.set(tiny()), values);
saveModel(
  `${folder}/model`,
  base.weights.names().map((name) => ({
    name,
    shape: base.weights.shape(name) ?? [],
    data: () => name.startsWith(MODULE) ? withTiny(base.weights.read(name)) : base.weights.read(name),
  })),
  { config: base.config, files: tokenizerFiles(base.tokenizer, null) },
);
const matrices = [MODULE, OTHER].map((name) => {
  const [outputs, inputs] = shapes.get(name)!;
  return [name, {
    a: withTiny(new Float32Array(4 * inputs)),
    b: withTiny(new Float32Array(outputs * 4)),
  }] as const;
});
base.weights.close();
writeAdapter(
  `${folder}/adapter`,
  {
    config: {
      targetModules: [MODULE, OTHER],
      baseModel: null,
      revision: null,
      r: 4,
      alpha: 4,
      dropout: 0,
      useRslora: false,
      useDora: false,
      rankPattern: {},
      alphaPattern: { q_proj: 3 },
    },
    modules: new Map(matrices),
  },
  shapes,
);

/** `W + B A` of 2⁻¹³⁰ + 2⁻⁶⁶ · 2⁻⁶⁶ and −2⁻¹⁴⁹ + 2⁻⁶⁶ · −2⁻⁶⁶. */
function mergedBits(): number[] {
  const read = () => new Float32Array(Uint32Array.of(1 << 19, 0x80000001).buffer);
  const a = Float32Array.of(2 ** -66, -(2 ** -66)), b = Float32Array.of(2 ** -66);
  const merged = mergedWeights(read, { modules: new Map([["m", { a, b, r: 1, alpha: 1, scale: 1 }]]) })(
    "m.weight",
  );
  return [...new Uint32Array(merged.buffer)];
}

/** A number of 64 bits, read as one of 32. */
function readBits(): number[] {
  const path = `${folder}/f64.safetensors`;
  writeSafetensors(path, [{
    name: "x",
    dtype: "F64",
    shape: [1],
    data: () => Float64Array.of(-(2 ** -140)),
  }]);
  using file = new SafetensorsFile(path);
  return [...new Uint32Array(file.readFloat32("x").buffer)];
}

const flushes = () => new Float32Array(Uint32Array.of(1).buffer)[0] === 0;
const quiet = { say: () => {} };

async function exported(when: string) {
  for (
    const [format, dtype] of [
      ["safetensors", "float32"],
      ["safetensors", "bfloat16"],
      ["gguf", "q8_0"],
      ["gguf", "q4_0"],
      ["gguf-adapter", "float32"],
      ["onnx", "q4_0"],
    ]
  ) {
    await exportModel(undefined, [
      `model_name_or_path=${folder}/model`,
      `adapter_name_or_path=${folder}/adapter`,
      `export_dir=${folder}/${when}/${format}-${dtype}`,
      `export_format=${format}`,
      `export_dtype=${dtype}`,
      `export_check=${when === "after" && dtype === "bfloat16"}`,
    ], quiet);
  }
  return { flushes: flushes(), merged: mergedBits(), read: readBits() };
}

const before = await exported("before");
const after = await flushingSubnormalsUntil(() => exported("after"));
console.log(JSON.stringify({ before, after }));
