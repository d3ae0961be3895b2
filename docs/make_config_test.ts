import { assertEquals, assertStringIncludes } from "@std/assert";

import { helpText } from "../tasks/train/config/describe.ts";
import { keyTable } from "../tasks/train/config/key_table.ts";
import { configFiles } from "./make_config.ts";

Deno.test("docs/config.md and the schema are those of the key table (deno run -A docs/make_config.ts)", () => {
  for (const [path, text] of Object.entries(configFiles())) {
    assertEquals(Deno.readTextFileSync(new URL(`../${path}`, import.meta.url)), text, path);
  }
});

Deno.test("docs/config.md and --help name every key", () => {
  const page = configFiles()["docs/config.md"]!;
  const help = helpText();
  for (const key of keyTable().keys()) {
    assertStringIncludes(page, `| \`${key}\` |`);
    assertStringIncludes(help, key);
  }
});
