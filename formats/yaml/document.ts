/**
 * YAML documents with their includes, parsed but not yet expanded. Everything that a hostile or broken file could blow up
 * is bounded: bytes of a file, number of includes, depth, length of messages.
 * @module
 */
import { dirname, join, relative, resolve } from "@std/path";
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from "yaml";

import { bounded } from "../message.ts";
import { redact } from "../secrets.ts";
import { type Place, placeText, sourceLine, YamlError } from "./place.ts";

/** One file. */
export interface Parsed {
  /** As it was named. */
  readonly file: string;
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
  /** Documents by the `!include` node that names them. */
  readonly includes: Map<Node, Parsed>;
  /** The target of each alias: the last anchor of that name in front of it. */
  readonly aliases: Map<Alias, Node>;
}

/** Options for reading YAML files. */
export interface YamlReadOptions {
  /** Folder that includes must stay in. */
  readonly root: string;
  /** Reads a file. */
  readonly read: (path: string) => string;
  /** Files so far. */
  files: number;
}

/** Longest file, in characters; LLaMA-Factory's longest example has 1,300. */
export const MAX_CHARACTERS = 1_000_000;
const MAX_FILES = 100;
const MAX_DEPTH = 100;

/** Octal numbers of YAML 1.1 (PyYAML, LLaMA-Factory) and of YAML 1.2; each reads the other's otherwise. */
const OCTAL = /^[-+]?0(o[0-7]+|[0-9]+)$/;

/**
 * Parses a text and everything that it includes.
 * @param chain Absolute paths from the first file to this one
 * @throws {SyntaxError} If the text isn't YAML, is too long or nests too deep
 * @throws {RangeError} If an include can't be followed
 */
export function parseFile(
  text: string,
  file: string,
  chain: readonly string[],
  reading: YamlReadOptions,
): Parsed {
  if (text.length > MAX_CHARACTERS) {
    throw new SyntaxError(
      `Cannot read ${file} as YAML: it has ${text.length} characters, at most ${MAX_CHARACTERS} are read. ` +
        "Is it a file of data?",
    );
  }
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: "core",
    version: "1.2",
    // the library compares every two keys; Walk looks for them
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: lines,
    customTags: [{ tag: "!include", resolve: (value: string) => value }],
  });
  const error = document.errors[0] ?? document.warnings[0];
  if (error) {
    throw fault({ text, file, lines }, error.pos[0], explain(error.code, error.message));
  }
  const parsed: Parsed = { file, document, lines, includes: new Map(), aliases: new Map() };
  new Walk(parsed, text, chain, reading).enter(document.contents, 0);
  return parsed;
}

/** Where a node stands. */
export function placeOf(parsed: Pick<Parsed, "file" | "lines">, node: Node): Place {
  const { line, col } = parsed.lines.linePos(node.range?.[0] ?? 0);
  return { file: parsed.file, line, column: col };
}

/** The text of a key; a number, a truth value or null as it's printed. */
export function keyOf(key: unknown): string {
  const value = isScalar(key) ? key.value : key;
  return typeof value === "symbol" ? value.description ?? "" : String(value);
}

/** Visits the nodes of one file in order: checks them, finds what aliases stand for, follows includes. */
class Walk {
  readonly #anchors = new Map<string, Node>();

  constructor(
    readonly parsed: Parsed,
    readonly text: string,
    readonly chain: readonly string[],
    readonly reading: YamlReadOptions,
  ) {}

  enter(node: unknown, depth: number): void {
    if (depth > MAX_DEPTH) throw this.#fault(node as Node, `values nest more than ${MAX_DEPTH} deep`);
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      if (!target) throw this.#fault(node, `there is no anchor &${node.source.slice(0, 80)} in front of it`);
      this.parsed.aliases.set(node, target);
      return;
    }
    const { anchor } = (node ?? {}) as { anchor?: string };
    if (anchor !== undefined) this.#anchors.set(anchor, node as Node);
    if (isMap(node)) {
      const seen = new Set<string>();
      for (const { key, value } of node.items) {
        if (!isScalar(key)) throw this.#fault((key ?? node) as Node, "a key has to be a text");
        const name = keyOf(key);
        if (seen.has(name)) {
          throw this.#fault(
            key,
            `the key "${name.slice(0, 80)}" stands there for the second time: remove one`,
          );
        }
        seen.add(name);
        this.enter(key, depth + 1);
        this.enter(value, depth + 1);
      }
    } else if (isSeq(node)) { for (const item of node.items) this.enter(item, depth + 1); }
    else if (isScalar(node)) {
      if (node.tag === "!include") this.#include(node, String(node.value));
      else if (typeof node.value === "number" && OCTAL.test(node.source ?? "") && node.type === "PLAIN") {
        throw this.#fault(node, octal(node.source!));
      }
    }
  }

  #fault(node: Node, what: string): YamlError {
    return fault({ ...this.parsed, text: this.text }, node.range?.[0] ?? 0, what);
  }

  #include(node: Node, named: string): void {
    const { parsed, chain, reading } = this;
    const what = `Cannot include ${named.slice(0, 200)} at ${placeText(placeOf(parsed, node))}`;
    const target = resolve(dirname(chain.at(-1)!), named);
    if (leaves(reading.root, target)) {
      throw new RangeError(`${what} as it lies outside of the folder ${reading.root}`);
    }
    if (chain.includes(target)) {
      throw new RangeError(bounded(`${what} as it includes itself: ${[...chain, target].join(" -> ")}`));
    }
    if (++reading.files > MAX_FILES) {
      throw new RangeError(`${what} as more than ${MAX_FILES} files are included`);
    }
    let text: string;
    try {
      text = reading.read(target);
    } catch (error) {
      throw new RangeError(
        bounded(`${what} as there is no file ${target} to read: ${redact((error as Error).message)}`),
        { cause: error },
      );
    }
    const name = join(dirname(parsed.file), named);
    parsed.includes.set(node, parseFile(text, name, [...chain, target], reading));
  }
}

/** Warning about a number that is octal in one version of YAML and not in the other. */
function octal(source: string): string {
  const digits = source.replace(/o/, "").replace(/^([-+]?)0+(?=.)/, "$1");
  return `a number can't begin with a 0, as some programs read ${source.slice(0, 40)} as octal: ` +
    `write ${digits.slice(0, 40)}, or "${source.slice(0, 40)}" for a text`;
}

function fault(
  { text, file, lines }: Pick<Parsed, "file" | "lines"> & { text: string },
  offset: number,
  what: string,
): YamlError {
  const { line, col } = lines.linePos(offset);
  return new YamlError({ file, line, column: col }, what, sourceLine(text, line, col));
}

function explain(code: string, message: string): string {
  if (code === "MULTIPLE_DOCS") return "a second document begins there (---): one is read, remove the other";
  if (code === "TAB_AS_INDENT") return "a tab can't be used as indentation: use spaces";
  if (code === "RESOURCE_EXHAUSTION" || message.includes("call stack")) {
    return `values nest more than ${MAX_DEPTH} deep`;
  }
  return redact(message.split("\n")[0]!.replace(/:$/, "").slice(0, 300));
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
