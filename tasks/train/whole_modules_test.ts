/** Modules trained whole where they were tried last: beside quadruples, and in the language part of a model that sees. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { readTensors } from "../../tests/helpers/tiny_model.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { TINY_QWEN, trainAddingTokens, writeRowsWithTokens } from "./_added_tokens_run.ts";

const NONE = { add_tokens: "", add_special_tokens: "" };
const WEIGHTS = "adapter_model.safetensors";

/** Trains four steps, and two again from the second's checkpoint; gives the tensors, which are those of the whole run. */
async function trainedTwice(folder: string, keys: Record<string, unknown>) {
  await trainAddingTokens(folder, "out", keys);
  await trainAddingTokens(folder, "on", {
    ...keys,
    resume_from_checkpoint: join(folder, "out", "checkpoint-2"),
  });
  const tensors = readTensors(join(folder, "out", WEIGHTS));
  assertEquals(readTensors(join(folder, "on", WEIGHTS)), tensors);
  return tensors;
}

Deno.test("iopo with embedding and head trained whole begins at ln 2, and goes on to the same bytes", async () => {
  const folder = temporaryFolder();
  const rows = Array.from(
    { length: 6 },
    (_, i) => ({ x1: `say ${i}`, y1: `${i}`, x2: `say ${i} twice`, y2: `${i} ${i}` }),
  );
  Deno.writeTextFileSync(join(folder, "quads.json"), JSON.stringify(rows));
  const info = { quads: { file_name: "quads.json", formatting: "quads" } };
  Deno.writeTextFileSync(join(folder, "dataset_info.json"), JSON.stringify(info));
  const tensors = await trainedTwice(folder, {
    ...NONE,
    stage: "iopo",
    dataset: "quads",
    additional_target: "embed_tokens,lm_head",
    logging_steps: 1,
    cutoff_len: 256,
  });
  const log = Deno.readTextFileSync(join(folder, "out", "trainer_log.jsonl")).split("\n")[0]!;
  // policy = reference, whose whole modules are the model's
  assertAlmostEquals(JSON.parse(log).loss, Math.LN2, 1e-4);
  const whole = tensors["base_model.model.lm_head.weight"]!,
    embedding = tensors["base_model.model.model.embed_tokens.weight"]!;
  assertEquals(whole.length, embedding.length);
  // one tensor in the model, two that are trained
  assertEquals(whole.some((value, i) => value !== embedding[i]), true);
});

Deno.test("the language part of a Qwen2-VL trains a larger embedding and head whole, and goes on to the same bytes", async () => {
  const folder = temporaryFolder(), model = join(folder, "model");
  const golden = new URL("../../fixtures/goldens/vision_language/qwen2_vl/model/", import.meta.url).pathname;
  Deno.mkdirSync(model);
  for (const { name } of Deno.readDirSync(golden)) Deno.copyFileSync(join(golden, name), join(model, name));
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    Deno.copyFileSync(join(TINY_QWEN, name), join(model, name));
  }
  writeRowsWithTokens(folder);
  const tensors = await trainedTwice(folder, {
    ...NONE,
    model_name_or_path: model,
    template: "qwen2_vl",
    resize_vocab: true,
  });
  // PEFT's names of the language part; 304 tokens in rows of 64, of width 32
  const rows = Object.entries(tensors).flatMap(([name, { length }]) =>
    /(embed_tokens|lm_head)\.weight$/.test(name) ? [length / 320] : []
  );
  assertEquals(rows.length, 2);
  assertEquals(rows[0], rows[1]);
  assertEquals(Number.isInteger(rows[0]), true);
});
