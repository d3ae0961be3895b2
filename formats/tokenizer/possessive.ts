/**
 * Possessive quantifiers and atomic groups of Oniguruma, which JavaScript lacks: what a lookahead has matched isn't tried otherwise again, so `X++` is
 * `(?=(X+))` and a reference to that group.
 * @module
 */
import { item } from "../elements.ts";

const ESCAPE = /\\(?:[pPxu]\{[^}]*\}|x[\da-fA-F]{2}|u[\da-fA-F]{4}|k<[^>]*>|c?[^])/uy;
const QUANTIFIER = /([*+?])(\+)?\??|\{\d+(?:,\d*)?\}(\+)?/uy;

/** Places, which can't be repeated. */
const PLACES = /^(?:[$^]|\\[AbBzZ])$/;

/**
 * An Oniguruma pattern without `?+`, `*+`, `++` and `(?>…)`. `X{n,m}+` isn't possessive in Oniguruma: it is `(?:X{n,m})+` (findings/intervals_that_repeat.sh).
 * @throws {SyntaxError} If the pattern has them beside backreferences, whose numbers would be others, or in a lookbehind, which JavaScript matches from its end
 */
export function withoutPossessive(pattern: string): string {
  const open: { start: number; opening: string }[] = [];
  let out = "", atom: number | null = null, groups = 0, refersBack = false;
  const atomic = (inner: string): string => {
    if (open.some(({ opening }) => /^\(\?<[=!]/.test(opening))) {
      throw new SyntaxError("possessive quantifiers in a lookbehind aren't supported");
    }
    const name = `possessive${++groups}`;
    return `(?:(?=(?<${name}>${inner}))\\k<${name}>)`;
  };
  for (let i = 0; i < pattern.length;) {
    const [quantifier, sign, possessive, repeated] = matchAt(QUANTIFIER, pattern, i) ?? [];
    if (quantifier !== undefined && atom !== null) {
      const repeatedAtom = out.slice(atom);
      if (possessive !== undefined) {
        out = out.slice(0, atom) + atomic(repeatedAtom + sign);
        i += 2;
      } else if (repeated !== undefined) {
        out = `${out.slice(0, atom)}(?:${repeatedAtom}${quantifier.slice(0, -1)})`;
        i += quantifier.length - 1;
      } else {
        out += quantifier;
        atom = null;
        i += quantifier.length;
      }
      continue;
    }
    const token = tokenAt(pattern, i);
    i += token.length;
    refersBack ||= /^\\[1-9k]/.test(token);
    if (token.startsWith("(")) {
      open.push({ start: out.length, opening: token });
      out += token;
      atom = null;
    } else if (token === ")") {
      const { start, opening } = open.pop() ?? { start: null, opening: "" };
      atom = start;
      out = start !== null && opening === "(?>"
        ? out.slice(0, start) + atomic(out.slice(start + opening.length))
        : out + token;
    } else {
      atom = token === "|" || PLACES.test(token) ? null : out.length;
      out += token;
    }
  }
  if (groups > 0 && refersBack) {
    throw new SyntaxError("possessive quantifiers beside backreferences aren't supported");
  }
  return out;
}

function matchAt(regExp: RegExp, pattern: string, index: number): RegExpExecArray | null {
  regExp.lastIndex = index;
  return regExp.exec(pattern);
}

/** An escape, a whole class, the opening of a group, or a character. */
function tokenAt(pattern: string, index: number): string {
  const escape = matchAt(ESCAPE, pattern, index)?.[0];
  if (escape !== undefined) return escape;
  if (pattern[index] === "[") return classAt(pattern, index);
  const opening = matchAt(/\((?:\?(?:<[=!]|>|<[^>]*>|[=!:]|[a-zA-Z-]*:)?)?/uy, pattern, index)?.[0];
  return opening ?? String.fromCodePoint(pattern.codePointAt(index) ?? 0);
}

/** A class up to its end, with those in it. */
function classAt(pattern: string, start: number): string {
  let depth = 0;
  for (let i = start; i < pattern.length; i++) {
    const c = item(pattern, i);
    if (c === "\\") i++;
    else if (c === "[") depth++;
    else if (c === "]" && --depth === 0) return pattern.slice(start, i + 1);
  }
  return pattern.slice(start);
}
