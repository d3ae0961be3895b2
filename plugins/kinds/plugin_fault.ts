/**
 * Faults of plugins: which plugin, of which file, threw an error or gave what its kind can't use.
 * @module
 */
import { basename } from "@std/path";

import { shown } from "../../formats/message.ts";

const faults = new WeakMap<Error, { plugin: string; message: string }>();

/** The plugin that an error came from, such as `judge/mine of my.ts:4:9`, and its message without it; undefined: not known. */
export function faultOf(error: unknown): { plugin: string; message: string } | undefined {
  return error instanceof Error ? faults.get(error) : undefined;
}

/**
 * The error of a plugin; the innermost plugin keeps it.
 * @param plugin Kind, name and file
 * @param inFront True if the message begins with the plugin from now on; else {@linkcode faultOf} tells it to whom catches the error
 */
export function attributed(error: unknown, plugin: string, inFront: boolean): Error {
  const told = error instanceof Error ? error : new Error(thrownWords(error), { cause: error });
  if (faults.has(told)) return told;
  if (told.message === "") told.message = thrownWords(told);
  faults.set(told, { plugin, message: told.message });
  if (inFront) told.message = `${plugin}: ${told.message}`;
  return told;
}

/**
 * The error with its place before its message.
 * @param plugin Such as `benchmark/rows`; one that isn't built in is named with its file instead
 * @param item Id of what it was working on; undefined: nothing
 */
export function faultAt(plugin: string, item: string | undefined, error: unknown): Error {
  const fault = faultOf(error), message = fault?.message ?? thrownWords(error);
  const place = item === undefined ? "" : `, item "${item}"`;
  return new Error(`${fault?.plugin ?? plugin}${place}: ${message}`, { cause: error });
}

/** A plugin's file, with the line and column of it that an error was thrown at, where its stack has one. */
export function withLine(source: string, error: unknown): string {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  const file = basename(source).replace(/[^\w-]/g, "\\$&");
  return source + (new RegExp(`[/\\\\]${file}(:\\d+:\\d+)`).exec(stack)?.[1] ?? "");
}

/** Words for what was thrown: an error's message, a text; for anything else that it says nothing. */
export function thrownWords(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : thrown;
  if (typeof text === "string" && text.trim() !== "") return text;
  return `what was thrown says nothing (an Error with a message is needed): current value is ${
    thrown instanceof Error ? `an empty ${thrown.name}` : thrown === undefined ? "undefined" : shown(thrown)
  }`;
}

/** True if an error tells what is wrong in words of ours; the JavaScript engine's own also begin with "Cannot". */
export function isTold(error: unknown): boolean {
  if (!(error instanceof RangeError || error instanceof SyntaxError || error instanceof TypeError)) {
    return false;
  }
  return error.message.includes("Cannot ") &&
    !/^Cannot (?:(?:read|set|define|redefine|add|delete|assign to read only|destructure) propert|destructure '|convert (?:undefined|a |object|Symbol)|mix BigInt)/
      .test(error.message);
}
