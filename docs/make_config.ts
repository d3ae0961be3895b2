/**
 * Writes docs/config.md and examples/train.schema.json from the key table:
 * `deno run --allow-read --allow-write docs/make_config.ts`. A test says when they are out of date.
 * @module
 */
import { jsonSchema, markdownPage } from "../tasks/train/config/describe.ts";

/** File → content, relative to the repository root. */
export function configFiles(): Record<string, string> {
  return {
    "docs/config.md": markdownPage(),
    "examples/train.schema.json": JSON.stringify(jsonSchema(), null, 2) + "\n",
  };
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(configFiles())) {
    await Deno.writeTextFile(new URL(`../${path}`, import.meta.url), text);
    console.log(path);
  }
}
