/**
 * Loads what the checks need from `data/`.
 * @module
 */
import { readText } from "../../../formats/records/rows.ts";
import type { CheckModels } from "./checks/check.ts";
import { type LanguageModel, readLanguageModel } from "./language.ts";
import { readSyllableWords, type SyllableWords } from "./syllables.ts";
import { readTagger } from "./tagger.ts";
import { type PunktModel, readPunktModel } from "./punkt.ts";

/**
 * Reads the models of sentences, languages and syllables, each when it is first asked for: some hundred milliseconds. Keep the
 * result.
 * @param tagger Folder of {@linkcode readTagger}; undefined: none.
 */
export async function loadCheckModels(tagger?: string): Promise<CheckModels> {
  const [punktText = "", languagesText = "", syllablesText = ""] = await Promise.all(
    ["punkt_english.json.gz", "langdetect.json.gz", "syllapy.csv.gz"].map((name) =>
      readText(new URL(`data/${name}`, import.meta.url))
    ),
  );
  let punkt: PunktModel | undefined,
    languages: LanguageModel | undefined,
    syllables: SyllableWords | undefined;
  return {
    get punkt() {
      return punkt ??= readPunktModel(punktText);
    },
    get languages() {
      return languages ??= readLanguageModel(languagesText);
    },
    get syllables() {
      return syllables ??= readSyllableWords(syllablesText);
    },
    ...(tagger === undefined ? {} : { tagger: await readTagger(tagger) }),
  };
}
