/**
 * Common parts of all tasks: arguments, messages of errors, Ctrl-C.
 * @module
 */
import project from "../../deno.json" with { type: "json" };
import { WriteError, writeError } from "../../formats/atomic.ts";
import { withFileFault } from "../../formats/file_fault.ts";
import { DownloadStopped, stopDownloadsBy } from "../../formats/hub/stop.ts";
import { bounded, shortened } from "../../formats/message.ts";
import { withPermissionWords } from "../../formats/permission_words.ts";
import { redact, redactArgument } from "../../formats/secrets.ts";
import { faultOf } from "../../plugins/kinds/plugin_fault.ts";
import { doorMessage, endProcess, isBehindDoor } from "./behind_door.ts";
import { withCommandName } from "./command.ts";
import { guardedFault, guardTask, printLine } from "./door_guards.ts";
import { didYouMean } from "../../formats/did_you_mean.ts";
import { entryLines, helpLines } from "./help_lines.ts";
import { startedElsewhere } from "./started_elsewhere.ts";
import { failOnLargeFiles } from "./size_limit.ts";
import { onStopSignal, SIGNAL_CODES, type StopSignal } from "./stop_signals.ts";
import { passSuspensionBy } from "./suspension.ts";

/** Version of this project. */
export const VERSION: string = project.version;

/** A command line, taken apart. */
export interface Arguments {
  /** The file; undefined when none was named. */
  config: string | undefined;
  /** Everything that is neither a flag nor `key=value`, in order; the file first. */
  words: string[];
  /** `key=value` texts, in order. */
  overrides: string[];
  /** Flags that were given, without dashes. */
  flags: ReadonlySet<string>;
  /** Values of flags that have one, of one given again the last; "" where an optional one wasn't given. */
  values: ReadonlyMap<string, string>;
  /** All values of flags that need one, in order. */
  lists: ReadonlyMap<string, readonly string[]>;
}

/**
 * Takes a command line apart: files, `key=value`, flags.
 * @param known Flags and what they do. `"limit N"` needs a value (`--limit 3` or `--limit=3`), `"worse [SCORE]"` may have one:
 * behind `=`, or as the next word where there would otherwise be too many words
 * @param most Words at most
 * @param takesKeys False for a task without `key=value`, for messages
 * @throws {RangeError} If a flag is unknown, lacks its value or has one too many, or there are too many words
 */
export function parseArguments(
  args: readonly string[],
  known: Readonly<Record<string, string>>,
  most = 1,
  takesKeys = true,
): Arguments {
  const kinds = flagKinds(known);
  const overrides: string[] = [];
  const words: string[] = [];
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const lists = new Map<string, string[]>();
  const take = (name: string, value: string) => {
    flags.add(name);
    values.set(name, value);
    lists.set(name, [...lists.get(name) ?? [], value]);
  };
  const optional: [flag: string, nextWord: number][] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (!arg.startsWith("-")) {
      if (/^[A-Za-z_][\w.-]*=/.test(arg)) overrides.push(arg);
      else words.push(arg);
      continue;
    }
    const equals = arg.indexOf("=");
    const inline = equals < 0 ? undefined : arg.slice(equals + 1);
    const name = arg === "-h" ? "help" : arg.slice(0, equals < 0 ? arg.length : equals).replace(/^--/, "");
    const kind = arg === "-h" || arg.startsWith("--") ? kinds.get(name) : undefined;
    if (kind === undefined && arg !== "-h") {
      throw unknownFlag(arg, { name, known: [...kinds.keys()], most, takesKeys });
    }
    if (kind === "needed" && inline === undefined) {
      const next = args[++i];
      if (next === undefined || /^-(?![\d.])/.test(next)) {
        throw new RangeError(`Cannot use --${name} without a value: write --${name}=VALUE`);
      }
      take(name, next);
    } else if (inline !== undefined && kind !== "needed" && kind !== "optional") {
      throw new RangeError(`Cannot use ${shortened(redactArgument(arg))} as --${name} takes no value`);
    } else {
      if (kind === "needed" || kind === "optional") take(name, inline ?? "");
      else flags.add(name);
      if (kind === "optional" && inline === undefined && !(args[i + 1] ?? "-").startsWith("-")) {
        optional.push([name, words.length]);
      }
    }
  }
  for (const [name, index] of optional) {
    if (words.length > most) values.set(name, words.splice(index, 1)[0] ?? "");
  }
  if (words.length > most) throw tooManyWords(words, most, overrides);
  return { config: words[0], words, overrides, flags, values, lists };
}

type FlagKind = "none" | "needed" | "optional";

function flagKinds(known: Readonly<Record<string, string>>): Map<string, FlagKind> {
  return new Map(
    Object.keys(known).map((key) => {
      const [name = "", value] = key.split(" ");
      return [name, value === undefined ? "none" : value.startsWith("[") ? "optional" : "needed"];
    }),
  );
}

