/**
 * Makes the data files of this folder from their sources, see SOURCE.md.
 *
 *     deno run -A plugins/judges/ifeval_rules/data/make_data.ts FOLDER
 *
 * FOLDER holds `ifeval/input_data.jsonl`, `ifeval/punkt_english.json`, `langdetect/profiles/*`,
 * `langdetect/utils/messages.properties` and `syllapy/data.csv`. Prints the SHA-256 of each file's unpacked text.
 * @module
 */
import { gzipSync } from "node:zlib";
import { createHash } from "node:crypto";
import { join } from "@std/path";

/** The language profiles and properties as one JSON text; languages in order of their code. */
function languageJson(folder: string): string {
  const profiles = join(folder, "langdetect/profiles");
  const names = [...Deno.readDirSync(profiles)].map((entry) => entry.name).sort();
  const messages = Deno.readTextFileSync(join(folder, "langdetect/utils/messages.properties")).split("\n")
    .filter((line) => line.includes("=")).map((line) => {
      const equals = line.indexOf("=");
      const value = line.slice(equals + 1).trim().replace(
        /\\u([\da-fA-F]{4})/g,
        (_, hex) => String.fromCharCode(parseInt(hex, 16)),
      );
      return [line.slice(0, equals).trim(), value];
    });
  return JSON.stringify({
    profiles: names.map((name) => JSON.parse(Deno.readTextFileSync(join(profiles, name)))),
    messages: Object.fromEntries(messages),
  });
}

if (import.meta.main) {
  const folder = Deno.args[0];
  if (folder === undefined) {
    throw new TypeError("Cannot make the data without a FOLDER: current value is none");
  }
  const texts: Record<string, string> = {
    "input_data.jsonl": Deno.readTextFileSync(join(folder, "ifeval/input_data.jsonl")),
    "punkt_english.json.gz": Deno.readTextFileSync(join(folder, "ifeval/punkt_english.json")),
    "langdetect.json.gz": languageJson(folder),
    "syllapy.csv.gz": Deno.readTextFileSync(join(folder, "syllapy/data.csv")),
  };
  for (const [name, text] of Object.entries(texts)) {
    const bytes = name.endsWith(".gz") ? gzipSync(text, { level: 9 }) : new TextEncoder().encode(text);
    Deno.writeFileSync(new URL(name, import.meta.url), bytes);
    console.log(name, createHash("sha256").update(text).digest("hex"));
  }
}
