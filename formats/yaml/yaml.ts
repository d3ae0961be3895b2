/**
 * YAML and JSON files in which every key keeps its place, so that an error about a value can name file and line.
 * YAML 1.2 core schema: `5e-6` is a number, `no` is text. `!include other.yaml` puts another file in, relative to the
 * including one and inside the folder of the first one.
 * @module
 */
import { dirname, join, relative, resolve } from "@std/path";
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";

/** A place in a file; line and column count from 1. */
export interface Place {
  /** File as it was named. */
  file: string;
  /** Line. */
  line: number;
  /** Column. */
  column: number;
}

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
  /** Whether the value of a path is text written without quotes. */
  isPlain(path: YamlPath): boolean;
}

/** How {@linkcode parseYaml} gets at included files. */
export interface YamlOptions {
  /** Folder that includes must stay in; default: that of the file. */
  root?: string;
  /** Reads a file; default: from disk. */
  read?: (path: string) => string;
}

interface Parsed {
  file: string;
  document: Document.Parsed;
  lines: LineCounter;
  includes: Map<Node, Parsed>;
}

const MAX_ALIASES = 1000;

/**
 * Reads a YAML or JSON file.
 * @throws {SyntaxError} If the text isn't YAML; names file, line and column
 * @throws {RangeError} If the file or an included one is missing, an include leaves the folder, or includes run in a circle
 */
export function readYaml(path: string, options: YamlOptions = {}): YamlFile {
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
  const root = resolve(options.root ?? dirname(file));
  const parsed = parse(text, file, [resolve(file)], root, options.read ?? readText);
  const files: string[] = [];
  collectFiles(parsed, files);
  return {
    value: toValue(parsed, parsed.document.contents, { aliases: 0 }),
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
 * @throws {SyntaxError} If the text isn't YAML
 */
export function parseYamlValue(text: string): unknown {
  const document = parseDocument(text, { schema: "core" });
  const error = document.errors[0];
  if (error) {
    throw new SyntaxError(`Cannot read ${JSON.stringify(text)} as a YAML value: ${firstLine(error.message)}`);
  }
  return document.toJS() ?? null;
}

/** `file:line:column`, or "" for no place. */
export function placeText(place: Place | undefined): string {
  return place ? `${place.file}:${place.line}:${place.column}` : "";
}

function parse(
  text: string,
  file: string,
  chain: string[],
  root: string,
  read: (path: string) => string,
): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: "core",
    uniqueKeys: true,
    prettyErrors: false,
    lineCounter: lines,
    customTags: [{ tag: "!include", resolve: (value: string) => value }],
  });
  const error = document.errors[0] ?? document.warnings[0];
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    const source = text.split("\n")[line - 1]?.trimEnd() ?? "";
    throw new SyntaxError(
      `Cannot read ${file}:${line}:${col} as YAML: ${
        explain(error.code, error.message, source)
      }\n    ${source}`,
    );
  }
  const parsed: Parsed = { file, document, lines, includes: new Map() };
  follow(parsed, document.contents, chain, root, read);
  return parsed;
}

function follow(
  parsed: Parsed,
  node: unknown,
  chain: string[],
  root: string,
  read: (path: string) => string,
): void {
  if (isMap(node)) { for (const pair of node.items) follow(parsed, pair.value, chain, root, read); }
  else if (isSeq(node)) { for (const item of node.items) follow(parsed, item, chain, root, read); }
  else if (isScalar(node) && node.tag === "!include") {
    const at = placeText(placeOf(parsed, node));
    const named = String(node.value);
    const target = resolve(dirname(chain.at(-1)!), named);
    if (leaves(root, target)) {
      throw new RangeError(`Cannot include ${named} at ${at} as it lies outside of the folder ${root}`);
    }
    if (chain.includes(target)) {
      throw new RangeError(
        `Cannot include ${named} at ${at} as it includes itself: ${[...chain, target].join(" -> ")}`,
      );
    }
    let text: string;
    try {
      text = read(target);
    } catch (error) {
      throw new RangeError(
        `Cannot include ${named} at ${at} as there is no file ${target} to read: ${(error as Error).message}`,
        { cause: error },
      );
    }
    parsed.includes.set(node, parse(text, join(dirname(parsed.file), named), [...chain, target], root, read));
  }
}

