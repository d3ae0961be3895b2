import { join } from "@std/path";

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";

import { silentProgress } from "../tasks/train/outputs/mod.ts";
import { train } from "../tasks/train.ts";
import { goldenArguments, goldenFolder, runTrain } from "./_train_process.ts";
import { type HeardTask, taskHere } from "./helpers/task_here.ts";

async function inTemporary(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("train --help all names keys with their defaults, --schema is a JSON schema", async () => {
  const all = await runTrain("--help", "all");
  assertEquals(all.code, 0);
  for (const word of ["learning_rate", "peak learning rate", "5e-5", "iopo_variant"]) {
    assertStringIncludes(all.stdout.replace("0.00005", "5e-5"), word);
  }
  assertEquals(JSON.parse((await runTrain("--schema")).stdout).properties.stage.type, "string");
});

Deno.test("a fault is printed without a stack trace, and the exit code is 1", async () => {
  await inTemporary(async (folder) => {
    const missing = await runTrain(join(folder, "none.yaml"));
    assertEquals(missing, {
      code: 1,
      stdout: "",
      stderr: `error: Cannot read ${folder}/none.yaml as there is no such file\n`,
    });

    const check = ({ code, out }: HeardTask, text: string) => {
      assertEquals(code, 1, out);
      assertStringIncludes(out, text);
      assert(!out.includes("    at "), out);
    };
    await Deno.writeTextFile(join(folder, "t.yaml"), "model_name_or_path: m\nlora_rnak: 8\n");
    check(
      await taskHere(() => trainHere([join(folder, "t.yaml")])),
      `${folder}/t.yaml:2:1: Cannot use the unknown key "lora_rnak" - did you mean "lora_rank"?`,
    );
    const faults: [argument: string, text: string][] = [
      ["stage=ipoo", 'did you mean "iopo"'],
      ["template=qwen9", 'did you mean "qwen'],
      ["dataset=toy_sfx", "toy_sft"],
      ["loss=sftt", 'did you mean "sft"'],
      ["trainer=locl", 'did you mean "local"'],
      ["template=llama3", "<|eot_id|>"],
    ];
    for (const [argument, text] of faults) {
      check(await taskHere(() => trainHere(goldenArguments(join(folder, "o"), argument))), text);
    }
    // what the task may read, ask for and import under its own permissions
    for (
      const [argument, text] of [
        ["model_name_or_path=no/such/place/model", "no/such/place/model"],
        ["plugins=./no_such_plugin.ts", "no_such_plugin.ts"],
      ] as const
    ) {
      const { code, stdout, stderr } = await runTrain(...goldenArguments(join(folder, "o"), argument));
      check({ code, out: stdout + stderr }, text);
    }
  });
});

async function trainHere([config = "", ...overrides]: readonly string[]): Promise<void> {
  await train(config, overrides);
}

// that it is repeated bit for bit: output_folder_test.ts
Deno.test("run.yaml isn't trained over its own run, and refuses changed data unless told", async () => {
  await inTemporary(async (folder) => {
    const data = join(folder, "data"), yaml = join(folder, "a/run.yaml");
    await Deno.mkdir(data);
    for (const name of ["dataset_info.json", "toy_sft.json"]) {
      await Deno.copyFile(join(goldenFolder, "data", name), join(data, name));
    }
    const said: string[] = [];
    const quiet = { say: (line: string) => void said.push(line), progress: silentProgress() };
    const [config = "", ...keys] = goldenArguments(join(folder, "a"), `dataset_dir=${data}`, "max_steps=1");
    assert((await train(config, keys, quiet)).finished);
    assertStringIncludes(said.join("\n"), "adapter_model.safetensors");
    await assertRejects(
      () => train(yaml, ["overwrite_output_dir=false"], quiet),
      Error,
      "overwrite_output_dir",
    );

    const rows = JSON.parse(await Deno.readTextFile(join(data, "toy_sft.json")));
    rows[0].output += " more";
    await Deno.writeTextFile(join(data, "toy_sft.json"), JSON.stringify(rows));
    const again = [`output_dir=${join(folder, "c")}`];
    await assertRejects(() => train(yaml, again, quiet), Error, "has changed:\n  data: ");
    assert((await train(yaml, [...again, "allow_changes=true"], quiet)).finished);
  });
});
