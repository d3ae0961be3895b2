/**
 * Pre-tokenizers of tokenizer.json: they cut a text into words, inside which tokens are merged.
 * @module
 */
import { toByteAlphabet } from "./bytes.ts";
import { escapePattern, GPT2_PATTERN, RUST_WORD, toRegExp } from "./patterns.ts";
import { type Component, isObject, unsupported } from "./tokenizer_json.ts";

/** Cuts the whole of `text` and pushes start and end (UTF-16 offsets) of each piece. */
export type CutText = (text: string, out: number[]) => void;

/** Either cuts pieces or changes their text. */
export type PreTokenizerStep =
  | { cut: CutText }
  | { map: (text: string, first: boolean) => string };

/** A chain of steps. */
export interface PreTokenizer {
  /** In order. */
  steps: PreTokenizerStep[];
  /** True if words are looked up byte by byte (ByteLevel), not character by character. */
  byteLevel: boolean;
}

const KNOWN = [
  "Sequence",
  "Split",
  "ByteLevel",
  "Digits",
  "Metaspace",
  "Punctuation",
  "Whitespace",
  "WhitespaceSplit",
] as const;

/**
 * Compiles a pre-tokenizer.
 * @throws {RangeError} If its type isn't supported.
 */
export function preTokenizer(part: Component | null): PreTokenizer {
  if (part === null) return { steps: [], byteLevel: false };
  switch (part.type) {
    case "Sequence": {
      const parts = (part.pretokenizers as Component[]).map(preTokenizer);
      // what stands behind ByteLevel sees the byte alphabet, as in Falcon's files
      const steps = parts.flatMap(({ steps, byteLevel }, i): PreTokenizerStep[] =>
        byteLevel && i + 1 < parts.length ? [...steps, { map: toByteAlphabet }] : steps
      );
      return { steps, byteLevel: parts.at(-1)?.byteLevel ?? false };
    }
    case "Split":
      return only(split(splitPattern(part), String(part.behavior), part.invert === true));
    case "ByteLevel": {
      const steps: PreTokenizerStep[] = [];
      if (part.add_prefix_space === true) {
        steps.push({ map: (text) => text.startsWith(" ") ? text : ` ${text}` });
      }
      if (part.use_regex !== false) steps.push({ cut: split(GPT2_PATTERN, "Isolated", false) });
      return { steps, byteLevel: true };
    }
    case "Digits":
      return only(split("\\p{N}", part.individual_digits === true ? "Isolated" : "Contiguous", false));
    case "Punctuation":
      // ASCII punctuation holds symbols such as $ too
      return only(split("[!-/:-@[-`{-~\\p{P}]", String(part.behavior ?? "Isolated"), false));
    case "Whitespace":
      // its pattern is Rust's own, whose \w is another
      return only(split(`[${RUST_WORD}]+|[^${RUST_WORD}\\s]+`, "Removed", true));
    case "WhitespaceSplit":
      return only(split("\\s", "Removed", false));
    case "Metaspace":
      return metaspace(part);
  }
  throw unsupported("pre_tokenizer", part.type, KNOWN);
}

function only(cut: CutText): PreTokenizer {
  return { steps: [{ cut }], byteLevel: false };
}

function metaspace(part: Component): PreTokenizer {
  const mark = String(part.replacement ?? "▁");
  const scheme = part.prepend_scheme ?? (part.add_prefix_space === false ? "never" : "always");
  const steps: PreTokenizerStep[] = [{
    map: (text, first) => {
      const marked = text.replaceAll(" ", mark);
      const prepend = scheme === "always" || (scheme === "first" && first);
      return prepend && !marked.startsWith(mark) ? mark + marked : marked;
    },
  }];
  if (part.split !== false) steps.push({ cut: split(escapePattern(mark), "MergedWithNext", false) });
  return { steps, byteLevel: false };
}

function splitPattern(part: Component): string {
  const pattern = part.pattern;
  if (isObject(pattern)) {
    if (typeof pattern.Regex === "string") return pattern.Regex;
    if (typeof pattern.String === "string") return escapePattern(pattern.String);
  }
  throw unsupported("Split pattern", pattern, ["Regex", "String"]);
}

