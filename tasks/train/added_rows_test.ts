/** Rows of added tokens that would be lost, or are no one's: what is refused, and what finds them where adapters are merged and asked. */
import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";

import { exists } from "../../formats/exists.ts";
import { GgufFile } from "../../formats/gguf/mod.ts";
import { openModel } from "../../formats/hf_model/mod.ts";
import { loadTokenizerSync } from "../../formats/tokenizer/mod.ts";
import { readTensors } from "../../tests/helpers/tiny_model.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { exportModel } from "../export.ts";
import { TINY_QWEN, trainAddingTokens, writeRowsWithTokens } from "./_added_tokens_run.ts";
import { silentProgress } from "./outputs/mod.ts";

const quiet = { say: () => {}, progress: silentProgress() };
const NONE = { add_tokens: "", add_special_tokens: "" };
/** transformers 5.17: ids of the text by the tokenizer with `zwei`, `<plan>` and `</plan>` */
const TEXT = "a zwei <plan>b</plan>", IDS = [64, 220, 304, 220, 305, 65, 306];

Deno.test("an export that names a template writes the tokens that the adapter's run added, as one without does", async () => {
  const folder = temporaryFolder(), merged = join(folder, "merged");
  writeRowsWithTokens(folder);
  await trainAddingTokens(folder, "out", { max_steps: 1 });
  await exportModel(undefined, [
    `model_name_or_path=${TINY_QWEN}`,
    `adapter_name_or_path=${join(folder, "out")}`,
    `export_dir=${merged}`,
    "template=qwen",
  ], quiet);
  const { weights, tokenizer } = await openModel(merged);
  assertEquals(weights.shape("model.embed_tokens.weight")?.[0], 320);
  weights.close();
  assertEquals(tokenizer.encode(TEXT, { special: true }), IDS);
});

Deno.test("a GGUF model and its adapter with added tokens are exported as a GGUF file that has these behind its own", async () => {
  const folder = temporaryFolder(), base = join(folder, "base"), merged = join(folder, "merged");
  writeRowsWithTokens(folder);
  const gguf = ["export_format=gguf", "export_dtype=float32"];
  await exportModel(undefined, [`model_name_or_path=${TINY_QWEN}`, `export_dir=${base}`, ...gguf], quiet);
  const file = (path: string) =>
    join(path, [...Deno.readDirSync(path)].find(({ name }) => name.endsWith(".gguf"))!.name);
  await trainAddingTokens(folder, "out", { model_name_or_path: file(base), max_steps: 1 });
  await exportModel(undefined, [
    `model_name_or_path=${file(base)}`,
    `adapter_name_or_path=${join(folder, "out")}`,
    `export_dir=${merged}`,
    ...gguf,
  ], quiet);
  using read = new GgufFile(file(merged));
  const list = (key: string) => Array.from(read.metadata.get(`tokenizer.ggml.${key}`) as ArrayLike<unknown>);
  assertEquals([list("tokens").length, list("token_type").length], [320, 320]);
  assertEquals(list("tokens").slice(303, 308), ["<|pad|>", "zwei", "<plan>", "</plan>", "[PAD307]"]);
  // llama.cpp's types: 3 control, 4 user-defined, 5 unused
  assertEquals(list("token_type").slice(303, 308).map(Number), [3, 4, 3, 3, 5]);
  assertEquals(loadTokenizerSync(file(merged)).encode(TEXT, { special: true }), IDS);
});

Deno.test("new rows that no adapter would have are refused before anything is trained", async () => {
  const folder = temporaryFolder();
  writeRowsWithTokens(folder);
  for (const target of ["norm", "embed_tokens", "lm_head,norm"]) {
    await assertRejects(
      () => trainAddingTokens(folder, "no", { additional_target: target }),
      RangeError,
      `current value of additional_target is ${target.replace(",", ", ")}; add both, or leave it out`,
    );
  }
  await trainAddingTokens(folder, "plain", { ...NONE, max_steps: 1 });
  const adapter = join(folder, "plain");
  await assertRejects(
    () => trainAddingTokens(folder, "no", { adapter_name_or_path: adapter }),
    RangeError,
    "its modules_to_save lack embed_tokens or lm_head: to train, set create_new_adapter: true",
  );
  assertEquals(exists(join(folder, "no")), false);
  const upon = { adapter_name_or_path: adapter, create_new_adapter: true, max_steps: 1 };
  await trainAddingTokens(folder, "upon", upon);
  const width = 32, tensors = readTensors(join(folder, "upon", "adapter_model.safetensors"));
  assertEquals(tensors["base_model.model.lm_head.weight"]!.length, 320 * width);
});

Deno.test("an adapter with more rows is merged below a new one with the same tokens, and refused with what to give without", async () => {
  const folder = temporaryFolder();
  writeRowsWithTokens(folder);
  const said = await trainAddingTokens(folder, "below", { add_tokens: "zwei,zwei", max_steps: 1 });
  assert(said.some((line) => line.endsWith("zwei (304), <plan> (305), </plan> (306)")), said.join("\n"));
  const keys = { adapter_name_or_path: join(folder, "below"), create_new_adapter: true, max_steps: 1 };
  await assertRejects(
    () => trainAddingTokens(folder, "no", { ...keys, ...NONE }),
    RangeError,
    "its embeddings have 320 rows: current value is 304, those of the model with the tokens that this run adds; give add_tokens",
  );
  await trainAddingTokens(folder, "upon", keys);
});