/** Flags by which other programs take what is a word here. */
const FILE_FLAGS = ["c", "config", "config_file", "f", "file"];

function unknownFlag(
  arg: string,
  { name, known, most, takesKeys }: {
    name: string;
    known: readonly string[];
    most: number;
    takesKeys: boolean;
  },
): RangeError {
  const plain = name.replaceAll("-", "_").replace(/^_+/, "");
  const advice = most > 0 && FILE_FLAGS.includes(plain)
    ? "; a file is named without a flag"
    : takesKeys && arg.startsWith("--")
    ? `; keys are written ${shortened(plain)}=VALUE`
    : "";
  return new RangeError(
    `Cannot use the unknown flag ${shortened(redactArgument(arg))}${
      didYouMean(name, known.map((flag) => `--${flag}`))
    }: flags are ${known.map((flag) => `--${flag}`).join(", ")}${advice}`,
  );
}

function tooManyWords(words: readonly string[], most: number, overrides: readonly string[]): RangeError {
  // key = value, key =value, key= value
  const at = words.findIndex((word) => word.startsWith("="));
  const cut = overrides.find((override) => /^[^=]*=$/.test(override));
  const [key, value] = at > 0
    ? [words[at - 1], words[at]?.slice(1) || words[at + 1]]
    : [cut?.slice(0, -1), words.at(-1)];
  if (key !== undefined) {
    return new RangeError(
      `Cannot take ${shortened(words.join(" "))} as a key stands together with its value: write ${
        shortened(redactArgument(`${key}=${value ?? "VALUE"}`))
      } without blanks around =`,
    );
  }
  if (most === 0) {
    return new RangeError(
      `Cannot take ${shortened(words[0] ?? "")} as only flags are taken here: --help lists them`,
    );
  }
  return new RangeError(
    most === 1
      ? `Cannot take two files as one at most is needed: current value is ${words[0]} and ${words[1]}`
      : `Cannot take ${words.length} words as ${most} at most are needed: current value is ${
        words.join(" ")
      }`,
  );
}

/**
 * A flag's value as a whole number; undefined where the flag isn't given.
 * @param written How the argument is written
 * @throws {RangeError} If it isn't a whole number >= 0
 */
export function wholeNumber(
  { values }: Pick<Arguments, "values">,
  name: string,
  written = `--${name}`,
): number | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new RangeError(
    `Cannot read ${written} as a whole number >= 0: current value is ${text || "missing"}`,
  );
}

/**
 * The value of --port; `fallback` where it isn't given.
 * @throws {RangeError} If it isn't a whole number from 0 to 65535
 */
export function portNumber(given: Pick<Arguments, "values">, fallback: number): number {
  const port = wholeNumber(given, "port") ?? fallback;
  if (port <= 65535) return port;
  throw new RangeError(`Cannot listen at port ${port}: the largest is 65535`);
}

/** Text of a task's `--help`: usage and flags, within 80 columns. */
export function usage(lines: readonly string[], flags: Readonly<Record<string, string>>): string {
  const texts = Object.fromEntries(Object.entries(flags).map(([flag, what]) => [`--${flag}`, what]));
  return [...helpLines(lines), "", ...entryLines(texts)].join("\n");
}

/**
 * Runs a task: an error is printed without a stack trace (DINOTUNE_DEBUG=1 shows it) and the exit code is then 1.
 * @param task Gives the exit code; nothing means 0
 */
export async function runTask(task: () => Promise<number | void>): Promise<never> {
  let code: number;
  if (isBehindDoor()) guardTask(endWith, Deno.args.includes("--json"));
  else {
    failOnLargeFiles();
    passSuspensionBy(printError);
  }
  addEventListener("beforeunload", endUnsettled);
  try {
    code = await task() ?? 0;
    const fault = guardedFault();
    if (code === 0 && fault) throw fault;
  } catch (error) {
    if (error instanceof DownloadStopped && stoppedWith !== undefined) {
      printError(new DownloadStopped().message);
      endProcess(stoppedWith);
    }
    const text = errorText(error, isDebugging()), hint = startedElsewhere(text, Deno.args);
    printError(hint === null ? text : `${text}\n${hint}`);
    code = 1;
  } finally {
    removeEventListener("beforeunload", endUnsettled);
  }
  endProcess(code);
}

/** Ends the process with an error. */
function endWith(error: Error): never {
  printError(errorText(error, isDebugging()));
  endProcess(1);
}

function isDebugging(): boolean {
  return Deno.env.get("DINOTUNE_DEBUG") === "1";
}

