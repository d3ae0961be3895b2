/**
 * A task in the test's own process: for what it says, many times over, where a process each would take a second.
 * @module
 */
import { runTask } from "../../tasks/common/cli/run_task.ts";

/** Thrown in place of the end of the process. */
class EndOfTask extends Error {
  constructor(readonly code: number) {
    super(`ends with ${code}`);
  }
}

/** Output of a task, and the exit code it ended with. */
export interface HeardTask {
  code: number;
  out: string;
}

/** Runs a task as its file does as the main module, by `runTask()`. One at a time. */
export async function taskHere(task: () => Promise<number | void>): Promise<HeardTask> {
  const { exit } = Deno, { log, error } = console;
  const lines: string[] = [];
  const say = (...words: unknown[]) => void lines.push(words.join(" "));
  Object.assign(console, { log: say, error: say });
  Object.assign(Deno, {
    exit: (code = 0) => {
      throw new EndOfTask(code);
    },
  });
  try {
    return await runTask(task);
  } catch (end) {
    if (!(end instanceof EndOfTask)) throw end;
    return { code: end.code, out: lines.map((line) => `${line}\n`).join("") };
  } finally {
    Object.assign(console, { log, error });
    Object.assign(Deno, { exit });
  }
}
