import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { baseDifference } from "./mod.ts";

/** An adapter of a base, and models of one last name in folders of their own. */
function withFolders(check: (root: string, adapter: (base: string) => string) => void): void {
  const root = Deno.makeTempDirSync();
  try {
    check(root, (base) => {
      const folder = join(root, "adapter");
      Deno.mkdirSync(folder, { recursive: true });
      Deno.writeTextFileSync(
        join(folder, "adapter_config.json"),
        JSON.stringify({
          peft_type: "LORA",
          task_type: "CAUSAL_LM",
          base_model_name_or_path: base,
          r: 8,
          lora_alpha: 16,
          target_modules: ["q_proj"],
        }),
      );
      return folder;
    });
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

function model(folder: string, bytes: Uint8Array): string {
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeFileSync(join(folder, "model.safetensors"), bytes);
  return folder;
}

Deno.test("baseDifference() goes by the last name of a base that isn't here", () => {
  withFolders((_, adapter) => {
    const folder = adapter("org/Model-1B");
    for (
      const same of [
        "Model-1B",
        "other/model-1b",
        "org/Model-1B@v2",
        "/models/Model-1B-Q4_1.gguf",
        "model-1b.f16.gguf",
        "/a/Model-1B/",
      ]
    ) {
      assertEquals(baseDifference(folder, same), null, same);
    }
    assertEquals(
      baseDifference(folder, "org/Model-1B-Instruct"),
      `${folder} was trained on org/Model-1B, the model is org/Model-1B-Instruct`,
    );
    assertEquals(baseDifference(adapter(""), "org/other"), null);
  });
});

Deno.test("baseDifference() compares weights of two models that have one name and lie here", () => {
  withFolders((root, adapter) => {
    const bytes = new Uint8Array(3 << 20).map((_, i) => i % 251);
    const base = model(join(root, "base", "model"), bytes), folder = adapter(base);
    assertEquals(baseDifference(folder, base), null);
    assertEquals(baseDifference(folder, model(join(root, "copy", "model"), bytes)), null);
    // fine-tuned: as many bytes, others in them
    const tuned = model(join(root, "tuned", "model"), bytes.map((byte) => byte + 1));
    assertStringIncludes(baseDifference(folder, tuned) ?? "", `${tuned} has the same name but other weights`);
    const longer = new Uint8Array(bytes.length + 4);
    longer.set(bytes);
    assertStringIncludes(
      baseDifference(folder, model(join(root, "long", "model"), longer)) ?? "",
      "other weights",
    );
    // a GGUF of it can't be compared with a folder
    Deno.writeFileSync(join(root, "model.gguf"), bytes.subarray(5));
    assertEquals(baseDifference(folder, join(root, "model.gguf")), null);
    model(join(root, "empty", "model"), new Uint8Array());
    Deno.removeSync(join(root, "empty", "model", "model.safetensors"));
    assertEquals(baseDifference(folder, join(root, "empty", "model")), null);
  });
});
