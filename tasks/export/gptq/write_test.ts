/** Exports quantised by GPTQ: LLaMA-Factory's file runs, what it writes computes what was quantised, and opens, answers and trains here. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { valueOf } from "../../../formats/elements.ts";
import { openModel } from "../../../formats/hf_model/mod.ts";
import { unpacked } from "../../../formats/packed/mod.ts";
import { SafetensorsFile } from "../../../formats/safetensors/mod.ts";
import { moduleShapes } from "../../../kernels/engine/decoder/decoder.ts";
import { packedReader } from "../../../kernels/engine/weights/packed_weights.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { decoderOf } from "../../../plugins/kinds/decoder_of.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { exportModel } from "../../export.ts";
import { silentProgress } from "../../train/outputs/mod.ts";
import { compareLogits, logitsOf, promptIds } from "../check.ts";
import { filesOf } from "../folder.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
const MODEL = join(ROOT, "fixtures/constraints/model"),
  TEXTS = join(ROOT, "fixtures/constraints/data/pt.jsonl");
const FEW = ["export_quantization_maxlen=40", "export_quantization_nsamples=24"];

/** LLaMA-Factory's examples/merge_lora/llama3_gptq.yaml with other paths and template. */
const FILE = `### model
model_name_or_path: ${MODEL}
template: chatml
trust_remote_code: true

### export
export_dir: output
export_quantization_bit: 4
export_quantization_dataset: ${TEXTS}
export_size: 5
export_device: cpu  # choices: [cpu, auto]
export_legacy_format: false
`;

Deno.test("LLaMA-Factory's file for GPTQ runs, in 4 and 8 bits, and its model is nearer than weights rounded to the nearest", async () => {
  const folder = temporaryFolder(), yaml = join(folder, "llama3_gptq.yaml");
  Deno.writeTextFileSync(yaml, FILE);
  const divergences = new Map<number, number>();
  for (const bits of [4, 8] as const) {
    const out = join(folder, `${bits}`), said: string[] = [];
    const result = await exportModel(yaml, [`export_dir=${out}`, `export_quantization_bit=${bits}`, ...FEW], {
      say: (line) => said.push(line),
      progress: silentProgress(),
    });
    const text = said.join("\n");
    assertStringIncludes(text, `safetensors in ${bits} bits by GPTQ into`);
    assertStringIncludes(text, "beside the merged weights, quantised in memory: ");
    for (const name of ["config.json", "quantize_config.json", "model.safetensors", "tokenizer.json"]) {
      assert(result?.files.includes(name), `${name} in ${result?.files}`);
    }
    assertEquals(filesOf(out), result?.files);
    const config = JSON.parse(Deno.readTextFileSync(join(out, "config.json")));
    const { quant_method, group_size, desc_act, sym, checkpoint_format } = config.quantization_config;
    assertEquals(
      [
        config.torch_dtype,
        config.quantization_config.bits,
        quant_method,
        group_size,
        desc_act,
        sym,
        checkpoint_format,
      ],
      ["float16", bits, "gptq", 128, false, true, "gptq"],
    );
    using file = new SafetensorsFile(join(out, "model.safetensors"));
    const { dtype, shape } = file.info("model.layers.0.mlp.down_proj.qweight");
    assertEquals([dtype, shape], ["I32", [384 * bits / 32, 128]]);
    assertEquals(file.info("model.embed_tokens.weight").dtype, "F16");

    const before = await openModel(MODEL), after = await openModel(out);
    const decoder = decoderOf(builtinRegistry(), before), ids = promptIds(before.tokenizer, decoder);
    const shapes = moduleShapes(decoder);
    const logits = (read: (name: string) => Float32Array<ArrayBuffer>) =>
      logitsOf(decoder, read, ids, () => {});
    const expected = await logits((name) => before.weights.read(name));
    const ours = compareLogits(expected, await logits((name) => after.weights.read(name)), ids.length);
    divergences.set(bits, ours.divergence);
    // rounding to the nearest code in the same groups, with the same scales as codes of the first weights have
    const nearest = await logits((name) => {
      const values = before.weights.read(name), module = name.replace(/\.weight$/, "");
      return shapes.has(module) ? roundedToNearest(values, valueOf(shapes, module)[1], bits) : values;
    });
    const plain = compareLogits(expected, nearest, ids.length);
    assert(ours.divergence < plain.divergence, `${bits} bits: ${ours.divergence}, ${plain.divergence}`);

    // kept in few bits where that is asked for: the same values
    const reader = packedReader(after.weights, decoder, bits), name = "model.layers.2.mlp.up_proj.weight";
    const packed = reader(name);
    assert("codes" in packed && packed.bits === bits);
    assertEquals(unpacked(packed), after.weights.read(name));
    assert(after.weights.names().some((name) => after.weights.packedForm(name) !== null));
    for (const { weights } of [before, after]) weights.close();
  }
  assert(valueOf(divergences, 8) < 0.05 * valueOf(divergences, 4), `${[...divergences]}`);
});

