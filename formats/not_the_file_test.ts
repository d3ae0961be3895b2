import { assertRejects, assertStringIncludes } from "@std/assert";
import { gzipSync } from "node:zlib";

import { temporaryFolder } from "../tests/helpers/temporary_folder.ts";
import { openModel } from "./hf_model/mod.ts";
import { readRecords } from "./records/read_files.ts";
import { loadTokenizerSync } from "./tokenizer/mod.ts";

// as `git clone` of https://huggingface.co leaves it where Git LFS isn't installed
const POINTER = "version https://git-lfs.github.com/spec/v1\n" +
  "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
const PAGE =
  "<!doctype html>\n<html class=''><head><meta charset='utf-8'><title>config.json · a/model</title></head></html>";
const CONFIG = '{"model_type": "llama"}';

async function all(file: string): Promise<void> {
  for await (const _ of readRecords(file));
}

Deno.test("a pointer of Git LFS in place of a data file is refused with what to do, and never read as text", async () => {
  const folder = temporaryFolder();
  for (const type of ["json", "jsonl", "csv", "parquet", "txt", "jsonl.gz", "txt.gz"]) {
    const file = `${folder}/rows.${type}`;
    await Deno.writeTextFile(file, POINTER);
    await assertRejects(
      () => all(file),
      SyntaxError,
      `${file}: it is a pointer of Git LFS, not the file itself. Fetch`,
    );
  }
  // the same text where somebody keeps it, packed
  await Deno.writeFile(`${folder}/kept.txt.gz`, gzipSync(POINTER));
  await all(`${folder}/kept.txt.gz`);
});

Deno.test("a pointer of Git LFS and a saved web page in place of any file of a model say so, with the file", async () => {
  for (
    const [text, what] of [[POINTER, "it is a pointer of Git LFS"], [
      PAGE,
      "it is a web page, not the file",
    ]] as const
  ) {
    const folder = temporaryFolder();
    const write = (name: string, text: string) => Deno.writeTextFileSync(`${folder}/${name}`, text);
    const refused = async (name: string, open: () => unknown) => {
      write(name, text);
      const error = await assertRejects(async () => await open(), SyntaxError, what);
      assertStringIncludes(error.message, `${folder}/${name}`);
      Deno.removeSync(`${folder}/${name}`);
    };
    await refused("a.gguf", () => openModel(`${folder}/a.gguf`));
    await refused("tokenizer.json", () => loadTokenizerSync(folder));
    await refused("config.json", () => openModel(folder));
    write("config.json", CONFIG);
    await refused("model.safetensors", () => openModel(folder));
    await refused("model.safetensors.index.json", () => openModel(folder));
  }
});

Deno.test("an index without files, one that names others' files, and shards without their index are told apart", async () => {
  const folder = temporaryFolder();
  const write = (name: string, text: string) => Deno.writeTextFileSync(`${folder}/${name}`, text);
  const refused = (message: string) => assertRejects(() => openModel(folder), Error, message);
  write("config.json", CONFIG);
  write("model-00001-of-00002.safetensors", "");
  await refused(
    'has ["model-00001-of-00002.safetensors"], which need that index beside them: download it, too',
  );
  write("model.safetensors.index.json", '{"weight_map": {}}');
  await refused("its weight_map names no file");
  write("model.safetensors.index.json", '{"weight_map": {"a": "../other/model.safetensors"}}');
  refused(
    'model.safetensors.index.json may name files of this folder only, not "../other/model.safetensors"',
  );
});
