import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { PROJECT_FOLDER, runDeno } from "../../tests/helpers/deno_process.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { needsNetwork, startsPrograms } from "./network.ts";

Deno.test("needsNetwork() is false only where model, adapters and sets are all here and no plugin is named", () => {
  const folder = temporaryFolder();
  Deno.writeTextFileSync(
    join(folder, "dataset_info.json"),
    JSON.stringify({
      here: { file_name: "rows.json" },
      hub: { hf_hub_url: "org/rows" },
      both: { file_name: "rows.json", hf_hub_url: "org/rows" },
      bucket: { file_name: "s3://bucket/rows.json" },
    }),
  );
  const local = {
    model_name_or_path: folder,
    adapter_name_or_path: [folder],
    ref_model: null as string | null,
    ref_model_adapters: [] as string[],
    dataset: ["here"],
    eval_dataset: [] as string[],
    dataset_dir: folder,
    plugins: [] as string[],
  };
  assertEquals(needsNetwork(local), false);
  Deno.writeTextFileSync(join(folder, "rows.jsonl"), "{}");
  const byPath = { ...local, dataset: [join(folder, "rows.jsonl")], dataset_dir: join(folder, "gone") };
  assertEquals(needsNetwork(byPath), false);
  assertEquals(needsNetwork({ ...byPath, eval_dataset: ["org/rows"] }), true);
  for (
    const change of [
      { model_name_or_path: "org/model" },
      { adapter_name_or_path: [folder, "org/adapter"] },
      { ref_model: "org/model" },
      { ref_model: folder, ref_model_adapters: ["org/adapter"] },
      { dataset: ["here", "hub"] },
      { eval_dataset: ["both"] },
      { dataset: ["bucket"] },
      { dataset: ["unknown"] },
      { dataset_dir: join(folder, "gone") },
      { plugins: ["/x.ts"] },
    ]
  ) assertEquals(needsNetwork({ ...local, ...change }), true, JSON.stringify(change));
});

Deno.test("dropNetwork() takes the network, dropPrograms() other programs from this process, and nothing else", async () => {
  const code = `import { dropNetwork, dropPrograms } from ${
    JSON.stringify(new URL("network.ts", import.meta.url).href)
  };
    const state = () => Deno.permissions.querySync({ name: "net" }).state;
    const before = state();
    dropNetwork();
    const error = await Deno.connect({ port: 8 }).catch((e) => e.name);
    console.log(before, state(), error, Deno.permissions.querySync({ name: "read" }).state);
    console.log(Deno.permissions.querySync({ name: "run" }).state);
    dropPrograms();
    const start = () => new Deno.Command(Deno.execPath(), { args: ["-V"] }).output();
    console.log(await Promise.resolve().then(start).catch((e) => e.name));`;
  const file = join(temporaryFolder(), "drop.ts");
  Deno.writeTextFileSync(file, code);
  const flags = ["--config", join(PROJECT_FOLDER, "deno.json"), "--no-prompt", "--no-check"];
  const { stdout } = await runDeno(["run", ...flags, "--allow-read", "--allow-net", "--allow-run", file]);
  assertEquals(stdout, "granted prompt NotCapable granted\ngranted\nNotCapable\n");
});

Deno.test("startsPrograms() is false for the local trainer alone", () => {
  assertEquals(startsPrograms({ trainer: "local" }), false);
  assertEquals(startsPrograms({ trainer: "torch" }), true);
  assertEquals(startsPrograms({ trainer: "mine" }), true);
});
