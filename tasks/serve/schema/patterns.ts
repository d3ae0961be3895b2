/**
 * Regular expressions as automata. JSON Schema's `pattern` is found anywhere in a text, so anchors decide what may stand around it;
 * conditions at a text's begin (`^(?=.*\d)`) become sets that it has to be in.
 * @module
 */
import {
  type Assertion,
  CharSet,
  type Concatenation,
  DFA,
  type Element,
  JS,
  NFA,
  type NoParent,
  TooManyNodesError,
} from "refa";
import { MAXIMUM } from "./utf8.ts";

type Piece = NoParent<Element>;
type Alternative = NoParent<Concatenation>;

/** One way to match: elements between a text's begin or anything, and its end or anything. */
interface Way {
  elements: Piece[];
  isBegin: boolean;
  isEnd: boolean;
  conditions: NoParent<Assertion>[];
}

const OPTIONS = { maxCharacter: MAXIMUM };

/** States of one automaton: each costs the library milliseconds with a real vocabulary. */
export const STATES = 256;

/** Nodes while automata are made, before equal states become one. */
const UNMERGED = 20 * STATES;
const nodes = () => new NFA.LimitedNodeFactory(UNMERGED);

/** Nodes of a deterministic automaton, as many as are allowed before equal ones become one. */
export const states = (): DFA.LimitedNodeFactory => new DFA.LimitedNodeFactory(UNMERGED);

/**
 * Texts that an expression is found in, as `new RegExp(pattern, "u")` finds it.
 * @throws {RangeError} If it is none, or has parts that no automaton follows: backreferences, word boundaries, conditions elsewhere
 * @throws {TooManyNodesError} Of refa
 */
export function textsWith(pattern: string): DFA {
  return found(parsed(pattern), false);
}

function parsed(pattern: string): readonly Alternative[] {
  try {
    // the parser takes more than the engine does
    new RegExp(pattern, "u");
    const parser = JS.Parser.fromLiteral({ source: pattern, flags: "u" });
    return parser.parse({ backreferences: "throw", assertions: "parse" }).expression.alternatives;
  } catch (error) {
    if (error instanceof TooManyNodesError) throw error;
    const [said] = (error as Error).message.split("\n");
    const why = error instanceof RangeError ? "its groups stand within each other too deep" : said;
    throw new RangeError(`it isn't an expression that can be followed: ${why}`);
  }
}

function found(alternatives: readonly Alternative[], isBegin: boolean): DFA {
  const all = NFA.empty(OPTIONS);
  for (const way of alternatives.flatMap(({ elements }) => ways([...elements], isBegin))) {
    all.union(conditioned(way), nodes());
  }
  return DFA.fromFA(all, states());
}

function ways(given: readonly Piece[], isAtBegin: boolean): Way[] {
  const elements = [...given], conditions: NoParent<Assertion>[] = [];
  let isBegin = isAtBegin, isEnd = false;
  for (let first = elements[0]; first !== undefined; first = elements[0]) {
    if (isAnchor(first, "behind")) isBegin = true;
    else if (isBegin && first.type === "Assertion" && first.kind === "ahead") conditions.push(first);
    else break;
    elements.shift();
  }
  for (let last = elements.at(-1); last !== undefined && isAnchor(last, "ahead"); last = elements.at(-1)) {
    isEnd = true;
    elements.pop();
  }
  for (const place of [0, elements.length - 1]) {
    const group = elements[place];
    if (group?.type !== "Alternation" || !hasAssertion(group)) continue;
    return group.alternatives.flatMap((one) => ways(elements.toSpliced(place, 1, ...one.elements), isBegin))
      .map((way) => ({ ...way, isEnd: way.isEnd || isEnd, conditions: [...conditions, ...way.conditions] }));
  }
  if (elements.some(hasAssertion)) {
    throw new RangeError(
      "conditions and anchors can be followed at its begin and end alone, and \\b nowhere",
    );
  }
  return [{ elements, isBegin, isEnd, conditions }];
}

function conditioned({ elements, isBegin, isEnd, conditions }: Way): DFA {
  const around = [...isBegin ? [] : [anything()], ...elements, ...isEnd ? [] : [anything()]];
  const nfa = NFA.fromRegex({ type: "Concatenation", elements: around }, OPTIONS, {}, nodes());
  return conditions.reduce((texts, { negate, alternatives }) => {
    const others = found(alternatives, true);
    if (negate) others.complement(states());
    return DFA.fromIntersection(texts, others, states());
  }, DFA.fromFA(nfa, states()));
}

/** True of `^` (nothing behind) and `$` (nothing ahead). */
function isAnchor(element: Piece, kind: "ahead" | "behind"): boolean {
  if (element.type !== "Assertion" || element.kind !== kind || !element.negate) return false;
  const [one, ...more] = element.alternatives, [sign, ...others] = one?.elements ?? [];
  return more.length + others.length === 0 && sign?.type === "CharacterClass" && sign.characters.isAll;
}

function hasAssertion(element: Piece): boolean {
  if (element.type === "Assertion") return true;
  return "alternatives" in element && element.alternatives.some((one) => one.elements.some(hasAssertion));
}

function anything(): Piece {
  const any: Piece = { type: "CharacterClass", characters: CharSet.all(MAXIMUM) };
  return {
    type: "Quantifier",
    min: 0,
    max: Infinity,
    lazy: false,
    alternatives: [{ type: "Concatenation", elements: [any] }],
  };
}
