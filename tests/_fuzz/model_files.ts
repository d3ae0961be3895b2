/**
 * Damaged model files: configuration, index, weights, tokenizer, adapter; of folders and of GGUF files.
 * @module
 */
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import { checkTensors, openModel } from "../../formats/hf_model/mod.ts";
import { readAdapter } from "../../formats/peft/mod.ts";
import { tensorShapes } from "../../kernels/engine/decoder/decoder.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import type { Chooser } from "./chooser.ts";

const goldens = fileURLToPath(new URL("../../fixtures/goldens/", import.meta.url));
const FOLDERS = [
  "llamafactory/model",
  "tiny/qwen3/model",
  "tiny/llama3/model",
  "tiny/mistral/model",
  "tiny/smollm3/model",
  "tiny/granite/model",
  "tiny/gemma2/model",
  "tiny/gemma3/model",
  "tiny/olmo2/model",
  "tiny/olmo3/model",
  "tiny/exaone4/model",
  "tiny/ernie45/model",
  "tiny/hunyuan/model",
  "tiny/glm4/model",
  "tiny/phi4mini/model",
  "tiny/qwen2/model-sharded",
];
const GGUFS = ["gguf/llama3.gguf", "gguf/qwen2.gguf", "gguf/qwen3.gguf", "gguf/metadata.gguf"];
const ADAPTERS = ["peft/lora/adapter", "peft/patterns/adapter", "peft/qv_only/adapter"];
const registry = builtinRegistry();

/** Damages one file in `folder` and reads everything. @returns Path that a message has to name */
export async function damagedModel(choose: Chooser, folder: string): Promise<void> {
  const kind = choose.below(10);
  if (kind < 2) return await readModel(damagedGguf(choose, folder));
  if (kind === 2) return readDamagedAdapter(choose, folder);
  copyFolder(join(goldens, choose.of(FOLDERS)), folder);
  damageOneFile(choose, folder);
  await readModel(folder);
}

function damagedGguf(choose: Chooser, folder: string): string {
  const path = join(folder, "model.gguf");
  Deno.writeFileSync(path, choose.damagedBytes(Deno.readFileSync(join(goldens, choose.of(GGUFS))), 2000));
  return path;
}

function readDamagedAdapter(choose: Chooser, folder: string): void {
  copyFolder(join(goldens, choose.of(ADAPTERS)), folder);
  damageOneFile(choose, folder);
  const config = JSON.parse(Deno.readTextFileSync(join(goldens, "tiny/qwen2/model/config.json")));
  const shapes = [...tensorShapes(registry.create("model", "qwen2").parse(config))];
  const linear = shapes.flatMap(([name, shape]): [string, [number, number]][] =>
    /_proj\.weight$/.test(name) ? [[name.replace(/\.weight$/, ""), shape as [number, number]]] : []
  );
  readAdapter(folder, new Map(linear));
}

function damageOneFile(choose: Chooser, folder: string): void {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  const json = names.filter((name) => name.endsWith(".json"));
  const path = join(folder, choose.of(choose.chance(0.75) ? json : names));
  if (choose.chance(0.02)) return Deno.removeSync(path);
  if (!path.endsWith(".json") || choose.chance(0.15)) {
    const bytes = Deno.readFileSync(path);
    return Deno.writeFileSync(path, choose.damagedBytes(bytes, 1500));
  }
  const text = Deno.readTextFileSync(path);
  const damaged = choose.chance(0.2)
    ? choose.damaged(text)
    : JSON.stringify(choose.mutated(JSON.parse(text)));
  Deno.writeTextFileSync(path, damaged);
}

async function readModel(path: string): Promise<void> {
  const model = await openModel(path);
  try {
    const decoder = decoderOf(registry, model);
    checkTensors(model.weights, tensorShapes(decoder), model.path);
    model.weights.read("model.norm.weight");
    const { tokenizer } = model;
    tokenizer.decode(Array.from(tokenizer.encode("Hello <|im_end|> 世界\n")));
  } finally {
    model.weights.close();
  }
}

function copyFolder(from: string, to: string): void {
  for (const { name, isFile } of Deno.readDirSync(from)) {
    if (isFile) Deno.copyFileSync(join(from, name), join(to, name));
  }
}