function leaves(root: string, target: string): boolean {
  const outside = (from: string, to: string) => {
    const path = relative(from, to);
    return path.startsWith("..") || resolve(path) === path;
  };
  if (outside(root, target)) return true;
  try { // a link inside the folder may point out of it
    return outside(Deno.realPathSync(root), Deno.realPathSync(target));
  } catch {
    return false; // not on disk: reading it says so
  }
}

function toValue(parsed: Parsed, node: unknown, count: { aliases: number }): unknown {
  if (node === null || node === undefined) return node === null ? undefined : null;
  if (isAlias(node)) {
    if (++count.aliases > MAX_ALIASES) {
      throw new SyntaxError(
        `Cannot read ${parsed.file} as it repeats anchors more than ${MAX_ALIASES} times`,
      );
    }
    return toValue(parsed, node.resolve(parsed.document), count);
  }
  if (isMap(node)) {
    const value: Record<string, unknown> = {};
    for (const pair of node.items) {
      const key = keyOf(pair.key);
      const item = toValue(parsed, pair.value, count) ?? null;
      if (key === "<<") {
        for (const merged of Array.isArray(item) ? item : [item]) {
          for (const [name, part] of Object.entries(merged ?? {})) {
            if (!(name in value)) set(value, name, part);
          }
        }
      } else {
        set(value, key, item);
      }
    }
    return value;
  }
  if (isSeq(node)) return node.items.map((item) => toValue(parsed, item, count) ?? null);
  if (!isScalar(node)) return null;
  const included = parsed.includes.get(node);
  return included ? toValue(included, included.document.contents, count) ?? null : node.value;
}

/** Assigns without running a `__proto__` setter. */
function set(value: Record<string, unknown>, key: string, item: unknown): void {
  Object.defineProperty(value, key, { value: item, writable: true, enumerable: true, configurable: true });
}

function find(start: Parsed, path: YamlPath): { node: unknown; place: Place } | undefined {
  let parsed = start;
  let node: unknown = parsed.document.contents;
  let place = node ? placeOf(parsed, node as Node) : undefined;
  for (const step of path) {
    [parsed, node] = enter(parsed, node);
    if (isMap(node)) {
      const pair = node.items.find((item) => keyOf(item.key) === String(step));
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

function enter(parsed: Parsed, node: unknown): [Parsed, unknown] {
  const target = isAlias(node) ? node.resolve(parsed.document) : node;
  const included = parsed.includes.get(target as Node);
  return included ? enter(included, included.document.contents) : [parsed, target];
}

function placeOf(parsed: Parsed, node: Node): Place {
  const { line, col } = parsed.lines.linePos(node.range?.[0] ?? 0);
  return { file: parsed.file, line, column: col };
}

function keyOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function collectFiles(parsed: Parsed, files: string[]): void {
  files.push(parsed.file);
  for (const included of parsed.includes.values()) collectFiles(included, files);
}

function explain(code: string, message: string, source: string): string {
  if (code === "DUPLICATE_KEY") {
    return `the key "${source.trim().replace(/:.*$/, "")}" stands there for the second time: remove one`;
  }
  if (code === "TAB_AS_INDENT") return "a tab can't be used as indentation: use spaces";
  return firstLine(message);
}

function firstLine(text: string): string {
  return text.split("\n")[0]!.replace(/:$/, "");
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new RangeError(`Cannot read ${path} as there is no such file`, { cause: error });
    }
    throw new RangeError(`Cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}
