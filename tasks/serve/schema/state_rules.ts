/**
 * Rules of an automaton's states.
 * @module
 */
import type { DFA } from "refa";

import { anyOf, type Rules } from "./rules.ts";

/** A way on from a state: the state it leads to, and the characters that do, as ranges of code points. */
type Way = readonly [to: DFA.ReadonlyNode, ranges: [number, number][]];

/**
 * Defines a rule for a state and for each that is reached from it, once each.
 *
 * @param choicesOf What a state's rule chooses among
 * @param empty The rule's text where these are none
 * @returns The name of a state's rule
 */
export function stateRules(
  rules: Rules,
  choicesOf: (
    node: DFA.ReadonlyNode,
    ways: readonly Way[],
    nameOf: (node: DFA.ReadonlyNode) => string,
  ) => string[],
  empty: string,
): (node: DFA.ReadonlyNode) => string {
  const names = new Map<DFA.ReadonlyNode, string>();
  const nameOf = (node: DFA.ReadonlyNode): string => {
    const known = names.get(node);
    if (known !== undefined) return known;
    const name = rules.reserve();
    names.set(node, name);
    const ways = new Map<DFA.ReadonlyNode, [number, number][]>();
    node.out.forEach((to, { min, max }) => ways.set(to, [...ways.get(to) ?? [], [min, max]]));
    return rules.define(name, anyOf(choicesOf(node, [...ways], nameOf)) ?? empty);
  };
  return nameOf;
}
