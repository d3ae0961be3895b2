/**
 * Compiling grammars: the tokens that may come in each state, found for a vocabulary.
 * @module
 */
import type * as XGrammar from "@mlc-ai/web-xgrammar";

import { shortened } from "../../../formats/message.ts";
import type { Tokenizer } from "../../../formats/tokenizer/mod.ts";
import { MaskError, MaskMemoryError } from "../../../kernels/engine/generate/sampling/mask.ts";
import type { GrammarChoice, GrammarOptions, HeldText } from "./grammar.ts";
import { heldGrammar } from "../schema/held.ts";
import { expressionGrammar, listGrammar } from "../schema/plain.ts";
import type { Library } from "./library.ts";

/** A mask's grammar with the values as texts (EBNF). */
export interface WrittenGrammar extends Omit<GrammarOptions, "choices" | "param"> {
  choices: (Pick<GrammarChoice, "begin" | "end"> & { grammar: string })[];
}

/**
 * Writes the schemas of a mask as grammars; a second where patterns are large.
 * @throws {MaskError} If one of them says what a grammar can't hold an answer to
 */
export function writtenGrammar({ choices, trigger, once }: GrammarOptions): WrittenGrammar {
  const texts = choices.map(({ begin, held, place, end }) => ({
    begin,
    grammar: grammarOf(held, place),
    end,
  }));
  return { choices: texts, trigger, once };
}

function grammarOf(held: HeldText, place: string): string {
  if ("schema" in held) return heldGrammar(held.schema, place);
  return "expression" in held ? expressionGrammar(held.expression, place) : listGrammar(held.list);
}

/** Texts of tokens by id; "" never matches: special tokens are no part of a text, and some rows of a model have no token. */
export function tokenTexts(tokenizer: Tokenizer, vocabSize: number): string[] {
  return Array.from(
    { length: vocabSize },
    (_, id) => tokenizer.specialIds.has(id) ? "" : tokenizer.idToToken(id) ?? "",
  );
}

/** Compiles grammars for one vocabulary in one opened library. */
export class Compiler {
  /** By what ends answers: reading a vocabulary takes a tenth of a second. */
  readonly #compilers = new Map<string, Promise<XGrammar.GrammarCompiler>>();

  constructor(readonly library: Library, readonly texts: readonly string[]) {}

  /**
   * Compiles a grammar.
   * @param endIds Ids that end an answer
   * @param check Called now and then; what it throws ends the work, and is thrown
   * @throws {MaskError} If the library can't follow it, or it is too large; the library is of no more use then
   * @throws {MaskMemoryError} If the memory couldn't grow; the same holds
   */
  async compile(
    options: WrittenGrammar,
    endIds: readonly number[],
    check: () => void = () => {},
  ): Promise<XGrammar.CompiledGrammar> {
    const { choices, trigger } = options, { said } = this.library;
    said.length = 0;
    let stopped: { why: unknown } | undefined;
    const checked = () => {
      try {
        check();
      } catch (error) {
        stopped = { why: error };
        throw error;
      }
    };
    let compiled: XGrammar.CompiledGrammar;
    try {
      const compiler = await this.#compiler(endIds);
      this.library.check = checked;
      const [first] = choices;
      compiled = trigger === null && choices.length === 1 && first?.begin === "" && first.end === ""
        ? await compiler.compileGrammar(first.grammar)
        : await compiler.compileStructuralTag(tags(options));
    } catch {
      if (stopped !== undefined) throw stopped.why;
      const refusal = this.library.refusal();
      if (refusal === "memory") throw new MaskMemoryError("Cannot compile a grammar: its memory can't grow");
      if (refusal === "limit") {
        throw new MaskError(
          "Cannot follow the JSON schema: its grammar needs too much memory; use smaller lengths",
        );
      }
      throw new MaskError(`Cannot follow the JSON schema: ${reason(said.join(" "))}`);
    } finally {
      this.library.check = null;
    }
    const warning = said.find((words) => words.includes("WARN"));
    if (warning === undefined) return compiled;
    throw new MaskError(`Cannot hold an answer to the JSON schema: ${reason(warning)}`);
  }

  #compiler(endIds: readonly number[]): Promise<XGrammar.GrammarCompiler> {
    const { texts, library: { xgrammar } } = this;
    const key = endIds.join(" "), known = this.#compilers.get(key);
    if (known !== undefined) return known;
    const made = xgrammar.TokenizerInfo
      .createTokenizerInfo([...texts], kindOf(texts), false, texts.length, [...endIds])
      .then((info) => xgrammar.GrammarCompiler.createGrammarCompiler(info, false));
    this.#compilers.set(key, made);
    return made;
  }
}

function tags({ choices, trigger, once }: WrittenGrammar): XGrammar.StructuralTagLike {
  const elements = choices.map(({ begin, grammar, end }) => {
    const content = { type: "grammar", grammar };
    return begin === "" && end === "" ? content : { type: "tag", begin, content, end };
  });
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

/** A vocabulary's way of writing bytes: GPT-2's letters (Ġ is a space), SentencePiece's (▁ and <0x0A>), or as they are. */
function kindOf(texts: readonly string[]): "byte_level" | "byte_fallback" | "raw" {
  if (texts.includes("<0x0A>")) return "byte_fallback";
  return texts.some((text) => text.startsWith("Ġ")) ? "byte_level" : "raw";
}
