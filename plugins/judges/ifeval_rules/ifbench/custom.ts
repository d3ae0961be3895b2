/**
 * IFBench's `custom:*`: tasks whose whole answer has one form.
 * @module
 */
import { asciiDigits, lengthOf, PUNCTUATION, strip, stripEnds } from "../../../../formats/python_text.ts";
import { type Check, check } from "../checks/check.ts";
import { punktSentences } from "../punkt.ts";
import { pythonRegExp } from "../python_regexp.ts";
import { pythonCsvRows } from "./csv.ts";
import { asciiOf, bare, DIGIT_RUNS, plainWords } from "./words.ts";

const QUESTION = pythonRegExp(String.raw`Question \d+[.|):;]?\s*`, "g");
const OPTION = pythonRegExp(String.raw`^[A-Ea-e][.|)]\s*\w+`);
const QUESTIONS = 4;
const OPTIONS = 5;
/** Lines that a list of Africa's countries must have at least. */
const COUNTRIES = 52;
const CAPITALS = (
  "Reykjavik Helsinki Oslo Tallinn Stockholm Riga Moscow Copenhagen Vilnius Minsk Dublin Berlin Amsterdam Warsaw London " +
  "Brussels Prague Luxembourg Paris Vienna Bratislava Budapest Vaduz Chisinau Bern Ljubljana Zagreb"
).split(" ");
const DATE = pythonRegExp(String.raw`^(\d{4})-(\d{2})-(\d{2})$`);
const NAPOLEON = [1769, 1821] as const;
const SPECIAL = pythonRegExp(String.raw`[^\d\w\s]`);
const LETTER_A = 97;

/** The checks of this family by id. */
export const customs: Readonly<Record<string, Check>> = {
  "custom:multiples": check({}, (text) => (text.match(DIGIT_RUNS) ?? []).join() === "14,21,28,35,42,49"),
  "custom:mcq_count_length": check({}, (text) => {
    if (!text.startsWith("Question")) return false;
    const questions = text.split(QUESTION).map(strip).filter((part) => part !== "");
    const lengths = questions.map(questionLength);
    return questions.length === QUESTIONS &&
      lengths.every((length, i) => length !== undefined && (i === 0 || length > (lengths[i - 1] ?? 0)));
  }),
  "custom:reverse_newline": check({}, (text) => {
    const lines = text.split("\n").map((line) => bare(line)).filter((line) => line !== "");
    const start = lines.findIndex((line) => line.includes("Zimbabwe"));
    const listed = start < 0 ? [] : lines.slice(start).map(asciiOf);
    return listed.length >= COUNTRIES && listed.slice(1).every((line, i) => line <= (listed[i] ?? ""));
  }),
  "custom:word_reverse": check({}, (text, _, { punkt }) => {
    const answer = plainWords(strip(text)).reverse().join(" ");
    return answer.includes("bald eagle") && punktSentences(answer, punkt).includes(answer);
  }),
  "custom:character_reverse": check({}, (text) => text.toLowerCase().includes("elgae dlab")),
  "custom:sentence_alphabet": check({}, (text, _, { punkt }) => {
    const sentences = punktSentences(text, punkt);
    return sentences.length === 26 && sentences.every((sentence, i) => {
      const [first = ""] = stripEnds(sentence, PUNCTUATION + " \t\n\r\v\f", "left");
      return first.toLowerCase() === String.fromCharCode(LETTER_A + i);
    });
  }),
  "custom:european_capitals_sort": check(
    {},
    (text) => asciiOf(text).split(",").map(strip).filter((name) => name !== "").join() === CAPITALS.join(),
  ),
  "custom:csv_city": check({}, (text) => {
    const rows = pythonCsvRows(text, ",");
    return rows?.length === 8 &&
      rows[0]?.join("\0") === ["ID", "Country", "City", "Year", "Count"].join("\0") &&
      rows.every((row) => row.length === 5);
  }),
  "custom:csv_special_character": check({}, (text) => {
    if (!header(text, ",[ \\t]*", ["ProductID", "Category", "Brand", "Price", "Stock"])) return false;
    const rows = quotedRows(text, ",");
    if (rows?.length !== 15) return false;
    // rows behind the field that is looked for aren't
    for (const row of rows.slice(1)) {
      if (row.length !== 5) return false;
      if (row.some(isSpecial)) return true;
    }
    return false;
  }),
  "custom:csv_quotes": check({}, (text) => {
    if (!header(text, "\\t *", ["StudentID", "Subject", "Grade", "Semester", "Score"])) return false;
    const rows = quotedRows(text, "\t");
    return rows?.length === 4 &&
      rows.every((row) =>
        row.length === 5 && row.map(strip).every((field) => field.startsWith('"') && field.endsWith('"'))
      );
  }),
  "custom:date_format_list": check({}, (text) => strip(text).split(",").every((part) => isDate(strip(part)))),
};

/** Length of a question's text above its options; undefined if it hasn't five. */
function questionLength(question: string): number | undefined {
  const lines = question.split("\n").map(strip);
  if (lines.filter((line) => OPTION.test(line)).length !== OPTIONS) return undefined;
  const asked = lines.slice(0, lines.findIndex((line) => OPTION.test(line)));
  return lengthOf(strip(asked.join(" ")));
}

/** True if the first line has the names, each with or without quotes. */
function header(text: string, between: string, names: readonly string[]): boolean {
  const pattern = names.map((name) => `(?:${name}|"${name}")`).join(between);
  return new RegExp(`^${pattern}$`).test(strip(text.split("\n")[0] ?? ""));
}

/** Rows whose fields keep their quotes. */
function quotedRows(text: string, delimiter: string): string[][] | undefined {
  return pythonCsvRows(text.replaceAll('"', '"""'), delimiter);
}

/** True for a field that begins with quotes around a character that is neither letter, number nor white space. */
function isSpecial(field: string): boolean {
  const line = field.split("\n")[0] ?? "";
  const end = line.lastIndexOf('"');
  return line.startsWith('"') && SPECIAL.test(line.slice(1, Math.max(1, end)));
}

/** A day of Napoleon's life; February has 29 days every year, and months and days may be 0. */
function isDate(text: string): boolean {
  const [year, month, day] = DATE.exec(text)?.slice(1).map((part) => Number(asciiDigits(part))) ?? [];
  if (year === undefined || month === undefined || day === undefined) return false;
  if (year < NAPOLEON[0] || year > NAPOLEON[1] || month > 12) return false;
  return day <= (month === 2 ? 29 : [4, 6, 9, 11].includes(month) ? 30 : month === 0 ? 99 : 31);
}
