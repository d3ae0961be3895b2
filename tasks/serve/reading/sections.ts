/**
 * What stands behind the text that begins calls, in each way of writing them.
 * @module
 */
import { type ArgumentsMember, argumentsText, callObject, type ReadingOptions } from "./call_object.ts";
import { behindBlanks, type Reading } from "./characters.ts";

/**
 * Reads calls behind the text that begins them, and puts what is certain of them into `options.out`.
 * @returns Text that was read and belongs to no call, "" for none; null: what came since the last call is no call
 */
export type SectionReader = (options: ReadingOptions) => Reading<string | null>;

/** Hermes and Qwen: one object. */
export function* oneObject(options: ReadingOptions): Reading<string | null> {
  return (yield* behindBlanks()) === "{" ? yield* callObject("arguments", options) : null;
}

/** Mistral: a list of objects, or, since version 11 of its tokenizer, a name and the arguments. */
export function* listOrNamed(options: ReadingOptions): Reading<string | null> {
  const first = yield* behindBlanks();
  return first === "[" ? yield* list("arguments", options) : yield* named(first, options);
}

/** Llama 3: an object, several with semicolons between them, or a list. */
export function* objectsOrList(options: ReadingOptions): Reading<string | null> {
  const first = yield* behindBlanks();
  if (first === "[") return yield* list("parameters", options);
  if (first !== "{") return null;
  for (;;) {
    const rest = yield* callObject("parameters", options);
    if (rest === null) return null;
    const next = yield* behindBlanks(rest);
    if (next !== ";") return next;
    const another = yield* behindBlanks();
    if (another !== "{") return next + another;
  }
}

/** Objects in a list whose bracket came. */
function* list(member: ArgumentsMember, options: ReadingOptions): Reading<string | null> {
  for (;;) {
    if ((yield* behindBlanks()) !== "{") return null;
    const rest = yield* callObject(member, options);
    if (rest === null) return null;
    const next = yield* behindBlanks(rest);
    if (next !== ",") return next === "]" ? "" : next;
  }
}

/** A name that may have an id and a mark behind it, then the arguments. */
function* named(first: string, options: ReadingOptions): Reading<string | null> {
  let head = "";
  for (let character = first; character !== "{"; character = yield) {
    head += character;
    if (!/^[\w.-]+\s*(\[|$)/.test(head) || head.length > 200) return null;
  }
  const name = /^([\w.-]+)\s*(?:\[CALL_ID\]\s*\w+\s*)?(?:\[ARGS\]\s*)?$/.exec(head)?.[1];
  if (name === undefined) return null;
  options.out.push({ type: "call", name });
  return yield* argumentsText("{", options);
}