/** A process that waits for nothing any more would end as if all had gone well. */
function endUnsettled(): never {
  printError(
    "error: Cannot finish as something that the task waits for never came to an end and nothing is left to run: a plugin of your " +
      "own whose promise is never settled does that",
  );
  endProcess(1);
}

/** Prints to standard output, without secrets; nothing where that is a terminal that was closed. @throws {Error} If it can't be written */
export function print(text: string): void {
  printAsItIs(withCommandName(redact(text)));
}

/** As {@linkcode print}, of a text that has no secrets but may look as if it had: a schema's keys. @throws {Error} If it can't be written */
export function printAsItIs(text: string): void {
  try {
    printLine(text);
  } catch (error) {
    // what is under way has files to write yet, and a checkpoint
    if ((error as { code?: string }).code !== "EIO") throw writeError(error, "standard output");
  }
}

/** Prints to standard error, without secrets; nothing where nobody reads it any more. */
export function printError(text: string): void {
  try {
    console.error(withCommandName(redact(text)));
  } catch { /* there is no other place to tell of it */ }
}

/** Text of an error for a person: at most 2,000 characters of message, no secret; with `debug` where it came from. */
export function errorText(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return `error: ${bounded(redact(String(error)))}`;
  if (debug) {
    const { cause } = error;
    return redact(
      `error: ${error.stack}${cause ? `\ncaused by: ${cause instanceof Error ? cause.stack : cause}` : ""}`,
    );
  }
  const message = withFileFault(withPlugin(error));
  // a file that isn't there says all
  const hint = message !== withPlugin(error) || error instanceof WriteError || error instanceof TypeError ||
      error instanceof RangeError ||
      error instanceof SyntaxError
    ? ""
    : "\nDINOTUNE_DEBUG=1 shows where it came from";
  return `error: ${bounded(redact(withPermissionWords(message)))}${hint}`;
}

/** The message with the plugin that the error came from, behind its place in a file, where nobody has put it there. */
function withPlugin(error: Error): string {
  const fault = faultOf(error);
  if (fault === undefined || error.message.includes(fault.plugin)) return error.message;
  const [place = ""] = /^\S*:\d+:\d+: /.exec(error.message) ?? [];
  return `${place}${fault.plugin}: ${error.message.slice(place.length)}`;
}

/** Ctrl-C: the first one aborts the signal, the second one ends the process. */
export interface Interruption extends Disposable {
  /** Aborted by the first Ctrl-C. */
  signal: AbortSignal;
  /** Exit code of a task that was stopped: {@linkcode SIGNAL_CODES} of the first signal. */
  readonly code: number;
}

/** Exit code of the signal that this task was asked to stop by; undefined: it wasn't. */
let stoppedWith: number | undefined;

/** Milliseconds of stopping until it is said that it goes on; then twice as many, and so on. */
const REMINDER_MS = 15_000;

/**
 * Listens for Ctrl-C (and the signals that end a process, or its terminal's) until disposed.
 * @param first In words: what is done before the task ends
 * @param reminderMs Time until it is told that this isn't done yet
 */
export function interruption(
  say: (text: string) => void = printError,
  first = "saving a checkpoint first",
  reminderMs: number = REMINDER_MS,
): Interruption {
  const controller = new AbortController();
  let begun = 0, code = SIGNAL_CODES.SIGINT;
  let reminder: ReturnType<typeof setTimeout> | undefined;
  const remindIn = (ms: number, passed: number) => {
    reminder = setTimeout(() => {
      say(`Still stopping, after ${Math.round(passed / 1000)} s: ${first}. Ctrl-C again ends at once.`);
      remindIn(2 * ms, passed + 2 * ms);
    }, ms);
    // it keeps no process that has nothing else to do
    Deno.unrefTimer(Number(reminder));
  };
  const listen = (signal: StopSignal) => {
    // a signal to a whole process group comes twice: by itself, and passed on by `deno task`
    if (controller.signal.aborted && performance.now() - begun < 500) return;
    if (controller.signal.aborted) endProcess(SIGNAL_CODES[signal]);
    begun = performance.now();
    code = stoppedWith = SIGNAL_CODES[signal];
    remindIn(reminderMs, reminderMs);
    say(`\nStopping: ${first}. Ctrl-C again ends at once.`);
    controller.abort();
  };
  const signals = onStopSignal(listen);
  const downloads = stopDownloadsBy(controller.signal);
  // a task that computes without a pause hears nothing: its door does
  if (isBehindDoor()) doorMessage({ heeds: true });
  return {
    signal: controller.signal,
    get code() {
      return code;
    },
    [Symbol.dispose]() {
      clearTimeout(reminder);
      if (isBehindDoor()) doorMessage({ heeds: false });
      signals[Symbol.dispose]();
      downloads[Symbol.dispose]();
    },
  };
}
