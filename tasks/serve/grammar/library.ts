/**
 * XGrammar, opened as often as wanted: each time with a memory of its own, which can be looked at.
 * @module
 */
import type * as XGrammar from "@mlc-ai/web-xgrammar";
import { fileURLToPath } from "node:url";

import { MaskMemoryError } from "../../../kernels/engine/generate/sampling/mask.ts";

/** The library with what it has said so far. A schema that it refuses ends it, so that the next one needs another. */
export interface Library {
  xgrammar: typeof XGrammar;
  /** Everything that its objects are made of. */
  memory: WebAssembly.Memory;
  /** Number made from the memory's bytes as they were when it had been opened. */
  begin: number;
  /** Lines that it would have printed: they have the request's schema in them, and a log has no contents. */
  said: string[];
  /** Why its memory didn't grow when it had to, upon which it ends itself without a word; null: it did. */
  refusal(): "limit" | "memory" | null;
  /** Called with each call of JavaScript by the library; what it throws ends the library's work, and the library is of no more use. */
  check: (() => void) | null;
  /** From now on objects are freed when JavaScript has forgotten them. */
  freeForgotten(): void;
}

type Run = (...values: unknown[]) => void;

/** Global values that the library's code would look at: with these it begins the same way in each thread, with the same bytes. */
const GLOBALS: Record<string, unknown> = {
  document: undefined,
  importScripts: undefined,
  location: { href: "file:///xgrammar.js" },
  navigator: undefined,
  process: undefined,
  window: undefined,
};
const NAMES = [
  "exports",
  "module",
  "console",
  "WebAssembly",
  "FinalizationRegistry",
  ...Object.keys(GLOBALS),
];

/** Never called: by it the package is among those that are installed with this module. */
export const packageOfMask = (): Promise<unknown> => import("@mlc-ai/web-xgrammar");

/** The library's code: the package says that it is a module, but its file is none, it wants `module` and `exports`. */
export function libraryCode(): string {
  return Deno.readTextFileSync(fileURLToPath(import.meta.resolve("@mlc-ai/web-xgrammar")));
}

/** Of the code that was opened last: with its WebAssembly compiled, and made faster by use, another opening takes a third of the time. */
let last: { code: string; run: Run; compiled?: WebAssembly.Module } | undefined;

/**
 * Opens the library.
 * @param code Of {@linkcode libraryCode}, which a Worker without permissions can't read
 * @param pages Of its memory in 64 KiB, at least
 * @param limit Bytes of its memory, at most, unless `pages` are more
 * @throws {MaskMemoryError} If the platform has no memory for it
 */
export async function openGrammarLibrary(
  code: string,
  pages = 0,
  limit: number = LIMIT_BYTES,
): Promise<Library> {
  if (last?.code !== code) last = { code, run: new Function(...NAMES, code) as Run };
  const known = last;
  const module = { exports: {} as typeof XGrammar }, said: string[] = [];
  let memory: WebAssembly.Memory | undefined, frees = false, library: Library | undefined;
  let refusal: ReturnType<Library["refusal"]> = null;
  const instantiate = async (bytes: BufferSource, imports: WebAssembly.Imports) => {
    refusal = "memory"; // until it is there
    const compiled = known.compiled ??= await WebAssembly.compile(bytes);
    const instance = await WebAssembly.instantiate(compiled, checked(imports, () => library?.check?.()));
    const made = { module: compiled, instance };
    memory = Object.values(made.instance.exports).find((value) => value instanceof WebAssembly.Memory);
    if (memory === undefined) throw new TypeError("Cannot use the grammar library: it has no memory");
    // before its own code has looked at the memory, which it wouldn't see grow
    const missing = pages - memory.buffer.byteLength / PAGE_BYTES;
    if (missing > 0) memory.grow(missing);
    refusal = null;
    boundMemory(memory, (why) => void (refusal = why), limit);
    return made;
  };
  class Registry {
    readonly #own: FinalizationRegistry<unknown>;
    constructor(free: (value: unknown) => void) {
      this.#own = new FinalizationRegistry(free);
    }
    register(target: WeakKey, value: unknown, token?: WeakKey): void {
      if (frees) this.#own.register(target, value, token);
    }
    unregister(token: WeakKey): void {
      this.#own.unregister(token);
    }
  }
  const say = (...words: unknown[]) => said.push(words.join(" "));
  known.run(
    module.exports,
    module,
    { log: say, warn: say, error: say },
    Object.create(WebAssembly, { instantiate: { value: instantiate } }),
    Registry,
    ...Object.values(GLOBALS),
  );
  const xgrammar = module.exports;
  // it opens its WebAssembly at its first call
  try {
    (await xgrammar.Grammar.fromEBNF('root ::= "a"')).dispose();
  } catch (error) {
    if (refusal === null) throw error;
    const mebibytes = pages * PAGE_BYTES / 2 ** 20 || "more";
    throw new MaskMemoryError(`Cannot open the grammar library: there are no ${mebibytes} MiB for it`, {
      cause: error,
    });
  }
  if (memory === undefined) throw new TypeError("Cannot use the grammar library: it didn't open a memory");
  return library = {
    xgrammar,
    memory,
    begin: sumOf(memory),
    said,
    refusal: () => refusal,
    check: null,
    freeForgotten: () => void (frees = true),
  };
}

/** Functions that WebAssembly is given, each with another call in front of it. */
function checked(imports: WebAssembly.Imports, check: () => void): WebAssembly.Imports {
  const all = Object.entries(imports).map(([module, values]) => {
    const names = Object.entries(values).map(([name, value]): [string, WebAssembly.ImportValue] => [
      name,
      typeof value !== "function" ? value : (...given: unknown[]) => {
        check();
        return value(...given);
      },
    ]);
    return [module, Object.fromEntries(names)];
  });
  return Object.fromEntries(all);
}

/**
 * Bounds a memory, and tells of each attempt to grow; the library tries smaller steps when one fails.
 * @param tell Told why it didn't grow; null: it did
 * @param limit Bytes
 * @throws {RangeError} (of `memory.grow`) If it would be larger than `limit`
 */
export function boundMemory(
  memory: WebAssembly.Memory,
  tell: (refusal: ReturnType<Library["refusal"]>) => void,
  limit: number,
): void {
  const grow = memory.grow.bind(memory);
  Object.defineProperty(memory, "grow", {
    value: (pages: number) => {
      const isAllowed = memory.buffer.byteLength + pages * PAGE_BYTES <= limit;
      tell(isAllowed ? "memory" : "limit");
      if (!isAllowed) throw new RangeError(`Cannot grow beyond ${limit} bytes`);
      const before = grow(pages);
      tell(null);
      return before;
    },
  });
}

/** Words of a memory up to the last that isn't zero. */
export function usedWords({ buffer }: WebAssembly.Memory): Int32Array {
  const words = new Int32Array(buffer);
  let used = words.length;
  while (used > 0 && words[used - 1] === 0) used--; // a callback for each of millions takes 30 ms
  return words.subarray(0, used);
}

/** FNV-1a. */
function sumOf(memory: WebAssembly.Memory): number {
  return usedWords(memory).reduce((sum, word) => Math.imul(sum ^ word, 16777619), -2128831035);
}

/** Bytes of a library's memory, at most. */
const LIMIT_BYTES = 512 * 2 ** 20;

/** Bytes of a page of a WebAssembly memory. */
export const PAGE_BYTES = 65536;
