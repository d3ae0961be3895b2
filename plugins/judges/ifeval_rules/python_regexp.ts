/**
 * Python's regular expressions as JavaScript's. Python's `.` stops only at \n, multiline `^` and `$` hold only beside
 * \n, and `\s`, `\w`, `\d`, `\b` follow Unicode with sets of their own; JavaScript differs in each.
 * @module
 */
import { SPACE, WORD } from "../../../formats/python_text.ts";

const SETS: Record<string, string> = { s: SPACE, w: WORD, d: String.raw`\p{Nd}` };
const CONTROLS: Record<string, string> = { a: "\\x07", f: "\\f", n: "\\n", r: "\\r", t: "\\t", v: "\\v" };
/** Python takes these for the same letter when it ignores case; JavaScript, the first two. No other letters differ. */
const DOTTED = "iIİı";
// No negative look-around: findings/empty_matches_within_characters.sh.
const BEFORE = `(?<=[^${WORD}]|^)`;
const BEHIND = `(?=[^${WORD}]|$)`;
const BOUNDARY = `(?:(?<=[${WORD}])${BEHIND}|${BEFORE}(?=[${WORD}]))`;
const NOT_BOUNDARY = `(?:(?<=[${WORD}])(?=[${WORD}])|${BEFORE}${BEHIND})`;
// Characters that JavaScript's `v` mode allows escaped, outside and inside of a set.
const SYNTAX = new Set("^$\\.*+?()[]{}|/");
const PUNCTUATION = new Set("^$\\.*+?()[]{}|/-&!#%,:;<=>@`~");

/**
 * Compiles a Python pattern.
 *
 * @param pattern Python's syntax; groups, classes, look-around, named groups, lazy quantifiers and back references.
 * @param flags Of Python: `i` ignore case, `m` multiline, `s` dot matches all; and `g` to find all matches.
 * @throws {SyntaxError} If the pattern is malformed, or uses what isn't supported here (conditionals, atomic groups,
 * possessive quantifiers, inline flags that aren't at the start).
 */
export function pythonRegExp(pattern: string, flags = ""): RegExp {
  const inline = /^\(\?([ims]+)\)/.exec(pattern);
  const body = inline === null ? pattern : pattern.slice(inline[0].length);
  const all = flags + (inline?.[1] ?? "");
  const source = translate(body, all);
  try {
    return new RegExp(source, "v" + (all.includes("i") ? "i" : "") + (flags.includes("g") ? "g" : ""));
  } catch {
    throw refused(pattern, "not a regular expression");
  }
}

