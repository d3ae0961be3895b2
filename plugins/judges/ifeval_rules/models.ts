/**
 * Loads what the checks need from `data/`.
 * @module
 */
import { readText } from "../../../formats/records/rows.ts";
import type { CheckModels } from "./checks/check.ts";
import { type LanguageModel, readLanguageModel } from "./language.ts";
import { type PunktModel, readPunktModel } from "./punkt.ts";

/** Reads the sentence and language models, each when it is first asked for: some hundred milliseconds. Keep the result. */
export async function loadCheckModels(): Promise<CheckModels> {
  const [punktText = "", languagesText = ""] = await Promise.all(
    ["punkt_english.json.gz", "langdetect.json.gz"].map((name) =>
      readText(new URL(`data/${name}`, import.meta.url))
    ),
  );
  let punkt: PunktModel | undefined, languages: LanguageModel | undefined;
  return {
    get punkt() {
      return punkt ??= readPunktModel(punktText);
    },
    get languages() {
      return languages ??= readLanguageModel(languagesText);
    },
  };
}
