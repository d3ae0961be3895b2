/**
 * Grammars of answers that are texts as they stand, no JSON around them: an expression's, or one of a list.
 * @module
 */
import type { DFA } from "refa";

import { MaskError } from "../../../kernels/engine/generate/sampling/mask.ts";
import { refuse } from "./choices.ts";
import { anyOf, GrammarTooLarge, Rules, terminal } from "./rules.ts";
import { stateRules } from "./state_rules.ts";
import { limitedToCharacters, matching, type TextSet } from "./texts.ts";

/**
 * The grammar of answers that an expression matches from begin to end, as JavaScript reads it.
 * @param place Of the expression, for errors
 * @throws {MaskError} If it can't be followed
 */
export function expressionGrammar(expression: string, place: string): string {
  const no = refuse(place);
  try {
    // alone it has to be one: parentheses around it could make one of what is none
    new RegExp(expression, "u");
    const texts = limitedToCharacters(matching(`^(?:${expression})$`));
    return texts.isEmpty ? no("no text fits it") : plainGrammar(texts);
  } catch (error) {
    if (error instanceof MaskError) throw error;
    if (error instanceof SyntaxError || error instanceof GrammarTooLarge || error instanceof RangeError) {
      return no(error.message);
    }
    throw error;
  }
}

/** The grammar of answers that are one of these texts. */
export function listGrammar(texts: readonly string[]): string {
  return `root ::= ${anyOf(texts.map(terminal)) ?? '""'}`;
}

/** Each state is a rule; where a text may end a character stands alone too, as rules that may be empty cost the library many times as much. */
function plainGrammar(texts: TextSet): string {
  const rules = new Rules();
  const isFinal = (node: DFA.ReadonlyNode) => texts.finals.has(node as DFA.Node);
  const nameOf = stateRules(rules, (_, ways, nameOf) =>
    ways.flatMap(([to, ranges]) => {
      const signs = rules.ofPlainCharacters(ranges);
      return [
        ...isFinal(to) ? signs : [],
        ...to.out.isEmpty ? [] : signs.map((sign) => `${sign} ${nameOf(to)}`),
      ];
    }), '""');
  const root = texts.initial.out.isEmpty ? '""' : nameOf(texts.initial);
  return rules.grammar(isFinal(texts.initial) ? `"" | ${root}` : root);
}