function translate(pattern: string, flags: string): string {
  let out = "";
  for (let i = 0; i < pattern.length;) {
    const rest = pattern.slice(i, i + 80);
    const char = pattern.charAt(i);
    let match: RegExpExecArray | null;
    if (char === "\\") {
      const escape = readEscape(pattern, i, false);
      out += escape.source;
      i = escape.end;
      if (/^\\[bB](?:[*+?]|\{(?=[\d,])\d*,?\d*\})/.test(rest)) throw refused(pattern, "nothing to repeat");
    } else if (char === "[") {
      const set = readSet(pattern, i);
      out += flags.includes("i") ? foldedSet(set.source) : set.source;
      i = set.end;
    } else if ((match = /^\(\?#[^)]*\)/.exec(pattern.slice(i))) !== null) i += match[0].length;
    else if ((match = /^\(\?P<(\w+)>/.exec(rest)) !== null) {
      out += `(?<${match[1]}>`;
      i += match[0].length;
    } else if ((match = /^\(\?P=(\w+)\)/.exec(rest)) !== null) {
      out += `\\k<${match[1]}>`;
      i += match[0].length;
    } else if ((match = /^\(\?(?!:|=|!|<=|<!).?/.exec(rest)) !== null) {
      throw refused(pattern, `"${match[0]}" isn't supported`);
    } else if ((match = /^(?:[*+?]|\{\d*,?\d*\})\+/.exec(rest)) !== null && match[0] !== "{,}+") {
      throw refused(pattern, "possessive quantifiers aren't supported");
    } else if ((match = /^\{(\d*)(,?)(\d*)\}/.exec(rest)) !== null && match[0] !== "{}") {
      out += `{${match[1] || "0"}${match[2]}${match[3]}}`;
      i += match[0].length;
    } else {
      out += flags.includes("i") && DOTTED.includes(char) ? `[${DOTTED}]` : literalOrAnchor(char, flags);
      i++;
    }
  }
  return out;
}

/** The set with all four if it holds one of them. */
function foldedSet(source: string): string {
  const not = source.startsWith("[^");
  const inner = `[${source.slice(not ? 2 : 1)}`;
  try {
    const holds = new RegExp(inner, "vi");
    return [...DOTTED].some((letter) => holds.test(letter)) ? `[${not ? "^" : ""}${inner}${DOTTED}]` : source;
  } catch {
    return source; // refused when the whole is compiled
  }
}

function literalOrAnchor(char: string, flags: string): string {
  switch (char) {
    case ".":
      return flags.includes("s") ? "[^]" : "[^\\n]";
    case "^":
      return flags.includes("m") ? "(?<=\\n|^)" : "^";
    case "$":
      return flags.includes("m") ? "(?=\\n|$)" : "(?=\\n?$)";
    case "{":
    case "}":
    case "]":
    case "/":
      return `\\${char}`;
    default:
      return char;
  }
}

function readEscape(pattern: string, index: number, inSet: boolean): { source: string; end: number } {
  const char = pattern[index + 1];
  if (char === undefined) throw refused(pattern, "ends in a backslash");
  const end = index + 2;
  const set = SETS[char.toLowerCase()];
  if (set !== undefined) return { source: char === char.toLowerCase() ? `[${set}]` : `[^${set}]`, end };
  if (!inSet && char === "b") return { source: BOUNDARY, end };
  if (!inSet && char === "B") return { source: NOT_BOUNDARY, end };
  if (!inSet && char === "A") return { source: "^", end };
  if (!inSet && char === "Z") return { source: "$", end };
  if (inSet && char === "b") return { source: "\\x08", end };
  const control = CONTROLS[char];
  if (control !== undefined) return { source: control, end };
  const code = /^\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|(0[0-7]{0,2}|[1-3][0-7]{2}))/.exec(
    pattern.slice(index),
  );
  if (code !== null) {
    const value = code[4] === undefined
      ? parseInt((code[1] ?? code[2] ?? code[3])!, 16)
      : parseInt(code[4], 8);
    return { source: `\\u{${value.toString(16)}}`, end: index + code[0].length };
  }
  const reference = inSet ? null : /^\\([1-9]\d?)/.exec(pattern.slice(index));
  if (reference !== null) return { source: `(?:\\${reference[1]})`, end: index + reference[0].length };
  if (/[a-zA-Z\d]/.test(char)) throw refused(pattern, `bad escape "\\${char}"`);
  const whole = String.fromCodePoint(pattern.codePointAt(index + 1)!);
  return {
    source: (inSet ? PUNCTUATION : SYNTAX).has(whole) ? `\\${whole}` : whole,
    end: index + 1 + whole.length,
  };
}

function readSet(pattern: string, index: number): { source: string; end: number } {
  let i = index + 1;
  let source = "[";
  if (pattern[i] === "^") {
    source += "^";
    i++;
  }
  for (let first = true; first || pattern[i] !== "]"; first = false) {
    const char = pattern[i];
    if (char === undefined) throw refused(pattern, "a character set isn't closed");
    const range = char === "-" && !first && pattern[i + 1] !== "]" && i + 1 < pattern.length;
    if (char === "\\") {
      const escape = readEscape(pattern, i, true);
      source += escape.source;
      i = escape.end;
    } else {
      source += PUNCTUATION.has(char) && !range ? `\\${char}` : char;
      i++;
    }
  }
  return { source: source + "]", end: i + 1 };
}

function refused(pattern: string, why: string): SyntaxError {
  return new SyntaxError(`Cannot read "${pattern}" as a regular expression of Python's: ${why}`);
}
