/**
 * A call as a JSON object with a name and arguments, handed out as it comes.
 * @module
 */
import { parsePyJson, type PyJson } from "../../../formats/python_json.ts";
import type { AnsweredCall, CallPart } from "./answer_parts.ts";
import { behindBlanks, JsonScan, memberValue, type Reading, stringLiteral } from "./characters.ts";

/** Member that holds the arguments; the other one is taken where it is missing. */
export type ArgumentsMember = "arguments" | "parameters";

/** How calls are read. */
export interface ReadingOptions {
  /** Text that ends one call; null: calls go on to the answer's end. */
  end: string | null;
  /**
   * Names that may be called where no mark stands in front: JSON of another name, or with other members than a call's, is what is said.
   * null: a mark stands there.
   */
  only: ReadonlySet<string> | null;
  /** Gets parts as they become certain. */
  out: CallPart[];
  /** Set while members behind a call's arguments are passed over. */
  isPassing: boolean;
}

/** Members of calls as models write them; `type` is the tool definitions'. */
const MEMBERS = new Set(["name", "arguments", "parameters", "type", "id"]);

/**
 * Reads an object whose bracket came. It is a call from its arguments' bracket on where its name stands before them, and from its own
 * end on elsewhere. What follows the arguments is passed over.
 * @returns Text that was read and isn't the call's any more, "" for none; null: it is no call
 */
export function* callObject(member: ArgumentsMember, options: ReadingOptions): Reading<string | null> {
  const members = new Map<string, PyJson>(), texts = new Map<string, string>();
  for (;;) {
    if ((yield* behindBlanks()) !== '"') return null;
    const literal = yield* stringLiteral(), key = literal === null ? undefined : parsed(literal);
    if (typeof key !== "string" || options.only !== null && !MEMBERS.has(key)) return null;
    if ((yield* behindBlanks()) !== ":") return null;
    const first = yield* behindBlanks(), name = members.get("name");
    if (key === member && first === "{" && typeof name === "string") {
      options.out.push({ type: "call", name });
      const rest = yield* argumentsText(first, options);
      return rest === "" ? yield* restOfObject(options) : rest;
    }
    const { text, next } = yield* memberValue(first), value = parsed(text);
    if (value === undefined || key === "name" && !isName(value, options)) return null;
    members.set(key, value);
    texts.set(key, text);
    if (next === ",") continue;
    const call = next === "}" ? callOf(members, texts, { member, ...options }) : null;
    if (call === null) return null;
    options.out.push({ type: "call", name: call.name }, { type: "arguments", text: call.arguments });
    options.out.push({ type: "called" });
    return "";
  }
}

/** Reads arguments from their bracket to its counterpart, or to the text that ends the call. @returns As {@linkcode callObject} */
export function* argumentsText(
  first: string,
  { end, out }: Pick<ReadingOptions, "end" | "out">,
): Reading<string> {
  const scan = new JsonScan();
  /** What may become the end. */
  let mark = "", character = first;
  const take = (text: string) => {
    for (const each of text) scan.read(each);
    out.push({ type: "arguments", text });
  };
  for (;;) {
    // a string may well hold the text that ends calls
    if (end?.startsWith(mark + character) && (!scan.inString || scan.isBroken)) {
      mark += character;
      if (mark === end) break;
    } else if (mark !== "") {
      take(mark);
      mark = "";
      continue;
    } else {
      take(character);
      if (scan.depth <= 0 && !scan.inString) break;
    }
    character = yield;
  }
  out.push({ type: "called" });
  return mark;
}

/** Reads an object on behind its arguments. */
function* restOfObject(options: Pick<ReadingOptions, "isPassing">): Reading<string> {
  let character = yield* behindBlanks();
  while (character === ",") {
    character = yield* behindBlanks();
    if (character !== '"') return character;
    options.isPassing = true;
    const behind = yield* memberBehindName();
    options.isPassing = false;
    if (behind === null) return "";
    character = behind;
  }
  return character === "}" ? "" : character;
}

/** Reads a member whose quotation mark came. @returns The character behind it; null: its name is none of JSON's */
function* memberBehindName(): Reading<string | null> {
  if ((yield* stringLiteral()) === null) return null;
  const colon = yield* behindBlanks();
  return colon === ":" ? (yield* memberValue(yield* behindBlanks())).next : colon;
}

function callOf(
  members: ReadonlyMap<string, PyJson>,
  texts: ReadonlyMap<string, string>,
  { member, only }: Pick<ReadingOptions, "only"> & { member: ArgumentsMember },
): AnsweredCall | null {
  const name = members.get("name");
  if (typeof name !== "string") return null;
  const other = member === "arguments" ? "parameters" : "arguments";
  const key = members.get(member) == null ? other : member, value = members.get(key);
  // JSON with a name and nothing to call it with is an answer as well
  if (value === undefined && only !== null && !members.has(member)) return null;
  if (value == null) return { name, arguments: "{}" };
  // some models write the arguments as a text of their own
  const text = typeof value === "string" ? value : texts.get(key) ?? "";
  return parsed(text) instanceof Map ? { name, arguments: text } : null;
}

/** True if a tool may be called so. */
function isName(name: PyJson, { only }: Pick<ReadingOptions, "only">): boolean {
  return typeof name === "string" && name !== "" && only?.has(name) !== false;
}

function parsed(text: string): PyJson | undefined {
  try {
    return parsePyJson(text);
  } catch {
    return undefined;
  }
}
