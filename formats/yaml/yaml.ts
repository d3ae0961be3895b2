/**
 * YAML and JSON files in which every key keeps its place, so that an error about a value can name file and line.
 * YAML 1.2 core schema: `5e-6` is a number, `no` is text. `!include other.yaml` puts another file in, relative to the
 * including one and inside the folder of the first one.
 * @module
 */
import { dirname, resolve } from "@std/path";
import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from "yaml";

import { nearEntry } from "../near_entry.ts";
import { decodeUtf8 } from "../utf8.ts";
import { keyOf, type Parsed, parseFile, placeOf, type YamlReadOptions } from "./document.ts";
import { expand } from "./expand.ts";
import { type KeysOfFiles, refuseOtherFile } from "./other_file.ts";
import { type Place, placeText, YamlError } from "./place.ts";

export { type KeysOfFiles, type Place, placeText };

/** Keys and indices that lead to a value. */
export type YamlPath = readonly (string | number)[];

/** A file that was read, includes put in. */
export interface YamlFile {
  /** Plain objects, lists, numbers, texts, booleans and null; undefined when the file is empty. */
  value: unknown;
  /** Every file that took part, the first one first. */
  files: string[];
  /** Where the key (or list item) of a path stands; undefined when there is none. */
  place(path: YamlPath): Place | undefined;
  /** True if the value of a path is text written without quotes. */
  isPlain(path: YamlPath): boolean;
}

/** Access of {@linkcode parseYaml} to included files. */
export interface YamlOptions {
  /** Folder that includes must stay in; default: that of the file. */
  root?: string;
  /** Reads a file; default: from disk. */
  read?: (path: string) => string;
  /** Keys that {@linkcode readYaml} names where the path is of data or of a model; default: a training's. */
  keys?: KeysOfFiles;
}

/**
 * Reads a YAML or JSON file.
 * @throws {SyntaxError} If the text isn't YAML; names file, line and column
 * @throws {RangeError} If the file or an included one is missing, is no file of settings by its name, an include leaves the folder,
 * or includes run in a circle
 */
export function readYaml(path: string, options: YamlOptions = {}): YamlFile {
  if (options.read === undefined) refuseOtherFile(path, options.keys);
  return parseYaml((options.read ?? readText)(path), path, options);
}

/**
 * Parses text as {@linkcode readYaml} does a file.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseYaml } from "./yaml.ts";
 *
 * const { value, place } = parseYaml("# comment\nlearning_rate: 5e-6\n", "train.yaml");
 * assertEquals(value, { learning_rate: 5e-6 });
 * assertEquals(place(["learning_rate"]), { file: "train.yaml", line: 2, column: 1 });
 * ```
 * @throws {SyntaxError} If the text isn't YAML
 * @throws {RangeError} If an include can't be followed
 */
export function parseYaml(text: string, file: string, options: YamlOptions = {}): YamlFile {
  const reading: YamlReadOptions = {
    root: resolve(options.root ?? dirname(file)),
    read: options.read ?? readText,
    files: 1,
  };
  const parsed = parseFile(text, file, [resolve(file)], reading);
  const files: string[] = [];
  collectFiles(parsed, files);
  return {
    value: expand(parsed),
    files,
    place: (path) => find(parsed, path)?.place,
    isPlain(path) {
      const node = find(parsed, path)?.node;
      return isScalar(node) && typeof node.value === "string" && node.type === "PLAIN";
    },
  };
}

/**
 * The value of one YAML scalar or flow collection, as in `key=value` on a command line.
 * @param name Its name in messages
 * @throws {SyntaxError} If the text isn't YAML
 */
export function parseYamlValue(text: string, name = "the value"): unknown {
  const reading: YamlReadOptions = {
    root: Deno.cwd(),
    files: 1,
    read: () => {
      throw new RangeError("an argument can't include a file");
    },
  };
  try {
    return expand(parseFile(text, name, [resolve(".", "argument")], reading)) ?? null;
  } catch (error) {
    throw error instanceof YamlError ? new SyntaxError(`Cannot read ${name} as YAML: ${error.what}`) : error;
  }
}

function find(start: Parsed, path: YamlPath): { node: unknown; place: Place } | undefined {
  let parsed = start;
  let node: unknown = parsed.document.contents;
  let place = node ? placeOf(parsed, node as Node) : undefined;
  for (const step of path) {
    [parsed, node] = enter(parsed, node);
    if (isMap(node)) {
      const pair = pairsOf(node).get(String(step));
      if (!pair) return undefined;
      place = placeOf(parsed, pair.key as Node);
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      if (node === undefined) return undefined;
      place = placeOf(parsed, node as Node);
    } else return undefined;
  }
  return place && { node, place };
}

/** Pairs of each map by their keys, which would else be searched once for every key of a long file. */
const PAIRS = new WeakMap<YAMLMap, Map<string, Pair>>();

function pairsOf(map: YAMLMap): Map<string, Pair> {
  const found = PAIRS.get(map) ?? new Map(map.items.map((pair) => [keyOf(pair.key), pair]));
  PAIRS.set(map, found);
  return found;
}

function enter(parsed: Parsed, node: unknown): [Parsed, unknown] {
  const target = isAlias(node) ? parsed.aliases.get(node) : node;
  const included = parsed.includes.get(target as Node);
  return included ? enter(included, included.document.contents) : [parsed, target];
}

function collectFiles(parsed: Parsed, files: string[]): void {
  files.push(parsed.file);
  for (const included of parsed.includes.values()) collectFiles(included, files);
}

function readText(path: string): string {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new RangeError(`Cannot read ${path} as there is no such file${nearEntry(path)}`, {
        cause: error,
      });
    }
    throw new RangeError(`Cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  return decodeUtf8(bytes, path, "YAML");
}
