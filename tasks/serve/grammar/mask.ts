/**
 * Tokens that keep an answer JSON, by XGrammar; a `MakeMask` of the generator's Worker.
 * @module
 */
import type { Tokenizer } from "../../../formats/tokenizer/mod.ts";
import {
  MaskError,
  MaskMemoryError,
  type MaskVocabulary,
  type TokenMask,
} from "../../../kernels/engine/generate/sampling/mask.ts";
import type { GrammarOptions } from "./grammar.ts";
import { tokenTexts } from "./compile.ts";
import { Grammars, type ReadyGrammar } from "./grammars.ts";

/** Part of the library's C++ objects: its own method for the same gives a promise, which a step can't wait for. */
interface MatcherHandle {
  GetNextTokenBitmask(vocabSize: number): { size(): number; get(index: number): number; delete(): void };
}

/** Grammars by tokenizer, then by the vocabulary's size. */
const known = new WeakMap<Tokenizer, Map<number, Grammars>>();

/** Grammars of a vocabulary, the same ones each time. */
function grammarsOf(
  { tokenizer, vocabSize }: Pick<MaskVocabulary, "tokenizer" | "vocabSize">,
): Grammars {
  const bySize = known.get(tokenizer) ?? new Map<number, Grammars>();
  known.set(tokenizer, bySize);
  const made = bySize.get(vocabSize) ?? new Grammars({ texts: () => tokenTexts(tokenizer, vocabSize) });
  bySize.set(vocabSize, made);
  return made;
}

/**
 * Makes the mask of one answer.
 * @param signal The answer's: a grammar that nobody waits for any more isn't compiled
 * @throws {MaskError} If the schema isn't one that the library can follow, or nothing could end the answer
 * @throws {MaskMemoryError} If there was no memory for it
 * @throws The signal's reason when it fires
 */
export default async function grammarTokens(
  options: GrammarOptions,
  vocabulary: MaskVocabulary,
  signal?: AbortSignal,
): Promise<TokenMask> {
  if (vocabulary.endIds.length === 0) {
    throw new MaskError("Cannot hold an answer to a grammar without an end token: leave ignore_eos out");
  }
  return await maskOf(await grammarsOf(vocabulary).get(options, vocabulary.endIds, signal), vocabulary);
}

/**
 * The mask of one answer that follows a compiled grammar.
 * @throws {MaskMemoryError} If the grammar's memory couldn't grow, now or in a step
 */
export async function maskOf(
  { library, compiled }: ReadyGrammar,
  { vocabSize, endIds }: MaskVocabulary,
): Promise<TokenMask> {
  /** @throws What a call threw, as what it was */
  const failed = (error: unknown): never => {
    if (library.refusal() === null) throw error;
    throw new MaskMemoryError("Cannot follow a grammar: its memory can't grow", { cause: error });
  };
  const matcher = await library.xgrammar.GrammarMatcher.createGrammarMatcher(compiled, [...endIds])
    .catch(failed);
  const { handle } = matcher as unknown as { handle: MatcherHandle };
  return {
    fill(words) {
      try {
        const bits = handle.GetNextTokenBitmask(vocabSize);
        for (let i = 0; i < words.length; i++) words[i] = bits.get(i);
        bits.delete();
      } catch (error) {
        failed(error);
      }
    },
    accept(id) {
      let isTaken = false;
      try {
        isTaken = matcher.acceptToken(id);
      } catch (error) {
        failed(error);
      }
      if (!isTaken) {
        throw new Error(`Cannot continue the grammar: token ${id} doesn't fit it`);
      }
    },
    dispose() {
      matcher.dispose();
    },
  };
}
