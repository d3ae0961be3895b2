/**
 * Guards of a task behind a door against what code of plugins may do to the whole process: end it, print among its JSON, leave an error
 * to nobody. The door itself watches for code that never gives way (tasks/doors/watch.ts).
 * @module
 */
import { Console } from "node:console";
import process from "node:process";
import { fileURLToPath } from "node:url";

import { beat, CALLS } from "../../../plugins/kinds/checked/calls.ts";
import { thrownWords } from "../../../plugins/kinds/plugin_fault.ts";
import { doorMessage, keepExit } from "./behind_door.ts";

/** Milliseconds between two beats of a task that gives way. */
const BEAT = 500;

const OWN_CODE = /\/(?:formats|kernels|plugins|tasks)\//;
const ROOT = new URL("../../../", import.meta.url).href;

/** An attempt of a plugin, or something that it left behind, after which no task may end well. */
let fault: Error | undefined;

/** A fault for which a task must not end with 0, although the plugin went on, with its place; undefined: none. */
export function guardedFault(): Error | undefined {
  return fault && new Error(`${placeIn(fault.stack ?? "")}${fault.message}`, { cause: fault });
}

/**
 * Guards this process's task until its end; only behind a door.
 * @param end Told of an error that nothing waits for
 * @param json True if standard output is for the task's JSON alone: then what plugins print goes to standard error
 */
export function guardTask(end: (error: Error) => never, json: boolean): void {
  doorMessage({ calls: CALLS });
  beat(BEAT);
  keepExit((call) => {
    fault = new Error(
      `Cannot end the process by ${call} in a plugin, where only the task itself ends it: throw an error to end a run`,
    );
    throw fault;
  });
  // a plugin's timer, or a promise that it doesn't wait for: no call is under way that would tell the plugin
  const unheard = (event: Event, thrown: unknown) => {
    event.preventDefault();
    end(unheardError(thrown));
  };
  addEventListener("error", (event) => unheard(event, event.error));
  addEventListener("unhandledrejection", (event) => unheard(event, event.reason));
  if (json) keepStandardOutput();
}

/** An error that nothing waits for, with the file that it comes from where that isn't the project's own. */
function unheardError(thrown: unknown): Error {
  const stack = thrown instanceof Error ? thrown.stack ?? "" : "";
  const words = thrownWords(thrown);
  const error = new Error(
    `${placeIn(stack)}${words} (in a timer or a promise that nothing waits for: await it, or catch it)`,
  );
  if (stack !== "") error.stack = stack;
  return error;
}

/** The first line of a stack that isn't the project's own or the runtime's, such as `/plugins/my.ts:7:3: `; "" where there is none. */
function placeIn(stack: string): string {
  for (const [, url = "", line] of stack.matchAll(/(file:\/\/\S+?)(:\d+:\d+)/g)) {
    if (url.startsWith(ROOT) && OWN_CODE.test(url.slice(ROOT.length - 1))) continue;
    return `${fileURLToPath(url)}${line}: `;
  }
  return "";
}

/** The task's own print, as it is before plugins' code may print. */
let own: ((text: string) => void) | undefined;

/** Prints a line to standard output. */
export function printLine(text: string): void {
  (own ?? console.log)(text);
}

/** Names that print to standard output, or have a method that does. */
const PRINTING = [
  ...["log", "info", "debug", "dir", "dirxml", "table", "group", "groupCollapsed", "groupEnd"] as const,
  ...["count", "time", "timeLog", "timeEnd"] as const,
];

/** From now on all but {@linkcode printLine} prints to standard error. */
function keepStandardOutput(): void {
  own = console.log.bind(console);
  const aside = new Console({ stdout: process.stderr, stderr: process.stderr });
  Object.assign(console, Object.fromEntries(PRINTING.map((name) => [name, aside[name].bind(aside)])));
  Deno.stdout.write = Deno.stderr.write.bind(Deno.stderr);
  Deno.stdout.writeSync = Deno.stderr.writeSync.bind(Deno.stderr);
}
