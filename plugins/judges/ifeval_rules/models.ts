/**
 * Loads what the checks need from `data/`.
 * @module
 */
import { readText } from "../../../formats/records/rows.ts";
import type { CheckModels } from "./checks/check.ts";
import { readLanguageModel } from "./language.ts";
import { readPunktModel } from "./punkt.ts";

/** Reads the sentence and language models: about half a second. Keep the result. */
export async function loadCheckModels(): Promise<CheckModels> {
  const [punkt, languages] = await Promise.all(
    ["punkt_english.json.gz", "langdetect.json.gz"].map((name) =>
      readText(new URL(`data/${name}`, import.meta.url))
    ),
  );
  return { punkt: readPunktModel(punkt!), languages: readLanguageModel(languages!) };
}
