import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import { openModel } from "../../../../formats/hf_model/mod.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";
import { models } from "../../../models/mod.ts";
import { Registry } from "../../../registry.ts";
import { decoderOf } from "../../../kinds/decoder_of.ts";
import { CONFIG } from "../../../../tests/helpers/behaviour_run.ts";
import { makeTarget } from "./make_target.ts";

const golden = (path: string) =>
  fileURLToPath(new URL(`../../../../fixtures/goldens/${path}`, import.meta.url));

/** Name of the base in the adapter of a run. */
async function named(path: string, base_model: string | null, adapters: string[] = []): Promise<unknown> {
  const folder = temporaryFolder();
  const model = await openModel(path);
  const config = { ...CONFIG, model_name_or_path: path, base_model, adapter_name_or_path: adapters };
  const target = makeTarget(config, model, decoderOf(new Registry(models), model), { files: {} });
  target.save(folder, target.initial);
  model.weights.close();
  return JSON.parse(Deno.readTextFileSync(join(folder, "adapter_config.json"))).base_model_name_or_path;
}

Deno.test("an adapter names base_model, else what the model's files tell, else the path", async () => {
  const folder = golden("tiny/qwen2/model");
  assertEquals(await named(folder, null), folder);
  assertEquals(await named(folder, "owner/name"), "owner/name");
  assertEquals(await named(golden("gguf/qwen2.gguf"), "owner/name"), "owner/name");
  const cached = join(temporaryFolder(), "models--owner--cached/snapshots/0123");
  Deno.mkdirSync(cached, { recursive: true });
  for (const { name } of Deno.readDirSync(folder)) Deno.copyFileSync(join(folder, name), join(cached, name));
  assertEquals(await named(cached, null), "owner/cached");
});

Deno.test("an adapter that is trained further keeps its base unless another is given", async () => {
  const folder = golden("tiny/qwen2/model"), adapter = golden("tiny/qwen2/adapter");
  const before =
    JSON.parse(Deno.readTextFileSync(join(adapter, "adapter_config.json"))).base_model_name_or_path;
  assertEquals(await named(folder, null, [adapter]), before);
  assertEquals(await named(folder, "owner/name", [adapter]), "owner/name");
});
