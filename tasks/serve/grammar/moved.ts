/**
 * Compiled grammars brought from one thread to another. The library has no form of them that could be sent, but its objects are
 * bytes of its memory: a second opening of it that takes the bytes over has the same objects at the same places. Between two calls
 * the library keeps nothing elsewhere (its module has two globals that change, the stack's end and one that is 0 at rest).
 * @module
 */
import type { CompiledGrammar } from "@mlc-ai/web-xgrammar";

import { MaskMemoryError } from "../../../kernels/engine/generate/sampling/mask.ts";
import { type Library, openGrammarLibrary, PAGE_BYTES, usedWords } from "./library.ts";

/** Copy of a library's memory with compiled grammars in it. */
export interface Moved {
  /** The memory as far as it isn't zero. Shared, so that sending it copies nothing. */
  bytes: SharedArrayBuffer;
  /** Its whole size, in 64 KiB. */
  pages: number;
  /** Of the library: JavaScript's side of it knows addresses in the memory from its opening. */
  begin: number;
  /** Addresses of the grammars, by numbers that the sender gave them. */
  grammars: [id: number, address: number][];
}

/** Part of the library's objects that says where they are. */
interface Handle {
  $$: { ptr: number; count: { value: number } };
}

const handleOf = (compiled: CompiledGrammar) => compiled.handle as Handle;

/**
 * Copies a library's memory, which no call may be using.
 * @throws {MaskMemoryError} If the platform has no memory for the copy
 */
export function copyOf(
  { memory, begin }: Library,
  grammars: ReadonlyMap<number, CompiledGrammar>,
): Moved {
  const used = usedWords(memory), bytes = shared(used.byteLength);
  new Int32Array(bytes).set(used);
  return {
    bytes,
    pages: memory.buffer.byteLength / PAGE_BYTES,
    begin,
    grammars: [...grammars].map(([id, compiled]) => [id, handleOf(compiled).$$.ptr]),
  };
}

function shared(bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(bytes);
  } catch (error) {
    throw new MaskMemoryError(`Cannot send a grammar: there are no ${bytes} bytes for a copy`, {
      cause: error,
    });
  }
}

/** Grammars that can be used in this thread. */
export interface Arrived {
  library: Library;
  /** By their numbers. They live as long as the library. */
  grammars: Map<number, CompiledGrammar>;
}

/**
 * Opens the library with a memory that was copied.
 * @throws {MaskMemoryError} If the platform has no memory for it
 */
export async function openMoved(code: string, { bytes, pages, begin, grammars }: Moved): Promise<Arrived> {
  const library = await openGrammarLibrary(code, pages), { xgrammar, memory } = library;
  // an object of each class says to JavaScript what one at another address is
  const tokenizerInfo = await xgrammar.TokenizerInfo.createTokenizerInfo(["a", "b"], "raw", false, 2, [1]);
  const compiler = await xgrammar.GrammarCompiler.createGrammarCompiler(tokenizerInfo, false);
  const pattern = handleOf(await compiler.compileGrammar('root ::= "a"'));
  if (memory.buffer.byteLength !== pages * PAGE_BYTES || library.begin !== begin) {
    throw new Error("Cannot take over a grammar's memory: the library begins otherwise in this thread");
  }
  const all = new Uint8Array(memory.buffer);
  all.set(new Uint8Array(bytes));
  all.fill(0, bytes.byteLength);
  // objects from before are no more, and must not be freed
  library.freeForgotten();
  const handleAt = (address: number): Handle =>
    Object.create(Object.getPrototypeOf(pattern), {
      $$: { value: { ...pattern.$$, ptr: address, count: { value: 1 } } },
    });
  return {
    library,
    grammars: new Map(grammars.map(([id, address]) => [id, new xgrammar.CompiledGrammar(handleAt(address))])),
  };
}
