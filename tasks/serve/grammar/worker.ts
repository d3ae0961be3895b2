/**
 * A Worker in which grammars are written and compiled, so that answers under way go on meanwhile. It has no permissions. Started
 * by compile_worker.ts; not imported by anything.
 * @module
 */
import type { CompiledGrammar } from "@mlc-ai/web-xgrammar";

import { type CallContext, serve } from "../../../kernels/engine/worker/worker_call.ts";
import type { GrammarOptions } from "./grammar.ts";
import { Compiler, writtenGrammar } from "./compile.ts";
import { withinTime } from "../../../plugins/judges/time_limit.ts";
import { openGrammarLibrary } from "./library.ts";
import { copyOf, type Moved } from "./moved.ts";
import { type Stop, stopCheck } from "./stopping.ts";

/** Grammars that are kept together, and the memory of them and of the vocabulary, at most: then the next one begins anew. */
const MOST_GRAMMARS = 64, MOST_BYTES = 64 * 2 ** 20;

let given: { code: string; texts: readonly string[] } | undefined;
let open: { compiler: Compiler; grammars: Map<number, CompiledGrammar> } | undefined;

serve({
  open(_call: CallContext, code: string, texts: readonly string[]): void {
    given = { code, texts };
  },

  /** A copy of the memory with this grammar and those that were compiled before it. @throws As `CompileWorker.compile` */
  async compile(
    _call: CallContext,
    id: number,
    { options, endIds, stop }: { options: GrammarOptions; endIds: readonly number[]; stop: Stop },
  ): Promise<Moved> {
    if (given === undefined) throw new Error("Cannot compile a grammar: there is no vocabulary");
    const check = stopCheck(stop), written = withinTime(stop.mostMs, () => writtenGrammar(options));
    check();
    if (written === null) throw new TypeError("Cannot go on with a grammar: it was stopped before its time");
    const grammar = written.value;
    if (open && isFull(open)) open = undefined;
    if (open === undefined) {
      const library = await openGrammarLibrary(given.code);
      library.freeForgotten();
      open = { compiler: new Compiler(library, given.texts), grammars: new Map() };
    }
    const { compiler, grammars } = open;
    try {
      grammars.set(id, await compiler.compile(grammar, endIds, check));
    } catch (error) {
      open = undefined;
      throw error;
    }
    return copyOf(compiler.library, grammars);
  },
});

function isFull({ compiler, grammars }: NonNullable<typeof open>): boolean {
  return grammars.size >= MOST_GRAMMARS || compiler.library.memory.buffer.byteLength >= MOST_BYTES;
}
