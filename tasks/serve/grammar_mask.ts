/**
 * Tokens that keep an answer JSON, by XGrammar; a `MakeMask` of the generator's Worker.
 * @module
 */
import type * as XGrammar from "@mlc-ai/web-xgrammar";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import { shortened } from "../../formats/message.ts";
import type { Tokenizer } from "../../formats/tokenizer/mod.ts";
import type { MaskVocabulary, TokenMask } from "../../kernels/engine/generate/generator.ts";
import type { GrammarOptions } from "./grammar.ts";

type Library = typeof XGrammar;

/** Part of the library's C++ objects: its own method for the same gives a promise, which a step can't wait for. */
interface MatcherHandle {
  GetNextTokenBitmask(vocabSize: number): { size(): number; get(index: number): number; delete(): void };
}

/** A loaded library and what it has said. A schema that it refuses ends it, so that the next one needs another. */
interface Instance {
  xgrammar: Library;
  /** Compilers by tokenizer, then by what ends answers: reading a vocabulary takes a tenth of a second. */
  compilers: WeakMap<Tokenizer, Map<string, Promise<XGrammar.GrammarCompiler>>>;
  said: string[];
}

let current: Instance | undefined;

/** The package says that it is a module, but its file is none: it wants `require` and `exports`. */
function load(): Instance {
  const file = fileURLToPath(import.meta.resolve("@mlc-ai/web-xgrammar"));
  const module = { exports: {} as Library };
  const said: string[] = [];
  const say = (...words: unknown[]) => said.push(words.join(" "));
  const parameters = ["exports", "module", "require", "__filename", "console"];
  const run = new Function(...parameters, Deno.readTextFileSync(file));
  // what it prints has the request's schema in it, and a log has no contents
  const console = { log: say, warn: say, error: say };
  run(module.exports, module, createRequire(import.meta.url), file, console);
  return { xgrammar: module.exports, compilers: new WeakMap(), said };
}

/** Never called: by it the package is among those that are installed with this module. */
export const packageOfMask = (): Promise<unknown> => import("@mlc-ai/web-xgrammar");

/**
 * Makes the mask of one answer.
 * @throws {RangeError} If the schema isn't one that the library can follow, or nothing could end the answer
 */
export default async function grammarTokens(
  options: GrammarOptions,
  vocabulary: MaskVocabulary,
): Promise<TokenMask> {
  if (vocabulary.endIds.length === 0) {
    throw new RangeError("Cannot hold an answer to a grammar without an end token: leave ignore_eos out");
  }
  const instance = current ??= load();
  const compiled = await compile(instance, vocabulary, options);
  const matcher = await instance.xgrammar.GrammarMatcher.createGrammarMatcher(compiled, [
    ...vocabulary.endIds,
  ]);
  const { handle } = matcher as unknown as { handle: MatcherHandle };
  return {
    fill(words) {
      const bits = handle.GetNextTokenBitmask(vocabulary.vocabSize);
      for (let i = 0; i < words.length; i++) words[i] = bits.get(i);
      bits.delete();
    },
    accept(id) {
      if (!matcher.acceptToken(id)) {
        throw new Error(`Cannot continue the grammar: token ${id} doesn't fit it`);
      }
    },
    dispose() {
      matcher.dispose();
      compiled.dispose();
    },
  };
}

async function compile(
  instance: Instance,
  vocabulary: MaskVocabulary,
  options: GrammarOptions,
): Promise<XGrammar.CompiledGrammar> {
  const { choices, trigger } = options;
  const compiler = await compilerOf(instance, vocabulary);
  const before = instance.said.length;
  try {
    const [first] = choices;
    const compiled = trigger === null && choices.length === 1 && first?.begin === "" && first.end === ""
      ? await compiler.compileGrammar(first.grammar)
      : await compiler.compileStructuralTag(tags(options));
    const warning = instance.said.slice(before).find((words) => words.includes("WARN"));
    if (warning === undefined) return compiled;
    compiled.dispose();
    throw new RangeError(`Cannot hold an answer to the JSON schema: ${reason(warning)}`);
  } catch (error) {
    if (error instanceof RangeError && error.message.startsWith("Cannot hold")) throw error;
    if (current === instance) current = undefined;
    throw new RangeError(`Cannot follow the JSON schema: ${reason(instance.said.slice(before).join(" "))}`);
  }
}

function tags({ choices, trigger, once }: GrammarOptions): XGrammar.StructuralTagLike {
  const elements = choices.map(({ begin, grammar, end }) => ({
    type: "tag",
    begin,
    content: { type: "grammar", grammar },
    end,
  }));
  if (trigger !== null) {
    const format = { type: "triggered_tags", triggers: [trigger], tags: elements, stop_after_first: once };
    return { type: "structural_tag", format };
  }
  return { type: "structural_tag", format: elements.length === 1 ? elements[0] : { type: "or", elements } };
}

/** The library's words without its own file names. */
function reason(said: string): string {
  const text = said.replace(/^\[\w+\] \S+:\d+: /, "").replace(/\s*Aborted\(\)[^]*$/, "");
  return text === "" ? "the grammar library refuses it" : shortened(text);
}

function compilerOf(
  { xgrammar, compilers }: Instance,
  { tokenizer, vocabSize, endIds }: MaskVocabulary,
): Promise<XGrammar.GrammarCompiler> {
  const byEnds = compilers.get(tokenizer) ?? new Map<string, Promise<XGrammar.GrammarCompiler>>();
  compilers.set(tokenizer, byEnds);
  const key = `${vocabSize} ${endIds.join(" ")}`, known = byEnds.get(key);
  if (known !== undefined) return known;
  // "" never matches: special tokens are no part of a text, and some rows of the model have no token
  const texts = Array.from(
    { length: vocabSize },
    (_, id) => tokenizer.specialIds.has(id) ? "" : tokenizer.idToToken(id) ?? "",
  );
  const made = xgrammar.TokenizerInfo.createTokenizerInfo(texts, kindOf(texts), false, vocabSize, [...endIds])
    .then((info) => xgrammar.GrammarCompiler.createGrammarCompiler(info));
  byEnds.set(key, made);
  return made;
}

/** A vocabulary's way of writing bytes: GPT-2's letters (Ġ is a space), SentencePiece's (▁ and <0x0A>), or as they are. */
function kindOf(texts: readonly string[]): "byte_level" | "byte_fallback" | "raw" {
  if (texts.includes("<0x0A>")) return "byte_fallback";
  return texts.some((text) => text.startsWith("Ġ")) ? "byte_level" : "raw";
}
