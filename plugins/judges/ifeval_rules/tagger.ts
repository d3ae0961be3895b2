/**
 * The part of speech that NLTK's averaged perceptron tagger gives a text's first token. It needs no tag of another token, and so
 * no pass over the text.
 *
 * Honnibal 2013, "A Good Part-of-Speech Tagger in about 200 Lines of Python"; features of NLTK 3.10's `PerceptronTagger`. The
 * weights are a person's own copy of NLTK's `averaged_perceptron_tagger_eng`.
 * @module
 */
import { join } from "@std/path";
import { z } from "zod";
import { firstOf, isDigits, lengthOf } from "../../../formats/python_text.ts";
import { describeRowFault } from "../../../formats/records/row_fault.ts";
import { hashOfFile } from "../../../formats/records/rows.ts";
import { inWords } from "../../../formats/zod_words.ts";

const NAME = "averaged_perceptron_tagger_eng";
const Weights = z.record(z.string(), z.record(z.string(), z.number()));
const Tags = z.record(z.string(), z.string());
const Classes = z.array(z.string()).min(1);

/** What to do about a file that can't be read. */
const ASKED = `Name the folder of NLTK's ${NAME} as the option tagger`;

type Part = "weights" | "tagdict" | "classes";

/** Tells the part of speech of a text's first token. */
export interface FirstTagger {
  /**
   * Penn Treebank tag of the first token, such as `VB`.
   * @param tokens At least one, as `wordTokens()` gives them.
   */
  firstTag(tokens: readonly string[]): string;
}

/**
 * Reads `averaged_perceptron_tagger_eng.weights.json`, `.tagdict.json` and `.classes.json` of a folder.
 * @throws {RangeError} If one can't be read or isn't what NLTK writes: names the file.
 */
export async function readTagger(folder: string): Promise<FirstTagger> {
  const [weights, tags, classes] = await Promise.all([
    readPart(folder, "weights", Weights),
    readPart(folder, "tagdict", Tags),
    readPart(folder, "classes", Classes),
  ]);
  const known = new Map(Object.entries(tags));
  const features = new Map(Object.entries(weights));
  return {
    firstTag([first = "", ...others]) {
      return known.get(first) ?? bestTag(featuresOf(first, others), features, classes);
    },
  };
}

/**
 * Hashes of the files that {@linkcode readTagger} reads, by part: the same wherever their folder stands.
 * @throws {RangeError} If one can't be read: names the file.
 */
export function taggerHashes(folder: string): Readonly<Record<Part, string>> {
  const hashed = (part: Part) => {
    try {
      return hashOfFile(pathOf(folder, part), `the ${part} of NLTK's tagger`);
    } catch (error) {
      throw new RangeError(`${(error as Error).message}. ${ASKED}`, { cause: error });
    }
  };
  return { weights: hashed("weights"), tagdict: hashed("tagdict"), classes: hashed("classes") };
}

function pathOf(folder: string, part: Part): string {
  return join(folder, `${NAME}.${part}.json`);
}

async function readPart<S extends z.ZodType>(folder: string, part: Part, schema: S): Promise<z.output<S>> {
  const path = pathOf(folder, part);
  const refused = (why: string, cause: unknown) =>
    new RangeError(`Cannot read ${path} as the ${part} of NLTK's tagger: ${why}. ${ASKED}`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    throw refused((error as Error).message, error);
  }
  const { data, error } = schema.safeParse(value, inWords);
  if (error !== undefined) throw refused(describeRowFault(value, schema, error, "the file"), error);
  return data;
}

/** Names of the features of the first token, in the order in which their weights are added. */
function featuresOf(word: string, others: readonly string[]): string[] {
  const [own, next = "-END-", second = others.length === 0 ? "-END2-" : "-END-"] = [
    word,
    ...others.slice(0, 2),
  ]
    .map(normalized);
  return [
    "bias",
    `i suffix ${suffix(word)}`,
    `i pref1 ${firstOf(word)}`,
    "i-1 tag -START-",
    "i-2 tag -START2-",
    "i tag+i-2 tag -START- -START2-",
    `i word ${own}`,
    `i-1 tag+i word -START- ${own}`,
    "i-1 word -START2-",
    "i-1 suffix T2-",
    "i-2 word -START-",
    `i+1 word ${next}`,
    `i+1 suffix ${suffix(next)}`,
    `i+2 word ${second}`,
  ];
}

/** The class with the largest sum of weights, the last of the alphabet among equals. */
function bestTag(
  features: readonly string[],
  weights: ReadonlyMap<string, Readonly<Record<string, number>>>,
  classes: readonly string[],
): string {
  const sums = new Map<string, number>();
  for (const feature of features) {
    for (const [tag, weight] of Object.entries(weights.get(feature) ?? {})) {
      sums.set(tag, (sums.get(tag) ?? 0) + weight);
    }
  }
  const sum = (tag: string) => sums.get(tag) ?? 0;
  return classes.reduce((best, tag) =>
    sum(tag) > sum(best) || (sum(tag) === sum(best) && tag > best) ? tag : best
  );
}

function normalized(word: string): string {
  if (word.includes("-") && !word.startsWith("-")) return "!HYPHEN";
  if (isDigits(word) && lengthOf(word) === 4) return "!YEAR";
  return isDigits(firstOf(word)) ? "!DIGITS" : word.toLowerCase();
}

function suffix(word: string): string {
  return [...word].slice(-3).join("");
}