/** Cuts at the matches of a pattern, `behavior` and `invert` as in the tokenizers library. */
function split(pattern: string, behavior: string, invert: boolean): CutText {
  const sticky = toRegExp(pattern, "y"), global = toRegExp(pattern, "g");
  switch (behavior) {
    case "Isolated":
      return (text, out) => isolated(text, sticky, global, out);
    case "Removed":
    case "MergedWithPrevious":
    case "MergedWithNext":
    case "Contiguous":
      return (text, out) => combine(runs(text, global, invert), behavior, out);
  }
  throw unsupported("Split behavior", behavior, [
    "Isolated",
    "Removed",
    "MergedWithPrevious",
    "MergedWithNext",
    "Contiguous",
  ]);
}

/**
 * Matches follow each other without gaps in nearly every tokenizer, so that no match object is needed. An empty match cuts where it is.
 */
function isolated(text: string, sticky: RegExp, global: RegExp, out: number[]): void {
  let cursor = 0;
  while (cursor < text.length) {
    sticky.lastIndex = cursor;
    if (sticky.test(text) && sticky.lastIndex > cursor) {
      out.push(cursor, sticky.lastIndex);
      cursor = sticky.lastIndex;
      continue;
    }
    global.lastIndex = cursor + sizeAt(text, cursor);
    const start = nextMatch(global, text)?.index ?? text.length;
    out.push(cursor, start);
    cursor = start;
  }
}

/** The next match; V8 tries places within a surrogate pair too, where lookarounds alone match: `/(?!.{2,})/u` in "a𐐀b" at 2. */
function nextMatch(global: RegExp, text: string): RegExpExecArray | null {
  for (;;) {
    const match = global.exec(text);
    if (match === null || match.index === 0 || sizeAt(text, match.index - 1) === 1) return match;
    global.lastIndex = match.index + 1;
  }
}

/** UTF-16 units of the character at a place; 1 at the end. */
function sizeAt(text: string, index: number): number {
  return (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
}

interface Run {
  start: number;
  end: number;
  match: boolean;
}

/** All of a text as what matches and what doesn't; a match may be empty, though not right behind another one. */
function runs(text: string, global: RegExp, invert: boolean): Run[] {
  const out: Run[] = [];
  let cursor = 0, last = -1;
  global.lastIndex = 0;
  while (global.lastIndex <= text.length) {
    const match = nextMatch(global, text);
    if (match === null) break;
    const start = match.index, end = start + match[0].length;
    if (start === end && last === end) {
      global.lastIndex = end + sizeAt(text, end);
      continue;
    }
    if (cursor < start) out.push({ start: cursor, end: start, match: invert });
    out.push({ start, end, match: !invert });
    cursor = last = global.lastIndex = end;
  }
  if (cursor < text.length) out.push({ start: cursor, end: text.length, match: invert });
  return out;
}

function combine(list: Run[], behavior: string, out: number[]): void {
  const kept: Run[] = [];
  let before = false;
  if (behavior === "MergedWithNext") list.reverse();
  for (const run of list) {
    const last = kept.at(-1);
    if (behavior === "Removed") {
      if (!run.match) kept.push(run);
    } else if (behavior === "Contiguous") {
      if (run.match === before && last) last.end = run.end;
      else kept.push({ ...run });
    } else if (run.match && !before && last) {
      if (behavior === "MergedWithNext") last.start = run.start;
      else last.end = run.end;
    } else {
      kept.push({ ...run });
    }
    before = run.match;
  }
  if (behavior === "MergedWithNext") kept.reverse();
  for (const { start, end } of kept) if (end > start) out.push(start, end);
}

/**
 * Throws where a Metaspace part asks for the text's beginning and a normalizer may have taken it away: then nothing stands at its
 * beginning, which the tokenizers library tells by offsets that aren't kept here.
 * @throws {RangeError} If the two come together
 */
export function checkBeginning(normalizer: Component | null, pre: Component | null): void {
  const has = (part: Component | null, wanted: (part: Component) => boolean): boolean =>
    part !== null &&
    (wanted(part) ||
      [part.normalizers, part.pretokenizers].some((parts) =>
        Array.isArray(parts) && parts.some((each: Component) => has(each, wanted))
      ));
  const strips = has(normalizer, ({ type, strip_left }) => type === "Strip" && strip_left === true);
  if (
    !strips || !has(pre, ({ type, prepend_scheme }) => type === "Metaspace" && prepend_scheme === "first")
  ) return;
  throw new RangeError(
    'Cannot use tokenizer.json: its normalizer Strip (strip_left) together with Metaspace and prepend_scheme "first" is not supported',
  );
}
