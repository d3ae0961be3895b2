/** The task as a person runs it, where the hub can't be reached. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { exists } from "../formats/exists.ts";
import { runDeno } from "../tests/helpers/deno_process.ts";
import { unusedPort } from "../tests/helpers/unused_port.ts";
import { inNewFolder } from "./_eval_runs.ts";

Deno.test("replicate --dry-run needs no network: of a model on a hub that can't be reached it says what it doesn't know", async () => {
  await inNewFolder(async (folder) => {
    const out = join(folder, "out");
    const dry = async (...args: string[]) => {
      const env = { HF_ENDPOINT: `http://127.0.0.1:${unusedPort()}`, HF_HOME: folder, HF_HUB_OFFLINE: "" };
      const words = ["run", "-A", "--no-check", "tasks/replicate.ts", ...args, "--dry-run", `out_dir=${out}`];
      return await runDeno(words, { env });
    };
    const { code, all: said } = await dry("smollm2");
    assertEquals(code, 0, said);
    assertStringIncludes(said, "note: Cannot download the model HuggingFaceTB/SmolLM2-135M-Instruct");
    assertStringIncludes(said, "Nothing of it is checked here, and the replication itself needs it");
    assertStringIncludes(said, "40 quadruples of training");
    // a model that isn't anywhere is an error, as before
    const wrong = await dry("smollm2", "model=nowhere.gguf");
    assertEquals(wrong.code, 1, wrong.all);
    assertStringIncludes(wrong.all, "Cannot find the model");
    assertEquals(exists(out), false);
  });
});
