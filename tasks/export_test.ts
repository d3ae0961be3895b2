import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";

import project from "../deno.json" with { type: "json" };
import { item } from "../formats/elements.ts";
import { GgufFile, interleave, roundInPlace } from "../formats/gguf/mod.ts";
import { openModel, saveModel } from "../formats/hf_model/mod.ts";
import { layeredLogits } from "../kernels/engine/layered_logits.ts";
import { referenceBackend } from "../kernels/backends/reference/mod.ts";
import { builtinRegistry } from "../plugins/builtins.ts";
import { decoderOf } from "../plugins/kinds/decoder_of.ts";
import { exists } from "../formats/exists.ts";
import { exportModel } from "./export.ts";
import { silentProgress, tokenizerFiles } from "./train/outputs/mod.ts";
import { checkDifference, compareLogits, logitsOf, writtenBound } from "./export/check.ts";
import { checkFits } from "./export/estimate.ts";
import { filesOf } from "./export/folder.ts";
import { readExportConfig } from "./export/config.ts";
import { exportHelp } from "./export/help.ts";
import { FakeHub } from "../tests/helpers/fake_hub.ts";
import { onnxLogits } from "./export/onnx/check.ts";
import { readGgufAdapter } from "./export/gguf_adapter_check.ts";
import { mergedWeights } from "../formats/peft/mod.ts";

const root = new URL("../", import.meta.url).pathname;
const golden = (path: string) => join(root, "fixtures/goldens", path);

