/**
 * What all tasks share: arguments, errors for people, Ctrl-C.
 * @module
 */
import project from "../../deno.json" with { type: "json" };
import { bounded, shortened } from "../../formats/message.ts";
import { redact, redactArgument } from "../../formats/secrets.ts";
import { didYouMean } from "../../formats/did_you_mean.ts";

/** Version of this project. */
export const VERSION: string = project.version;

/** A command line, taken apart. */
export interface Arguments {
  /** The file; undefined when none was named. */
  config: string | undefined;
  /** `key=value` texts, in order. */
  overrides: string[];
  /** Flags that were given, without dashes. */
  flags: ReadonlySet<string>;
}

/**
 * Takes a command line apart: one file, `key=value`, flags.
 * @param known Flags and what they do
 * @throws {RangeError} If a flag is unknown, or there is more than one file
 */
export function parseArguments(args: readonly string[], known: Readonly<Record<string, string>>): Arguments {
  const overrides: string[] = [];
  const flags = new Set<string>();
  let config: string | undefined;
  for (const arg of args) {
    const name = arg === "-h" ? "help" : arg.replace(/^--/, "");
    if (arg === "-h" || (arg.startsWith("--") && Object.hasOwn(known, name))) flags.add(name);
    else if (arg.startsWith("-")) {
      const key = name.replace(/=.*$/s, "");
      throw new RangeError(
        `Cannot use the unknown flag ${shortened(redactArgument(arg))}${
          didYouMean(name, Object.keys(known))
        }: flags are ` +
          `${Object.keys(known).map((flag) => `--${flag}`).join(", ")}; keys are written ${
            shortened(key.replaceAll("-", "_"))
          }=VALUE`,
      );
    } else if (/^[A-Za-z_][\w.-]*=/.test(arg)) overrides.push(arg);
    else if (config === undefined) config = arg;
    else {throw new RangeError(
        `Cannot take two files as one at most is needed: current value is ${config} and ${arg}`,
      );}
  }
  return { config, overrides, flags };
}

/** Text of a task's `--help`: usage and flags. */
export function usage(lines: readonly string[], flags: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(flags).map((flag) => flag.length)) + 4;
  return [
    ...lines,
    "",
    ...Object.entries(flags).map(([flag, what]) => `  ${`--${flag}`.padEnd(width)}${what}`),
  ].join("\n");
}

/**
 * Runs a task: an error is told without a stack trace (DINOTUNE_DEBUG=1 shows it) and the exit code is then 1.
 * @param task Gives the exit code; nothing means 0
 */
export async function runTask(task: () => Promise<number | void>): Promise<never> {
  let code: number;
  try {
    code = await task() ?? 0;
  } catch (error) {
    printError(errorText(error, Deno.env.get("DINOTUNE_DEBUG") === "1"));
    code = 1;
  }
  Deno.exit(code);
}

/** Prints to standard output, without secrets. */
export function print(text: string): void {
  console.log(redact(text));
}

/** Prints to standard error, without secrets. */
export function printError(text: string): void {
  console.error(redact(text));
}

/** What a person sees of an error: at most 2,000 characters of message, no secret; with `debug` where it came from. */
export function errorText(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return `error: ${bounded(redact(String(error)))}`;
  if (debug) {
    const { cause } = error;
    return redact(
      `error: ${error.stack}${cause ? `\ncaused by: ${cause instanceof Error ? cause.stack : cause}` : ""}`,
    );
  }
  const hint = error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError
    ? ""
    : "\nDINOTUNE_DEBUG=1 shows where it came from";
  return `error: ${bounded(redact(error.message))}${hint}`;
}

/** Ctrl-C: the first one aborts the signal, the second one ends the process. */
export interface Interruption extends Disposable {
  /** Aborted by the first Ctrl-C. */
  signal: AbortSignal;
}

/** Listens for Ctrl-C (and the signal that ends a process) until disposed. */
export function interruption(
  say: (text: string) => void = printError,
  first = "saving a checkpoint first",
): Interruption {
  const controller = new AbortController();
  let begun = 0;
  const listen = () => {
    // a signal to a whole process group comes twice: by itself, and passed on by `deno task`
    if (controller.signal.aborted && performance.now() - begun < 500) return;
    if (controller.signal.aborted) Deno.exit(130);
    begun = performance.now();
    say(`\nStopping: ${first}. Ctrl-C again ends at once.`);
    controller.abort();
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, listen);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const signal of signals) Deno.removeSignalListener(signal, listen);
    },
  };
}
