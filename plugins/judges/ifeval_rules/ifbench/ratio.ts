/**
 * IFBench's `ratio:*`: stop words, kinds of sentences and what is shared with a text.
 * @module
 */
import { z } from "zod";
import { lengthOf, strip } from "../../../../formats/python_text.ts";
import { type Check, check } from "../checks/check.ts";
import { type PunktModel, punktSentences } from "../punkt.ts";
import { wordTokens } from "../word_tokens.ts";
import { plainWords, WORD_RUNS } from "./words.ts";

/** NLTK's English stop words (Snowball's, with additions) that have no apostrophe: a run of word characters has none either. */
const STOP_WORDS = new Set(
  ("a about above after again against ain all am an and any are aren as at be because been before being below between " +
    "both but by can couldn d did didn do does doesn doing don down during each few for from further had hadn has hasn " +
    "have haven having he her here hers herself him himself his how i if in into is isn it its itself just ll m ma me " +
    "mightn more most mustn my myself needn no nor not now o of off on once only or other our ours ourselves out over " +
    "own re s same shan she should shouldn so some such t than that the their theirs them themselves then there these " +
    "they this those through to too under until up ve very was wasn we were weren what when where which while who whom " +
    "why will with won wouldn y you your yours yourself yourselves").split(" "),
);

const percentage = z.number().nonnegative();

/** The checks of this family by id. */
export const ratios: Readonly<Record<string, Check>> = {
  "ratio:stop_words": check({ percentage }, (text, k) => {
    const words = text.match(WORD_RUNS) ?? [];
    if (words.length === 0) return false;
    const stops = words.filter((word) => STOP_WORDS.has(word.toLowerCase())).length;
    return stops / words.length * 100 <= k.percentage;
  }),
  "ratio:sentence_type": check({}, (text, _, { punkt }) => {
    const ends = endsOf(text, punkt);
    return ends(".") === 2 * ends("?");
  }),
  "ratio:sentence_balance": check({}, (text, _, { punkt }) => {
    const ends = endsOf(text, punkt);
    return ends(".") === ends("?") && ends("?") === ends("!");
  }),
  "ratio:overlap": check({ reference_text: z.string(), percentage }, (text, k, { punkt }) => {
    const own = trigrams(text, punkt);
    if (own.size === 0) return false;
    const shared = own.intersection(trigrams(k.reference_text, punkt)).size;
    const percent = shared / own.size * 100;
    return k.percentage - 2 <= percent && percent <= k.percentage + 2;
  }),
  "ratio:sentence_words": check({}, (text, _, { punkt }) => {
    const sentences = punktSentences(text, punkt);
    if (sentences.length !== 3) return false;
    if (new Set(sentences.map((sentence) => lengthOf(strip(sentence)))).size !== 1) return false;
    const words = plainWords(sentences.join(" "));
    return new Set(words).size === words.length;
  }),
};

/** Number of sentences that end in a mark. */
function endsOf(text: string, punkt: PunktModel): (mark: string) => number {
  const sentences = punktSentences(text, punkt);
  return (mark) => sentences.filter((sentence) => sentence.endsWith(mark)).length;
}

function trigrams(text: string, punkt: PunktModel): Set<string> {
  const tokens = wordTokens(text, punkt);
  return new Set(tokens.slice(2).map((_, i) => tokens.slice(i, i + 3).join(" ")));
}