Deno.test("do_predict with added tokens is answered by the adapter that has their rows, and refused where nothing has", async () => {
  const folder = temporaryFolder();
  writeRowsWithTokens(folder);
  const asking = {
    do_predict: true,
    predict_with_generate: true,
    eval_dataset: "rows",
    max_new_tokens: 4,
    skip_special_tokens: false,
  };
  const answers = (output: string) =>
    Deno.readTextFileSync(join(folder, output, "generated_predictions.jsonl")).trimEnd().split("\n");
  await assertRejects(
    () => trainAddingTokens(folder, "no", { ...asking, do_train: false, dataset: [] }),
    RangeError,
    "Cannot predict with tokens that nothing was trained for: current value is zwei, <plan>, </plan>",
  );
  for (const finetuning_type of ["lora", "full"]) {
    await trainAddingTokens(folder, finetuning_type, { ...asking, finetuning_type, max_steps: 2 });
    assertEquals(answers(finetuning_type).length, 6);
    assert(JSON.parse(answers(finetuning_type)[0]!).label.includes("<plan>0</plan> zwei 0"));
  }
});

Deno.test("freeze says that rows of new tokens stay as they begin, unless embed_tokens is among its modules", async () => {
  const folder = temporaryFolder(),
    keys = { finetuning_type: "freeze", freeze_trainable_layers: 1, max_steps: 1 };
  writeRowsWithTokens(folder);
  const isSaid = (said: string[]) => said.some((line) => line.includes("new rows stay as they begin"));
  assert(isSaid(await trainAddingTokens(folder, "frozen", keys)));
  const trained = { ...keys, freeze_extra_modules: "embed_tokens" };
  assertEquals(isSaid(await trainAddingTokens(folder, "trained", trained)), false);
});

Deno.test("a linear module that is trained whole stays float32 beside weights in few bits", async () => {
  const folder = temporaryFolder();
  writeRowsWithTokens(folder);
  const keys = { ...NONE, quantization_bit: 4, lora_target: "q_proj", additional_target: "o_proj" };
  await trainAddingTokens(folder, "out", { ...keys, max_steps: 2 });
  const tensors = readTensors(join(folder, "out", "adapter_model.safetensors")),
    { weights } = await openModel(TINY_QWEN);
  const name = "model.layers.1.self_attn.o_proj.weight", before = weights.read(name);
  weights.close();
  const moved = tensors[`base_model.model.${name}`]!.map((value, i) => Math.abs(value - before[i]!));
  // two steps of 0.02 by AdamW, of the stored values and not of rounded ones
  assert(moved.every((distance) => distance < 0.045) && moved.some((distance) => distance > 0.01));
});

Deno.test("a ref_model that is the model itself is the policy with adapters off, with added tokens too", async () => {
  const folder = temporaryFolder();
  const row = { instruction: "say 1", chosen: "<plan>1</plan>", rejected: "zwei" };
  Deno.writeTextFileSync(join(folder, "pairs.json"), JSON.stringify([row, row]));
  const columns = { prompt: "instruction", chosen: "chosen", rejected: "rejected" };
  Deno.writeTextFileSync(
    join(folder, "dataset_info.json"),
    JSON.stringify({ pairs: { file_name: "pairs.json", ranking: true, columns } }),
  );
  const keys = { stage: "dpo", dataset: "pairs", ref_model: TINY_QWEN, max_steps: 1, logging_steps: 1 };
  const said = await trainAddingTokens(folder, "out", keys);
  assert(said.some((line) => line.includes("is the model that is trained")), said.join("\n"));
  const log = Deno.readTextFileSync(join(folder, "out", "trainer_log.jsonl")).split("\n")[0]!;
  // policy = reference
  assertAlmostEquals(JSON.parse(log).loss, Math.log(2), 1e-4);
});

Deno.test("a tied model's lm_head alone is trained apart: merged it is its own, and the embedding stays the model's", async () => {
  const folder = temporaryFolder(), merged = join(folder, "merged");
  writeRowsWithTokens(folder);
  await trainAddingTokens(folder, "out", { ...NONE, additional_target: "lm_head", max_steps: 2 });
  const saved = readTensors(join(folder, "out", "adapter_model.safetensors"));
  await exportModel(undefined, [
    `model_name_or_path=${TINY_QWEN}`,
    `adapter_name_or_path=${join(folder, "out")}`,
    `export_dir=${merged}`,
  ], quiet);
  const [base, whole] = [await openModel(TINY_QWEN), await openModel(merged)];
  const read = ({ weights }: typeof base, name: string) => weights.read(`${name}.weight`);
  assertEquals(read(whole, "lm_head"), saved["base_model.model.lm_head.weight"]!);
  assertEquals(read(whole, "model.embed_tokens"), read(base, "model.embed_tokens"));
  assertNotEquals(read(whole, "lm_head"), read(base, "lm_head"));
  for (const { weights } of [base, whole]) weights.close();
});
