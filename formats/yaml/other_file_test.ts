import { assertEquals, assertThrows } from "@std/assert";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import type { KeysOfFiles } from "./other_file.ts";
import { readYaml } from "./yaml.ts";

Deno.test("readYaml() tells data, weights and folders from settings, and how each is named", () => {
  const folder = temporaryFolder();
  const refused = (name: string, message: string) =>
    assertThrows(
      () => readYaml(`${folder}/${name}`),
      RangeError,
      `Cannot read ${folder}/${name} as a YAML file of settings: ${message}`,
    );
  for (const name of ["a.jsonl", "b.csv", "c.parquet", "d.txt", "e.json.gz", "f.JSONL.GZ"]) {
    Deno.writeTextFileSync(`${folder}/${name}`, '{"a": 1}\n{"a": 2}\n');
    refused(name, `it is data. Name it as dataset=${folder}/${name}`);
  }
  refused("m.gguf", `it holds weights. Name it as model_name_or_path=${folder}/m.gguf`);
  Deno.mkdirSync(`${folder}/run`);
  refused("run", "it is a folder");
  Deno.writeTextFileSync(`${folder}/run/config.json`, "{}");
  refused("run", `it is a folder. Its model is named as model_name_or_path=${folder}/run`);
  Deno.writeTextFileSync(`${folder}/run/adapter_config.json`, "{}");
  refused("run", `it is a folder. Its adapter is named as adapter_name_or_path=${folder}/run`);
  Deno.writeTextFileSync(`${folder}/run/run.yaml`, "a: 1");
  refused("run", `it is a folder of a run. Its settings are ${folder}/run/run.yaml. Its adapter`);
  refused(
    "run/adapter_config.json",
    "it is a part of an adapter. Name that one's folder as adapter_name_or_path=",
  );
  // settings that have other keys
  const read = (name: string, keys: KeysOfFiles) => () => readYaml(`${folder}/${name}`, { keys });
  const keys = { data: "seeds.path", adapter: "generator.args.adapter" };
  assertThrows(read("b.csv", keys), RangeError, `it is data. Name it as seeds.path=${folder}/b.csv`);
  assertThrows(read("run", keys), RangeError, `named as generator.args.adapter=${folder}/run`);
  const { message } = assertThrows(read("m.gguf", keys), RangeError);
  assertEquals(message.endsWith("it holds weights"), true, message);
  assertEquals(readYaml(`${folder}/run/run.yaml`).value, { a: 1 });
  Deno.writeTextFileSync(`${folder}/settings.json`, '{"a": 1}');
  assertEquals(readYaml(`${folder}/settings.json`).value, { a: 1 });
});
