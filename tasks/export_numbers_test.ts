import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { item } from "../formats/elements.ts";
import { GgufFile, interleave, roundInPlace } from "../formats/gguf/mod.ts";
import { openModel } from "../formats/hf_model/mod.ts";
import { layeredLogits } from "../kernels/engine/layerwise/layered_logits.ts";
import { referenceBackend } from "../kernels/backends/reference/mod.ts";
import { builtinRegistry } from "../plugins/builtins.ts";
import { decoderOf } from "../plugins/kinds/decoder_of.ts";
import { exportModel } from "./export.ts";
import { checkDifference, compareLogits, logitsOf, writtenBound } from "./export/check.ts";
import { onnxLogits } from "./export/onnx/check.ts";
import { readGgufAdapter } from "./export/gguf_adapter_check.ts";
import { mergedWeights } from "../formats/peft/mod.ts";
import { goldenPath, inExportFolder, quietExport } from "./_exported.ts";

/** Golden of PyTorch and PEFT: log-probabilities of tokens with the adapter, float64. */
function goldenLogps(path: string): { sequences: number[][]; logps: number[][] } {
  const { sequences, token_logps, lora } = JSON.parse(
    Deno.readTextFileSync(goldenPath(`${path}/golden.json`)),
  );
  return { sequences, logps: token_logps ?? lora.token_logps };
}

async function assertLogps(
  model: { config: Record<string, unknown>; configFile: string },
  read: (name: string) => Float32Array<ArrayBuffer>,
  path: string,
): Promise<void> {
  const { sequences } = goldenLogps(path), backend = referenceBackend();
  const decoder = decoderOf(builtinRegistry(), model);
  for (const [s, ids] of sequences.entries()) {
    assertClose(await layeredLogits(backend, decoder, { read, ids }), path, s, decoder.vocabSize);
  }
  await backend.dispose();
}

/** Logits `[T, size]` of one of a golden's sequences. 5e-5: the tolerance that the goldens' README names for float32. */
function assertClose(logits: Float32Array, path: string, s: number, size: number): void {
  const { sequences, logps } = goldenLogps(path);
  for (const [t, expected] of item(logps, s).entries()) {
    const row = logits.subarray(t * size, (t + 1) * size);
    const found = item(row, item(item(sequences, s), t + 1)) -
      Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
    assert(Math.abs(found - expected) <= 5e-5, `${path}, sequence ${s}, token ${t}: ${found}, ${expected}`);
  }
}

for (
  const [path, model] of [
    ["peft/lora", "tiny/qwen2"],
    ["peft/rslora", "tiny/qwen2"],
    ["peft/patterns", "tiny/qwen2"],
    ["tiny/llama", "tiny/llama"],
    ["tiny/mistral", "tiny/mistral"],
    ["tiny/llama3", "tiny/llama3"],
    ["tiny/qwen3", "tiny/qwen3"],
    ["tiny/smollm3", "tiny/smollm3"],
    ["tiny/granite", "tiny/granite"],
    ["tiny/olmo2", "tiny/olmo2"],
    ["tiny/ernie45", "tiny/ernie45"],
    ["tiny/hunyuan", "tiny/hunyuan"],
    ["tiny/gemma", "tiny/gemma"],
    ["tiny/phi3", "tiny/phi3"],
    ["tiny/phi4mini", "tiny/phi4mini"],
  ] as const
) {
  Deno.test(`export of ${path}, merged, as a GGUF adapter and as ONNX, computes PEFT's log-probabilities`, () =>
    inExportFolder(async (folder) => {
      const base = goldenPath(`${model}/model`);
      const common = [`model_name_or_path=${base}`, `adapter_name_or_path=${goldenPath(`${path}/adapter`)}`];
      const result = await exportModel(undefined, [...common, `export_dir=${folder}/hf`], quietExport);
      assertEquals(result?.files, [
        "config.json",
        "export.json",
        "generation_config.json",
        "model.safetensors",
      ]);
      const merged = await openModel(`${folder}/hf`);
      await assertLogps(merged, (name) => merged.weights.read(name), path);
      merged.weights.close();

      await exportModel(
        undefined,
        [...common, `export_dir=${folder}/lora`, "export_format=gguf-adapter"],
        quietExport,
      );
      const opened = await openModel(base);
      const decoder = decoderOf(builtinRegistry(), opened);
      const modules = readGgufAdapter(`${folder}/lora/adapter-F32.gguf`, { decoder });
      const read = mergedWeights((name) => opened.weights.read(name), { modules });
      await assertLogps(opened, read, path);
      opened.weights.close();

      await exportModel(
        undefined,
        [...common, `export_dir=${folder}/onnx`, "export_format=onnx"],
        quietExport,
      );
      for (const [s, ids] of goldenLogps(path).sequences.entries()) {
        assertClose(
          await onnxLogits(`${folder}/onnx/onnx/model.onnx`, decoder, ids),
          path,
          s,
          decoder.vocabSize,
        );
      }
    }));
}

