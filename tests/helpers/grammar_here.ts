/**
 * Masks whose grammar is compiled in the test's own thread.
 * @module
 */
import type { CompiledGrammar } from "@mlc-ai/web-xgrammar";

import type { MaskVocabulary, TokenMask } from "../../kernels/engine/generate/sampling/mask.ts";
import type { GrammarOptions } from "../../tasks/serve/grammar/grammar.ts";
import { Compiler, tokenTexts, writtenGrammar } from "../../tasks/serve/grammar/compile.ts";
import { libraryCode, openGrammarLibrary } from "../../tasks/serve/grammar/library.ts";
import { maskOf } from "../../tasks/serve/grammar/mask.ts";

interface Here {
  compiler: Compiler;
  compiled: Map<string, Promise<CompiledGrammar>>;
}

const known = new WeakMap<MaskVocabulary["tokenizer"], Here>();

/** As `grammarTokens`, without a Worker. @throws {MaskError} If the library can't follow the grammar */
export async function grammarHere(options: GrammarOptions, vocabulary: MaskVocabulary): Promise<TokenMask> {
  const { tokenizer, vocabSize, endIds } = vocabulary, key = JSON.stringify([endIds, options]);
  const here = known.get(tokenizer) ?? {
    compiler: new Compiler(await openGrammarLibrary(libraryCode()), tokenTexts(tokenizer, vocabSize)),
    compiled: new Map(),
  };
  known.set(tokenizer, here);
  const compiled = here.compiled.get(key) ?? here.compiler.compile(writtenGrammar(options), endIds);
  here.compiled.set(key, compiled);
  try {
    return await maskOf({ library: here.compiler.library, compiled: await compiled }, vocabulary);
  } catch (error) {
    known.delete(tokenizer);
    throw error;
  }
}
