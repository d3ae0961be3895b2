/**
 * The frame of a task's process: its exit code, and its errors in words.
 * @module
 */
import { DownloadStopped } from "../../../formats/hub/stop.ts";
import { endProcess, isBehindDoor } from "../process/behind_door.ts";
import { guardedFault, guardTask } from "../process/door_guards.ts";
import { failOnLargeFiles } from "../process/size_limit.ts";
import { startedElsewhere } from "../process/started_elsewhere.ts";
import { passSuspensionBy } from "../process/suspension.ts";
import { stoppedBy } from "./interruption.ts";
import { errorText, printError } from "./print.ts";

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
    const stopped = stoppedBy();
    if (error instanceof DownloadStopped && stopped !== undefined) {
      printError(new DownloadStopped().message);
      endProcess(stopped);
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
