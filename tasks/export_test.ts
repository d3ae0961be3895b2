import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { exists } from "../formats/exists.ts";
import { runDeno, taskWords } from "../tests/helpers/deno_process.ts";
import { exportModel } from "./export.ts";
import { silentProgress } from "./train/outputs/mod.ts";
import { filesOf } from "./export/folder.ts";
import { readExportConfig } from "./export/config.ts";
import { exportHelp } from "./export/help.ts";
import { FakeHub } from "../tests/helpers/fake_hub.ts";
import { BUNDLED_MODEL, checkoutRoot, goldenPath, inExportFolder, quietExport } from "./_exported.ts";

/** Bytes of all files of a folder, by their names. */
const contents = (folder: string) =>
  Object.fromEntries(filesOf(folder).map((name) => [name, Deno.readFileSync(`${folder}/${name}`).toHex()]));

Deno.test("export stopped in the middle, by Ctrl-C or by a kill, leaves the earlier one, holds one tensor at a time, and works the next time", () =>
  inExportFolder(async (folder) => {
    const out = `${folder}/out`, args = [`model_name_or_path=${BUNDLED_MODEL}`, `export_dir=${out}`];
    await exportModel(undefined, [...args, "export_check=false"], quietExport);
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
        { ...quietExport, progress, signal: controller.signal },
      );
      await assertRejects(() => stopped, Error, "Stopped before the export was whole");
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["out"]);
    }
    assertEquals(contents(out), before);

    // the task itself, by a signal as a terminal sends it, once a tensor is written; from then on each wait is over when the
    // signal has arrived
    const task = taskWords("export").slice(0, -1);
    const interrupted = `--preload=${checkoutRoot}tasks/_export_interrupted.ts`;
    const ended = await runDeno(
      [...task, "--allow-run", "--no-check", interrupted, `${checkoutRoot}tasks/export.ts`, ...args],
      { cwd: folder, env: { DINOTUNE_TEST_WRITTEN: `${folder}/.out.partial/model.safetensors` } },
    );
    assertEquals(ended.code, 130, ended.stderr);
    assertStringIncludes(ended.stderr, "Stopping: export_dir stays as it was");
    assertStringIncludes(ended.stderr, "error: Stopped before the export was whole");
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
        const args = ["model_name_or_path=${BUNDLED_MODEL}", "export_dir=${folder}/" + format, "export_format=" + format, "export_check=false"];
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
    const flags = ["-A", "--no-check", `--config=${checkoutRoot}deno.json`];
    const { signal, stdout, stderr } = await runDeno(
      ["run", ...flags, "--v8-flags=--expose-gc,--single-threaded-gc", `${folder}/held.ts`],
    );
    assertEquals(signal, "SIGKILL", stderr);
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
  inExportFolder(async (folder) => {
    const model = `${folder}/model`;
    await Deno.mkdir(`${model}/additional_chat_templates`, { recursive: true });
    for (const { name } of Deno.readDirSync(BUNDLED_MODEL)) {
      await Deno.copyFile(`${BUNDLED_MODEL}/${name}`, `${model}/${name}`);
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

Deno.test("LLaMA-Factory's merge file runs as it is, and again over its own export", () =>
  inExportFolder(async (folder) => {
    const file = `${folder}/merge.yaml`;
    // its examples/merge_lora/llama3_lora_sft.yaml, with this model
    await Deno.writeTextFile(
      file,
      `### model
model_name_or_path: ${checkoutRoot}fixtures/constraints/model
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
    const second = await exportModel(file, ["export_dtype=float16"], quietExport);
    assertEquals(second?.files, files);
    // the task itself, which may write there only, over an earlier export and through a link
    await Deno.symlink(`${folder}/merged`, `${folder}/link`);
    const third = await runDeno(taskWords("export", file, `export_dir=${folder}/link`, "export_check=false"));
    assertEquals(third.code, 0, third.stderr);
    assert(Deno.lstatSync(`${folder}/link`).isSymlink);
    assertEquals(filesOf(`${folder}/merged`), files);
    assertEquals(JSON.parse(Deno.readTextFileSync(`${folder}/merged/config.json`)).dtype, "bfloat16");
    await Deno.remove(`${folder}/link`);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["merge.yaml", "merged"]);
  }));

Deno.test("an adapter comes from the hub as a model does, and named twice it is refused", () =>
  inExportFolder(async (folder) => {
    const from = goldenPath("peft/lora/adapter"),
      model = `model_name_or_path=${goldenPath("tiny/qwen2/model")}`;
    const files = filesOf(from).map((name) => [name, Deno.readFileSync(join(from, name))] as const);
    await using hub = new FakeHub(new Map(files));
    const cache = `cache_dir=${folder}/cache`;
    for (const [target, adapter] of [["a", "tiny/qwen2"], ["b", from]]) {
      await exportModel(
        undefined,
        [model, cache, `adapter_name_or_path=${adapter}`, `export_dir=${folder}/${target}`],
        { ...quietExport, endpoint: hub.endpoint },
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
          quietExport,
        ),
      RangeError,
      `Cannot merge ${folder}/link as each adapter must be named once: current value is ${from}, ${folder}/link`,
    );
  }));

Deno.test("export --help KEY tells of one key, whether it works here or not", () => {
  assertStringIncludes(exportHelp(""), "Examples:\n");
  const [first, ...more] = exportHelp("export_size").split("\n");
  assertEquals(first, "export_size");
  assertEquals(more.filter((line) => !line.startsWith("      ")), []);
  assertStringIncludes(exportHelp("export_hub_model_id"), "refused, as nothing is uploaded from here");
  assertStringIncludes(exportHelp("learning_rate"), "accepted without effect");
  assertStringIncludes(exportHelp("all"), "export_quantization_bit");
  assertThrows(() => exportHelp("export_siz"), RangeError, 'did you mean "export_size"?');
});

Deno.test("the bundled examples are files for merging and quantising, and one names the adapter that the default training writes", () => {
  const { config, notes } = readExportConfig(`${checkoutRoot}examples/export/merge.yaml`, []);
  assertEquals([config.export_size, config.export_format, notes], [5, "safetensors", []]);
  assertStringIncludes(config.adapter_name_or_path.join(), "saves/default_iopo");
  assertStringIncludes(
    Deno.readTextFileSync(`${checkoutRoot}examples/default_iopo.yaml`),
    "output_dir: saves/default_iopo\n",
  );
  const gptq = readExportConfig(`${checkoutRoot}examples/export/gptq.yaml`, []).config;
  assertEquals([gptq.export_quantization_bit, gptq.export_quantization_nsamples], [4, 64]);
  assert(exists(gptq.export_quantization_dataset ?? ""), `${gptq.export_quantization_dataset}`);
});

Deno.test("the run.yaml of a training is a file for merging, and an adapter in its output_dir that isn't named is told", () =>
  inExportFolder(async (folder) => {
    const file = `${folder}/run.yaml`, output = `${folder}/tuned`, words = [`export_dir=${folder}/out`];
    const settings = {
      model_name_or_path: BUNDLED_MODEL,
      stage: "sft",
      learning_rate: 1e-3,
      output_dir: output,
    };
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