/** Golden of PyTorch and PEFT: log-probabilities of tokens with the adapter, float64. */
function goldenLogps(path: string): { sequences: number[][]; logps: number[][] } {
  const { sequences, token_logps, lora } = JSON.parse(Deno.readTextFileSync(golden(`${path}/golden.json`)));
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
    assertClose(await layeredLogits(backend, decoder, read, ids), path, s, decoder.vocabSize);
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

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const quiet = { say: () => {} };

for (
  const [path, model] of [
    ["peft/lora", "tiny/qwen2"],
    ["peft/rslora", "tiny/qwen2"],
    ["peft/patterns", "tiny/qwen2"],
    ["tiny/llama", "tiny/llama"],
    ["tiny/mistral", "tiny/mistral"],
    ["tiny/llama3", "tiny/llama3"],
    ["tiny/qwen3", "tiny/qwen3"],
  ] as const
) {
  Deno.test(`export of ${path}, merged, as a GGUF adapter and as ONNX, computes PEFT's log-probabilities`, () =>
    inFolder(async (folder) => {
      const base = golden(`${model}/model`);
      const common = [`model_name_or_path=${base}`, `adapter_name_or_path=${golden(`${path}/adapter`)}`];
      const result = await exportModel(undefined, [...common, `export_dir=${folder}/hf`], quiet);
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
        quiet,
      );
      const opened = await openModel(base);
      const decoder = decoderOf(builtinRegistry(), opened);
      const modules = readGgufAdapter(`${folder}/lora/adapter-F32.gguf`, { decoder });
      const read = mergedWeights((name) => opened.weights.read(name), { modules });
      await assertLogps(opened, read, path);
      opened.weights.close();

      await exportModel(undefined, [...common, `export_dir=${folder}/onnx`, "export_format=onnx"], quiet);
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
  inFolder(async (folder) => {
    for (const [family, interleaved] of [["llama", true], ["qwen2", false]] as const) {
      const adapter = golden(`tiny/${family}/adapter`), target = `${folder}/${family}`;
      await exportModel(undefined, [
        `model_name_or_path=${golden(`tiny/${family}/model`)}`,
        `adapter_name_or_path=${adapter}`,
        `export_dir=${target}`,
        "export_format=gguf-adapter",
      ], quiet);
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
      const { config } = await openModel(golden(`tiny/${family}/model`));
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
  inFolder(async (folder) => {
    for (const dtype of ["float16", "bfloat16"]) {
      const result = await exportModel(undefined, [
        `model_name_or_path=${golden("tiny/qwen2/model")}`,
        `adapter_name_or_path=${golden("peft/patterns/adapter")}`,
        `export_dir=${folder}/${dtype}`,
        "export_format=gguf-adapter",
        `export_dtype=${dtype}`,
      ], quiet);
      assert((result?.largestDifference ?? 0) > 0, dtype);
    }
  }));

Deno.test("what was written must compute what its rounded weights do: rows out of order are refused, a weight beyond float16 is", () =>
  inFolder(async (folder) => {
    const target = `${folder}/out`, base = golden("tiny/llama/model");
    const said: string[] = [];
    await exportModel(undefined, [
      `model_name_or_path=${base}`,
      `adapter_name_or_path=${golden("tiny/llama/adapter")}`,
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

Deno.test("export refuses what would be wrong, with the key's place, and leaves the folder as it was", () =>
  inFolder(async (folder) => {
    const model = `model_name_or_path=${root}fixtures/constraints/model`, out = `export_dir=${folder}/out`;
    const refused = async (overrides: string[], text: string) => {
      const { message } = await assertRejects(() =>
        exportModel(undefined, [model, out, ...overrides], quiet)
      );
      assertStringIncludes(message, text);
    };
    /** By a dry run, too. */
    const refusedDry = async (overrides: string[], text: string) => {
      await refused(overrides, text);
      const dry = { ...quiet, dryRun: true };
      await assertRejects(() => exportModel(undefined, [model, out, ...overrides], dry), Error, text);
    };
    await refused(["export_legacy_format=true"], "weights are written as safetensors only");
    const texts = `export_quantization_dataset=${root}fixtures/constraints/data/pt.jsonl`;
    await refused(["export_quantization_bit=4"], "current value of export_quantization_dataset is null");
    await refused(["export_quantization_bit=3", texts], "Cannot read export_quantization_bit as 4 or 8");
    await refused(
      ["export_quantization_bit=4", texts, "export_format=gguf"],
      "as GPTQ's files are safetensors: leave one of them out",
    );
    await refused(
      ["export_quantization_bit=4", texts, "infer_dtype=bfloat16"],
      "as what isn't quantised is float16 there: leave it out",
    );
    await refused(
      ["export_quantization_bit=4", texts],
      "as texts of more than 1024 tokens are needed: none was found among 101 of its",
    );
    await refused(
      ["export_quantization_bit=4", `export_quantization_dataset=${root}fixtures/constraints/data/sft.jsonl`],
      "sft.jsonl as each row needs a text: current value of row 1 is missing",
    );
    await refused(
      ["export_quantization_bit=4", "export_quantization_dataset=data/c4_demo.jsonl"],
      "Cannot find the file of export_quantization_dataset: current value is data/c4_demo.jsonl, which does not exist",
    );
    await refused(["export_hub_model_id=me/model"], "nothing is uploaded");
    await refused(["quantization_bit=4"], "rounds once, after merging");
    await refused(
      ["export_dtype=q8_0"],
      "as export_format: safetensors as it holds float32, float16, bfloat16: current value is q8_0",
    );
    await refused(["export_format=onnx", "infer_dtype=bfloat16"], "as it holds float32, q8_0, q4_0");
    await refused(["export_dtype=int4"], "Cannot read export_dtype as one of auto, float32");
    await refused(["stage=rm"], "a reward model's value head has no place");
    await refused(
      ["default_system=Hi"],
      "Cannot use default_system as it is for a template, and none is named",
    );
    await refused(["enable_thinking=false"], "write template, too, or leave it out");
    assertEquals(readExportConfig(undefined, [model, out, "stage=dpo", "enable_thinking=true"]).notes, []);
    await refused(["export_formt=gguf"], 'did you mean "export_format"?');
    await refused(["export_format=gguf-adapter"], "needs one adapter: current value is none");
    await refusedDry([`export_dir=${root}fixtures/constraints/model/merged`], "is read from there");
    // links: to what is read, to nothing; a disk of its own; a parent that is a file
    await Deno.symlink(`${root}fixtures/constraints/model`, `${folder}/link`);
    await refused([`export_dir=${folder}/link`], "is read from there");
    await Deno.remove(`${folder}/link`);
    await Deno.symlink(`${folder}/gone`, `${folder}/link`);
    await refusedDry([`export_dir=${folder}/link`], "is a link to a folder that isn't there");
    await Deno.remove(`${folder}/link`);
    if (Deno.build.os === "linux") {
      await refusedDry(
        ["export_dir=/dev"],
        "as a disk is mounted there, and the folder is replaced as a whole",
      );
    }
    await Deno.writeTextFile(`${folder}/file`, "");
    await refusedDry(
      [`export_dir=${folder}/file/out`],
      `Cannot write to ${folder}/file/out as a folder is needed: ${folder}/file is a file. Choose another export_dir`,
    );
    await Deno.remove(`${folder}/file`);
    await Deno.mkdir(`${folder}/out`);
    await Deno.writeTextFile(`${folder}/out/mine.txt`, "mine");
    await refusedDry([], "such as mine.txt");
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["out"]);
    assertEquals(Deno.readTextFileSync(`${folder}/out/mine.txt`), "mine");
  }));

const BUNDLED = join(root, "fixtures/constraints/model");

/** Bytes of all files of a folder, by their names. */
const contents = (folder: string) =>
  Object.fromEntries(filesOf(folder).map((name) => [name, Deno.readFileSync(`${folder}/${name}`).toHex()]));

Deno.test("export stopped in the middle, by Ctrl-C or by a kill, leaves the earlier one, holds one tensor at a time, and works the next time", () =>
  inFolder(async (folder) => {
    const out = `${folder}/out`, args = [`model_name_or_path=${BUNDLED}`, `export_dir=${out}`];
    await exportModel(undefined, [...args, "export_check=false"], quiet);
    const before = contents(out);
    for (const [phase, format] of [["writing", "gguf"], ["writing", "onnx"], ["comparing", "safetensors"]]) {
      const controller = new AbortController();
      const progress = {
        ...silentProgress(),
        phase: (name: string, done: number) => {
          if (name.startsWith(phase ?? "") && done === 3) controller.abort();
        },
      };
      const stopped = exportModel(
        undefined,
        [...args, `export_format=${format}`],
        { ...quiet, progress, signal: controller.signal },
      );
      await assertRejects(() => stopped, Error, "Stopped before the export was whole");
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["out"]);
    }
    assertEquals(contents(out), before);

    // the task itself, by a signal as a terminal sends it, once a tensor is written; from then on each wait is long enough
    // for the signal to arrive
    await Deno.writeTextFile(
      `${folder}/ctrl_c.ts`,
      `const wait = setTimeout;
      let killed = false;
      globalThis.setTimeout = (then, ms = 0, ...rest) => {
        try {
          Deno.statSync("${folder}/.out.partial/model.safetensors");
        } catch {
          return wait(then, ms, ...rest);
        }
        if (!killed) Deno.kill(Deno.pid, "SIGINT");
        killed = true;
        return wait(then, ms + 50, ...rest);
      };`,
    );
    const task = project.tasks.export.split(" ").slice(1, -1);
    const ended = await new Deno.Command(Deno.execPath(), {
      args: [
        ...task,
        "--allow-run",
        "--no-check",
        `--preload=${folder}/ctrl_c.ts`,
        `${root}tasks/export.ts`,
        ...args,
      ],
      cwd: folder,
    }).output();
    const words = new TextDecoder().decode(ended.stderr);
    assertEquals(ended.code, 130, words);
    assertStringIncludes(words, "Stopping: export_dir stays as it was");
    assertStringIncludes(words, "error: Stopped before the export was whole");
    await Deno.remove(`${folder}/ctrl_c.ts`);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["out"]);
    assertEquals(contents(out), before);

    // a process of its own: garbage is collected in front of each tensor, so what is held then is in use
    const script = `
      import { exportModel } from ${JSON.stringify(import.meta.resolve("./export.ts"))};
      const held = () => (globalThis.gc(), Deno.memoryUsage().external);
      const nothing = () => {}, quiet = { step: nothing, log: nothing, line: nothing, stop: nothing };
      const most = {}, back = {};
      const { transfer } = ArrayBuffer.prototype;
      for (const format of ["safetensors", "gguf", "onnx"]) {
        let least = Infinity;
        back[format] = 0;
        ArrayBuffer.prototype.transfer = function (length) {
          back[format] += this.byteLength;
          return transfer.call(this, length);
        };
        // what a writer kept would still be there
        const phase = (_, done) => {
          if (done % 8 !== 2) return;
          const now = held();
          least = Math.min(least, now);
          most[format] = Math.max(most[format] ?? 0, now - least);
        };
        const args = ["model_name_or_path=${BUNDLED}", "export_dir=${folder}/" + format, "export_format=" + format, "export_check=false"];
        await exportModel(undefined, args, { say: nothing, progress: { ...quiet, phase } });
      }
      const { openSync } = Deno, base = "${folder}/gguf/model-BF16.gguf";
      let opened = 0;
      Deno.openSync = (path, options) => (opened += Number(path === base), openSync(path, options));
      await exportModel(undefined, ["model_name_or_path=" + base, "export_dir=${folder}/again", "export_format=gguf", "export_check=false"], { say: nothing, progress: { ...quiet, phase: nothing } });
      console.log(JSON.stringify({ most, back, opened }));
      const phase = (_, done) => done === 9 && Deno.kill(Deno.pid, "SIGKILL");
      await exportModel(undefined, ${JSON.stringify(args)}, { say: nothing, progress: { ...quiet, phase } });
    `;
    await Deno.writeTextFile(`${folder}/held.ts`, script);
    const run = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        `--config=${root}deno.json`,
        "--v8-flags=--expose-gc,--single-threaded-gc",
        `${folder}/held.ts`,
      ],
    }).output();
    const text = new TextDecoder(), stdout = text.decode(run.stdout);
    assertEquals(run.signal, "SIGKILL", text.decode(run.stderr));
    // of 4.7 MB in float32, all in one shard; the embedding is the largest tensor, of 0.8 MB
    const tensor = 1536 * 128 * 4;
    const { most: held, back, opened } = JSON.parse(stdout);
    // memory of every tensor but the last is given back at once, and a GGUF file is opened by its reader and its fingerprint only
    for (const [format, bytes] of Object.entries(back)) {
      assert(Number(bytes) >= 4729344 - tensor, `${format} gives ${bytes} bytes back`);
    }
    assertEquals(opened, 2);
    await Deno.remove(`${folder}/again`, { recursive: true });
    for (const [format, most] of Object.entries(held)) {
      assert(Number(most) < 2.5 * tensor, `${format} holds ${most} bytes beside what it began with`);
    }
    assertEquals(contents(out), before);
    assert(exists(`${folder}/.out.partial`));
    const said: string[] = [];
    await exportModel(undefined, [...args, "export_check=false"], { say: (line) => said.push(line) });
    assert(said.some((line) => line.includes("An earlier export was interrupted")), said.join("\n"));
    assertEquals([exists(`${folder}/.out.partial`), contents(out)], [false, before]);
  }));

Deno.test("export of a folder without a class, with code of its own and several chat templates writes what others load, and says what stays behind", () =>
  inFolder(async (folder) => {
    const model = `${folder}/model`;
    await Deno.mkdir(`${model}/additional_chat_templates`, { recursive: true });
    for (const { name } of Deno.readDirSync(BUNDLED)) {
      await Deno.copyFile(`${BUNDLED}/${name}`, `${model}/${name}`);
    }
    await Deno.writeTextFile(`${model}/additional_chat_templates/rag.jinja`, "R");
    const edit = (name: string, change: Record<string, unknown>) => {
      const fields = JSON.parse(Deno.readTextFileSync(`${model}/${name}`));
      Deno.writeTextFileSync(`${model}/${name}`, JSON.stringify({ ...fields, ...change }));
    };
    edit("config.json", { architectures: null, auto_map: { AutoModelForCausalLM: "modeling_own.Own" } });
    const named = ["default", "tool_use"].map((name) => ({ name, template: `{{ messages }} ${name}` }));
    edit("tokenizer_config.json", { chat_template: named });
    // numbers in threes, which transformers 5 cuts as Qwen 2 does
    const tokenizer = `${model}/tokenizer.json`, cut = Deno.readTextFileSync(tokenizer);
    assertStringIncludes(cut, "|\\\\p{N}|");
    Deno.writeTextFileSync(tokenizer, cut.replace("|\\\\p{N}|", "|\\\\p{N}{1,3}|"));
    const said: string[] = [],
      words = [`model_name_or_path=${model}`, `export_dir=${folder}/out`, "export_check=false"];
    await exportModel(undefined, words, { say: (line) => said.push(line) });
    const config = JSON.parse(Deno.readTextFileSync(`${folder}/out/config.json`));
    assertEquals([config.architectures, config.auto_map], [["Qwen2ForCausalLM"], undefined]);
    assertEquals(Deno.readTextFileSync(`${folder}/out/chat_template.jinja`), "{{ messages }} default");
    assert(
      said.includes(
        `note: ${model} has further chat templates (["rag", "tool_use"]): only the default one is written`,
      ),
      said.join("\n"),
    );
    const note = (lines: string[]) =>
      lines.filter((line) => line.includes("its class Qwen2Tokenizer")).length;
    assertEquals(note(said), 1, said.join("\n"));
    Deno.writeTextFileSync(tokenizer, cut);
    said.splice(0);
    await exportModel(undefined, words, { say: (line) => said.push(line) });
    assertEquals(note(said), 0, said.join("\n"));
    const unreadable = () => said.filter((line) => line.includes("chat template as Jinja: line 1")).length;
    assertEquals([unreadable(), said.filter((line) => line.includes("Next")).length], [0, 1]);

    // no Jinja, and no tokenizer at all: said, and nothing to talk to is offered
    edit("tokenizer_config.json", { chat_template: "{% if %}" });
    said.splice(0);
    await exportModel(undefined, words, { say: (line) => said.push(line) });
    assertEquals(unreadable(), 1, said.join("\n"));
    assertEquals(Deno.readTextFileSync(`${folder}/out/chat_template.jinja`), "{% if %}");
    Deno.removeSync(tokenizer);
    said.splice(0);
    await exportModel(undefined, words, { say: (line) => said.push(line) });
    assertEquals(said.filter((line) => line.includes("Next")), [], said.join("\n"));
  }));

Deno.test("export refuses a weight that its number type can't hold, by name, checked or not", () =>
  inFolder(async (folder) => {
    const base = await openModel(BUNDLED), weight = "model.layers.0.mlp.up_proj.weight";
    const files = tokenizerFiles(base.tokenizer, null);
    for (
      const [value, format, dtype, message] of [
        [65519, "safetensors", "float16", null],
        [-65520, "safetensors", "float16", `Cannot write ${weight} as F16 as it holds values below 65520`],
        [3.4e38, "gguf", "bfloat16", `Cannot write ${weight} as BF16`],
        [6e5, "gguf", "q8_0", null],
        [
          6e5,
          "gguf",
          "q4_0",
          `Cannot write ${weight} as Q4_0 as it holds values below 524160: current value is 600000`,
        ],
        [
          NaN,
          "onnx",
          "q4_0",
          `Cannot export ${weight} as all its values must be finite numbers: current value is NaN, number 5 of`,
        ],
        [-Infinity, "safetensors", "float32", "current value is -Infinity, number 5 of"],
      ] as const
    ) {
      const model = `${folder}/model`;
      saveModel(
        model,
        base.weights.names().map((name) => ({
          name,
          shape: base.weights.shape(name) ?? [],
          data: () => name === weight ? base.weights.read(name).fill(value, 5, 6) : base.weights.read(name),
        })),
        { config: base.config, files },
      );
      const keys = {
        model_name_or_path: model,
        export_dir: `${folder}/out`,
        export_format: format,
        export_dtype: dtype,
      };
      const words = Object.entries(keys).map(([key, text]) => `${key}=${text}`);
      const exported = () => exportModel(undefined, [...words, "export_check=false"], quiet);
      if (message === null) await exported();
      else assertStringIncludes((await assertRejects(exported, RangeError)).message, message);
    }
    base.weights.close();
  }));

Deno.test("export that doesn't fit the disk or the memory is refused with what to do", () => {
  const config = { export_dir: "/somewhere", export_format: "safetensors", export_check: true } as const;
  const free = (disk: number, memory: number) => ({ disk: () => disk, memory: () => memory });
  const need = { disk: 10e9, memory: 2e9 };
  checkFits(need, config, "float32", free(10.2e9, 2e9));
  assertThrows(
    () => checkFits(need, config, "float32", free(10e9, 8e9)),
    RangeError,
    "Cannot export into /somewhere as 10.13 GB of disk are needed: current value is 10.00 GB free; " +
      "choose an export_dir on another disk, or export_dtype: bfloat16",
  );
  assertThrows(
    () => checkFits(need, { ...config, export_format: "gguf" }, "q8_0", free(0, 8e9)),
    RangeError,
    "or export_dtype: q4_0",
  );
  const { message } = assertThrows(() => checkFits(need, config, "bfloat16", free(10e9, 8e9)), RangeError);
  assert(message.endsWith("choose an export_dir on another disk"), message);
  assertThrows(
    () => checkFits(need, config, "float32", free(20e9, 1.5e9)),
    RangeError,
    "Cannot export as 2.00 GB of memory are needed: current value is 1.50 GB available; close other programs, or set export_check: false",
  );
});

Deno.test("LLaMA-Factory's merge file runs as it is, and again over its own export", () =>
  inFolder(async (folder) => {
    const file = `${folder}/merge.yaml`;
    // its examples/merge_lora/llama3_lora_sft.yaml, with this model
    await Deno.writeTextFile(
      file,
      `### model
model_name_or_path: ${root}fixtures/constraints/model
template: qwen
trust_remote_code: true

### export
export_dir: ${folder}/merged
export_size: 5
export_device: cpu  # choices: [cpu, auto]
export_legacy_format: false
`,
    );
    // what a kill leaves
    await Deno.mkdir(`${folder}/.merged.partial`);
    await Deno.writeTextFile(`${folder}/.merged.partial/model.safetensors`, "half");
    const said: string[] = [];
    const first = await exportModel(file, [], { say: (line) => said.push(line) });
    assert(said.some((line) => line.includes("interrupted")) && said.some((line) => /bound/.test(line)));
    const { files = [], largestDifference } = first ?? {};
    assertEquals(largestDifference, 0);
    for (const name of ["config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"]) {
      assert(files.includes(name), `${name} in ${files}`);
    }
    const config = JSON.parse(Deno.readTextFileSync(`${folder}/merged/config.json`));
    assertEquals([config.dtype, config.torch_dtype, config.rope_theta, config.rope_parameters], [
      "bfloat16",
      "bfloat16",
      10000,
      { rope_theta: 10000, rope_type: "default" },
    ]);
    const generation = JSON.parse(Deno.readTextFileSync(`${folder}/merged/generation_config.json`));
    assertEquals(generation.eos_token_id, [1535, 1533]); // the model's own
    // what a kill in the moment of replacing leaves: the earlier export waits beside its place
    await Deno.rename(`${folder}/merged`, `${folder}/.merged.partial.old`);
    const second = await exportModel(file, ["export_dtype=float16"], quiet);
    assertEquals(second?.files, files);
    // the task itself, which may write there only, over an earlier export and through a link
    await Deno.symlink(`${folder}/merged`, `${folder}/link`);
    const task = project.tasks.export.split(" ").slice(1);
    const third = await new Deno.Command(Deno.execPath(), {
      args: [...task, file, `export_dir=${folder}/link`, "export_check=false"],
      cwd: root,
    }).output();
    assertEquals(third.code, 0, new TextDecoder().decode(third.stderr));
    assert(Deno.lstatSync(`${folder}/link`).isSymlink);
    assertEquals(filesOf(`${folder}/merged`), files);
    assertEquals(JSON.parse(Deno.readTextFileSync(`${folder}/merged/config.json`)).dtype, "bfloat16");
    await Deno.remove(`${folder}/link`);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["merge.yaml", "merged"]);
  }));

Deno.test("an adapter comes from the hub as a model does, and named twice it is refused", () =>
  inFolder(async (folder) => {
    const from = golden("peft/lora/adapter"), model = `model_name_or_path=${golden("tiny/qwen2/model")}`;
    const files = filesOf(from).map((name) => [name, Deno.readFileSync(join(from, name))] as const);
    await using hub = new FakeHub(new Map(files));
    const cache = `cache_dir=${folder}/cache`;
    for (const [target, adapter] of [["a", "tiny/qwen2"], ["b", from]]) {
      await exportModel(
        undefined,
        [model, cache, `adapter_name_or_path=${adapter}`, `export_dir=${folder}/${target}`],
        { ...quiet, endpoint: hub.endpoint },
      );
    }
    const weights = (target: string) => Deno.readFileSync(`${folder}/${target}/model.safetensors`).toHex();
    assertEquals(weights("a"), weights("b"));
    await Deno.symlink(from, `${folder}/link`);
    await assertRejects(
      () =>
        exportModel(
          undefined,
          [model, `adapter_name_or_path=${from},${folder}/link`, `export_dir=${folder}/c`],
          quiet,
        ),
      RangeError,
      `Cannot merge ${folder}/link as each adapter must be named once: current value is ${from}, ${folder}/link`,
    );
  }));

Deno.test("export --help KEY tells of one key, whether it works here or not", () => {
  assertStringIncludes(exportHelp(""), "Examples\n");
  const [first, ...more] = exportHelp("export_size").split("\n");
  assertEquals(first, "export_size");
  assertEquals(more.filter((line) => !line.startsWith("      ")), []);
  assertStringIncludes(exportHelp("export_hub_model_id"), "refused, as nothing is uploaded from here");
  assertStringIncludes(exportHelp("learning_rate"), "accepted without effect");
  assertStringIncludes(exportHelp("all"), "export_quantization_bit");
  assertThrows(() => exportHelp("export_siz"), RangeError, 'did you mean "export_size"?');
});

Deno.test("the bundled examples are files for merging and quantising, and one names the adapter that the default training writes", () => {
  const { config, notes } = readExportConfig(`${root}examples/export/merge.yaml`, []);
  assertEquals([config.export_size, config.export_format, notes], [5, "safetensors", []]);
  assertStringIncludes(config.adapter_name_or_path.join(), "saves/default_iopo");
  assertStringIncludes(
    Deno.readTextFileSync(`${root}examples/default_iopo.yaml`),
    "output_dir: saves/default_iopo\n",
  );
  const gptq = readExportConfig(`${root}examples/export/gptq.yaml`, []).config;
  assertEquals([gptq.export_quantization_bit, gptq.export_quantization_nsamples], [4, 64]);
  assert(exists(gptq.export_quantization_dataset ?? ""), `${gptq.export_quantization_dataset}`);
});

Deno.test("the run.yaml of a training is a file for merging, and an adapter in its output_dir that isn't named is told", () =>
  inFolder(async (folder) => {
    const file = `${folder}/run.yaml`, output = `${folder}/tuned`, words = [`export_dir=${folder}/out`];
    const settings = { model_name_or_path: BUNDLED, stage: "sft", learning_rate: 1e-3, output_dir: output };
    await Deno.writeTextFile(file, JSON.stringify({ ...settings, provenance: { dinotune: "0.1.0" } }));
    const notes = (...more: string[]) =>
      readExportConfig(file, [...words, ...more]).notes.filter((note) =>
        note.includes("no adapter is merged")
      );
    assertEquals(notes(), []);
    await Deno.mkdir(output);
    await Deno.writeTextFile(`${output}/adapter_config.json`, "{}");
    assertEquals(notes(), [
      `no adapter is merged: adapter_name_or_path=${output} merges the one in output_dir`,
    ]);
    assertEquals(notes(`adapter_name_or_path=${output}`), []);
  }));