/** Symmetric codes of groups of 128 inputs, scales as GPTQ's for weights without feedback. */
function roundedToNearest(values: Float32Array, inputs: number, bits: 4 | 8): Float32Array<ArrayBuffer> {
  const out = new Float32Array(values.length), zero = 2 ** (bits - 1);
  for (let start = 0; start < values.length; start += Math.min(128, inputs - start % inputs)) {
    const part = values.subarray(start, start + Math.min(128, inputs - start % inputs));
    const scale = 2 * part.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / (2 ** bits - 1);
    part.forEach((value, i) =>
      out[start + i] = scale * Math.max(-zero, Math.min(zero - 1, Math.round(value / scale)))
    );
  }
  return out;
}

Deno.test("a quantised export is the same again, and is exported on as plain weights", async () => {
  const folder = temporaryFolder(), quiet = { say: () => {}, progress: silentProgress() };
  const common = [
    "export_quantization_bit=4",
    `export_quantization_dataset=${TEXTS}`,
    ...FEW,
    "export_check=false",
  ];
  for (const name of ["a", "b"]) {
    await exportModel(
      undefined,
      [`model_name_or_path=${MODEL}`, `export_dir=${folder}/${name}`, ...common],
      quiet,
    );
  }
  assertEquals(
    Deno.readFileSync(`${folder}/a/model.safetensors`),
    Deno.readFileSync(`${folder}/b/model.safetensors`),
  );
  await exportModel(undefined, [`model_name_or_path=${folder}/a`, `export_dir=${folder}/plain`], quiet);
  const a = await openModel(`${folder}/a`), plain = await openModel(`${folder}/plain`);
  const config = JSON.parse(Deno.readTextFileSync(`${folder}/plain/config.json`));
  assertEquals([config.quantization_config, config.torch_dtype], [undefined, "float16"]);
  const name = "model.layers.1.self_attn.o_proj.weight";
  const half = Float32Array.from(new Float16Array(a.weights.read(name)));
  assertEquals(plain.weights.read(name), half);
  for (const { weights } of [a, plain]) weights.close();
});

Deno.test("a quantisation that is stopped leaves nothing, wherever it is", async () => {
  const folder = temporaryFolder();
  for (const [phase, at] of [["quantising", 9], ["writing", 50], ["comparing", 7]] as const) {
    const controller = new AbortController();
    const progress = {
      ...silentProgress(),
      phase: (name: string, done: number) => {
        if (name.startsWith(phase) && done === at) controller.abort();
      },
    };
    await assertRejects(
      () =>
        exportModel(undefined, [
          `model_name_or_path=${MODEL}`,
          `export_dir=${folder}/out`,
          "export_quantization_bit=4",
          `export_quantization_dataset=${TEXTS}`,
          "export_quantization_maxlen=30",
          "export_quantization_nsamples=4",
        ], { say: () => {}, progress, signal: controller.signal }),
      Error,
      "Stopped before the export was whole",
    );
    assertEquals([...Deno.readDirSync(folder)], []);
  }
});
