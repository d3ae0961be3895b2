/**
 * NLTK's `word_tokenize`: Punkt sentences, then the Penn Treebank rules with NLTK's changes.
 *
 * After Robert MacIntyre's tokenizer.sed (Penn Treebank, 1995) and NLTK 3.10's `NLTKWordTokenizer`.
 * @module
 */
import { type PunktModel, punktSentences } from "./punkt.ts";
import { pythonRegExp } from "./python_regexp.ts";
import { splitSpaces } from "../../../formats/python_text.ts";

type Rule = readonly [RegExp, string];

/** In order; `$&`, `$1`, … as in `String.replace`. */
const before = (): Rule[] => [
  // Quotes that open.
  rule("[«“‘„]|[`]+", " $& "),
  rule('^"', "``"),
  rule("``", " $& "),
  rule(String.raw`([ (\[{<])("|'{2})`, "$1 `` "),
  rule(String.raw`(?<!\w)'(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)`, "$& ", "i"),
  // Punctuation; the look-ahead takes the whole run of closing marks at once, so that it is never split again.
  rule(String.raw`([^.])(\.)(?=([\])}>"'»”’ ]*))\3\s*$`, "$1 $2 $3 "),
  rule(String.raw`([:,])([^\d])`, " $1 $2"),
  rule("[:,]$", " $& "),
  rule(String.raw`\.{2,}`, " $& "),
  rule("[;@#$%&]", " $& "),
  rule(String.raw`[\u2012-\u2015]`, " $& "),
  rule(String.raw`([^.])(\.)([\])}>"']*)\s*$`, "$1 $2$3 "),
  rule("[?!]", " $& "),
  rule("([^'])' ", "$1 ' "),
  rule("[*]", " $& "),
  rule(String.raw`[\]\[(){}<>]`, " $& "),
  rule("--", " -- "),
];

const after = (): Rule[] => [
  // Quotes that close, and clitics.
  rule("[»”’]", " $& "),
  rule("''", " '' "),
  rule('"', " '' "),
  rule(String.raw`\s+`, " "),
  rule("([^' ])('[sS]|'[mM]|'[dD]|') ", "$1 $2 "),
  rule("([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", "$1 $2 "),
  // Contractions.
  ...["(can)(not)", "(d)('ye)", "(gim)(me)", "(gon)(na)", "(got)(ta)", "(lem)(me)", "(more)('n)"]
    .map((pair) => rule(String.raw`\b${pair}\b`, " $1 $2 ", "i")),
  rule(String.raw`\b(wan)(na)(?=\s)`, " $1 $2 ", "i"),
  rule(String.raw` ('t)(is)\b`, " $1 $2 ", "i"),
  rule(String.raw` ('t)(was)\b`, " $1 $2 ", "i"),
];

/** Made for the first text: compiling them takes longer than loading all judges does. */
let rules: readonly [before: Rule[], after: Rule[]] | undefined;

/** Tokens of a text, sentence by sentence. Double quotes become \`\` and ''. */
export function wordTokens(text: string, model: PunktModel): string[] {
  const [first, last] = rules ??= [before(), after()];
  return punktSentences(text, model).flatMap((sentence) =>
    splitSpaces(apply(last, ` ${apply(first, sentence)} `))
  );
}

function apply(rules: readonly Rule[], text: string): string {
  return rules.reduce((current, [pattern, replacement]) => current.replace(pattern, replacement), text);
}

function rule(pattern: string, replacement: string, flags = ""): Rule {
  return [pythonRegExp(pattern, flags + "g"), replacement];
}
