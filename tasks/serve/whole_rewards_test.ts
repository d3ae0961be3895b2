/** Rewards under an adapter with an embedding and a head of its own, beside the model that export makes of both. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { RewardModel } from "../../plugins/endpoints/local/reward_model.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { exportModel } from "../export.ts";

const goldens = new URL("../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
const HEAD = "value_head.safetensors";

async function rewardsOf(model: string, adapter: string | null, texts: readonly number[][]) {
  const device = { backend: "onnx", provider: "cpu", threads: null } as const;
  const rewards = await RewardModel.open({ model, adapter, device }, builtinRegistry());
  try {
    return await rewards.rewards(texts);
  } finally {
    await rewards.close();
  }
}

Deno.test("an adapter that unties embedding and head rewards texts as the model that it is merged into", async () => {
  const folder = temporaryFolder(), adapter = join(folder, "adapter"), merged = join(folder, "merged");
  Deno.mkdirSync(adapter);
  for (const { name } of Deno.readDirSync(join(goldens, "adapter_whole"))) {
    Deno.copyFileSync(join(goldens, "adapter_whole", name), join(adapter, name));
  }
  Deno.copyFileSync(join(goldens, HEAD), join(adapter, HEAD));
  const model = join(goldens, "model"), texts = [[3, 14, 15, 92, 65], [35, 89]];
  const keys = [`model_name_or_path=${model}`, `adapter_name_or_path=${adapter}`, "stage=rm"];
  await exportModel(undefined, [...keys, `export_dir=${merged}`, "template=qwen"], { say: () => {} });
  const [expected, found] = [await rewardsOf(merged, null, texts), await rewardsOf(model, adapter, texts)];
  found.forEach((reward, i) => assertAlmostEquals(reward, expected[i]!, 1e-5));
  assertEquals(found.length, texts.length);
});
