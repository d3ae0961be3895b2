import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { adapterNotes } from "./open.ts";

const runs = new URL("../../../fixtures/goldens/llamafactory/", import.meta.url).pathname;

Deno.test("an adapter of a reward model is told as one where it is to answer; others aren't", () => {
  const folder = temporaryFolder(), model = "model";
  Deno.copyFileSync(join(runs, "adapter/adapter_config.json"), join(folder, "adapter_config.json"));
  const plain = adapterNotes(folder, model);
  assertEquals(adapterNotes(null, model), []);
  Deno.copyFileSync(join(runs, "value_head.safetensors"), join(folder, "value_head.safetensors"));
  const [note = "", ...more] = adapterNotes(folder, model).filter((text) => !plain.includes(text));
  assertStringIncludes(note, `${folder} is of a reward model (value_head.safetensors)`);
  assertEquals(more, []);
});
