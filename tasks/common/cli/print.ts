/**
 * What tasks print, without secrets, and errors in words for a person.
 * @module
 */
import { WriteError, writeError } from "../../../formats/atomic.ts";
import { withFileFault } from "../../../formats/file_fault.ts";
import { bounded } from "../../../formats/message.ts";
import { withPermissionWords } from "../../../formats/permission_words.ts";
import { redact } from "../../../formats/secrets.ts";
import { faultOf, isTold } from "../../../plugins/kinds/plugin_fault.ts";
import { withCommandName } from "../process/command.ts";
import { printLine } from "../process/door_guards.ts";

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
  // a file that isn't there says all, and so do words of ours behind a plugin's name
  const hint = isTold(error.cause) || message !== withPlugin(error) || error instanceof WriteError ||
      error instanceof TypeError ||
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
