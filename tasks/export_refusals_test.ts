import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { openModel, saveModel } from "../formats/hf_model/mod.ts";
import { exportModel } from "./export.ts";
import { tokenizerFiles } from "./train/outputs/mod.ts";
import { checkFits, spaceText } from "./export/estimate.ts";
import { readExportConfig } from "./export/config.ts";
import { checkExportFolder } from "./export/folder.ts";
import { BUNDLED_MODEL, checkoutRoot, inExportFolder, quietExport } from "./_exported.ts";
import { temporaryFolder } from "../tests/helpers/temporary_folder.ts";

Deno.test("export refuses what would be wrong, with the key's place, and leaves the folder as it was", () =>
  inExportFolder(async (folder) => {
    const model = `model_name_or_path=${checkoutRoot}fixtures/constraints/model`,
      out = `export_dir=${folder}/out`;
    const refused = async (overrides: string[], text: string) => {
      const { message } = await assertRejects(() =>
        exportModel(undefined, [model, out, ...overrides], quietExport)
      );
      assertStringIncludes(message, text);
    };
    /** By a dry run, too. */
    const refusedDry = async (overrides: string[], text: string) => {
      await refused(overrides, text);
      const dry = { ...quietExport, dryRun: true };
      await assertRejects(() => exportModel(undefined, [model, out, ...overrides], dry), Error, text);
    };
    await refused(["export_legacy_format=true"], "weights are written as safetensors only");
    const texts = `export_quantization_dataset=${checkoutRoot}fixtures/constraints/data/pt.jsonl`;
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
      [
        "export_quantization_bit=4",
        `export_quantization_dataset=${checkoutRoot}fixtures/constraints/data/sft.jsonl`,
      ],
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
    await refused(["stage=rm", "export_format=onnx"], "as a value head has no place in it");
    await refused(["stage=rm"], "has no value_head.safetensors");
    await refused(
      ["default_system=Hi"],
      "Cannot use default_system as it is for a template, and none is named",
    );
    await refused(["enable_thinking=false"], "write template, too, or leave it out");
    assertEquals(readExportConfig(undefined, [model, out, "stage=dpo", "enable_thinking=true"]).notes, []);
    await refused(["export_formt=gguf"], 'did you mean "export_format"?');
    await refused(["export_format=gguf-adapter"], "needs one adapter: current value is none");
    await refusedDry([`export_dir=${checkoutRoot}fixtures/constraints/model/merged`], "is read from there");
    // links: to what is read, to nothing; a disk of its own; a parent that is a file
    await Deno.symlink(`${checkoutRoot}fixtures/constraints/model`, `${folder}/link`);
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

Deno.test("export refuses a weight that its number type can't hold, by name, checked or not", () =>
  inExportFolder(async (folder) => {
    const base = await openModel(BUNDLED_MODEL), weight = "model.layers.0.mlp.up_proj.weight";
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
      const exported = () => exportModel(undefined, [...words, "export_check=false"], quietExport);
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
  // the figure that is said before is the one that is asked for: 1.01 · 10 GB and 32 MB
  assertEquals(
    spaceText(need),
    "10.00 GB of weights (10.13 GB of disk must be free), 2.00 GB of memory beside the program",
  );
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

Deno.test("export knows what is read from its folder by a name that begins with two dots", () => {
  const folder = temporaryFolder();
  assertThrows(() => checkExportFolder(folder, [`${folder}/..base`]), RangeError, "is read from there");
  checkExportFolder(`${folder}/out`, [`${folder}/..base`]);
});