Deno.test("a GGUF adapter has llama.cpp's keys, one alpha, and interleaved rows of B for architecture llama only", () =>
  inExportFolder(async (folder) => {
    for (const [family, interleaved] of [["llama", true], ["qwen2", false]] as const) {
      const adapter = goldenPath(`tiny/${family}/adapter`), target = `${folder}/${family}`;
      await exportModel(undefined, [
        `model_name_or_path=${goldenPath(`tiny/${family}/model`)}`,
        `adapter_name_or_path=${adapter}`,
        `export_dir=${target}`,
        "export_format=gguf-adapter",
      ], quietExport);
      using file = new GgufFile(`${target}/adapter-F32.gguf`);
      const { metadata } = file;
      assertEquals(
        ["general.type", "general.architecture", "adapter.type", "adapter.lora.alpha"].map((key) =>
          metadata.get(key)
        ),
        ["adapter", family, "lora", 8],
      );
      const { SafetensorsFile } = await import("../formats/safetensors/mod.ts");
      using peft = new SafetensorsFile(`${adapter}/adapter_model.safetensors`);
      const module = "base_model.model.model.layers.0.self_attn.k_proj";
      const b = peft.readFloat32(`${module}.lora_B.weight`),
        written = file.readFloat32("blk.0.attn_k.weight.lora_b");
      const { config } = await openModel(goldenPath(`tiny/${family}/model`));
      const { numKeyValueHeads: heads, headDim } = decoderOf(builtinRegistry(), { config, configFile: "" });
      const r = b.length / (heads * headDim), half = headDim / 2;
      // serve_export_torch 1.1: rows seen as [heads, 2, half], the last two swapped
      const expected = Array.from({ length: heads * headDim }, (_, row) => {
        const head = Math.floor(row / headDim), inHead = row % headDim;
        const from = interleaved ? head * headDim + (inHead % 2) * half + Math.floor(inHead / 2) : row;
        return [...b.subarray(from * r, (from + 1) * r)];
      });
      assertEquals([...written], expected.flat());
      assertEquals(
        [...file.readFloat32("blk.0.attn_k.weight.lora_a")],
        [...peft.readFloat32(`${module}.lora_A.weight`)],
      );
    }
  }));

Deno.test("a GGUF adapter whose modules have scales of their own passes its check in every number type", () =>
  inExportFolder(async (folder) => {
    for (const dtype of ["float16", "bfloat16"]) {
      const result = await exportModel(undefined, [
        `model_name_or_path=${goldenPath("tiny/qwen2/model")}`,
        `adapter_name_or_path=${goldenPath("peft/patterns/adapter")}`,
        `export_dir=${folder}/${dtype}`,
        "export_format=gguf-adapter",
        `export_dtype=${dtype}`,
      ], quietExport);
      assert((result?.largestDifference ?? 0) > 0, dtype);
    }
  }));

Deno.test("what was written must compute what its rounded weights do: rows out of order are refused, a weight beyond float16 is", () =>
  inExportFolder(async (folder) => {
    const target = `${folder}/out`, base = goldenPath("tiny/llama/model");
    const said: string[] = [];
    await exportModel(undefined, [
      `model_name_or_path=${base}`,
      `adapter_name_or_path=${goldenPath("tiny/llama/adapter")}`,
      `export_dir=${target}`,
      "export_format=gguf-adapter",
      "export_dtype=float16",
    ], { say: (line) => said.push(line) });
    const [faithful = ""] = said.filter((line) => line.includes("rounded to float16 in memory"));
    assertStringIncludes(faithful, "(bound 0.01 %)");
    const model = await openModel(base), decoder = decoderOf(builtinRegistry(), model);
    const read = (name: string) => model.weights.read(name), ids = [3, 14, 15, 92, 65];
    const right = await logitsOf(decoder, read, ids, () => {});
    // llama.cpp's order of the rows of one k, which its loader wouldn't notice
    const wrong = await logitsOf(
      decoder,
      (name) => /1\.self_attn\.k_proj/.test(name) ? interleave(read(name), 16, 2) : read(name),
      ids,
      () => {},
    );
    const bound = writtenBound("gguf", "q4_0");
    assertStringIncludes(checkDifference(compareLogits(right, right, ids.length), bound, target), "0 %");
    assertThrows(
      () => checkDifference(compareLogits(right, wrong, ids.length), bound, target),
      Error,
      "computes something else",
    );
    model.weights.close();
    const large = Float32Array.of(1, 70000);
    assertThrows(() => roundInPlace(large, "F16"), RangeError, "Cannot hold 70000 as F16");
    assertEquals([...large], [1, 70000]);
    // a step of max / 8, the end with one code less moves by a whole one
    const block = Float32Array.from({ length: 32 }, (_, i) => i === 0 ? -8 : i === 1 ? 8 : 0.4);
    roundInPlace(block, "Q4_0");
    assertEquals([...block.subarray(0, 3)], [-8, 7, 0]);
  }));
