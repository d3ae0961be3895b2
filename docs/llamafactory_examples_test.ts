import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { parseYaml } from "../formats/yaml/yaml.ts";
import { resolveTrainConfig } from "../tasks/train/config/mod.ts";

const beside = (path: string) => Deno.readTextFileSync(new URL(path, import.meta.url));
const TAKEN = ["trains", "predicts", "its model is refused"];

/** The message that refuses a file; null: it is taken. */
function refusal(name: string, keys: unknown): string | null {
  try {
    resolveTrainConfig(parseYaml(JSON.stringify(keys), name));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

Deno.test("each of LLaMA-Factory's examples is taken or refused as docs/llamafactory_examples.md says", () => {
  const examples = JSON.parse(beside("../fixtures/goldens/llamafactory/examples.json")) as Record<
    string,
    unknown
  >;
  const rows = [...beside("llamafactory_examples.md").matchAll(/^\| `([^`]+)` \| ([^|]+) \|([^|]*)\|$/gm)]
    .map(([, file = "", here = "", why = ""]) => ({ file, here, why }));
  const used = new Set<string>();
  for (const [name, keys] of Object.entries(examples)) {
    const row = rows.find(({ file }) =>
      file.endsWith("*") ? name.startsWith(file.slice(0, -1)) : file === name
    );
    assert(row !== undefined, `no row for ${name}`);
    used.add(row.file);
    const message = refusal(name, keys);
    if (TAKEN.includes(row.here)) {
      assertEquals(message, null, name);
      continue;
    }
    assert(message !== null, `${name} is taken`);
    assertEquals(message.includes("Cannot train with this file"), row.here === "another task's", name);
    assertStringIncludes(message, /`([^`]+)`/.exec(row.why)![1]!, name);
  }
  assertEquals(rows.map(({ file }) => file).filter((file) => !used.has(file)), []);
});
