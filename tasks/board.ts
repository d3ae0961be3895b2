/**
 * A page to watch, compare and read runs: curves of trainings as they come, evaluations item by item.
 *
 * ```sh
 * deno task board                       # runs in ./saves; prints the address of the page
 * deno task board saves/lora saves/eval # runs in these folders and no others
 * deno task board --control             # also marks verdicts, starts and stops runs, talks to models
 * ```
 * It listens on this machine only and takes nobody without the token in its address. Without `--control` it changes nothing.
 * docs/board.md says more.
 * @module
 */
import { parseArguments, portNumber } from "./common/cli/arguments.ts";
import { interruption } from "./common/cli/interruption.ts";
import { errorText, print, printError } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";
import { makeFolder } from "../formats/atomic.ts";
import { helpTopic, taskHelp } from "./common/cli/help.ts";
import { dropPrograms } from "./train/network.ts";
import { startBoard } from "./board/server.ts";

const FLAGS = {
  "help [TOPIC]": "this text, or about one flag",
  control: "let the page mark verdicts, start and stop runs, and talk to models",
  "port N": "where to listen (default 8090; 0: any free one)",
};

const USAGE = [
  "deno task board [DIR ...]",
  "",
  "DIR: folders with runs of train and eval, at any depth; default: saves",
  "",
  "Examples:",
  "  deno task board                            runs in ./saves; open the address that it prints",
  "  deno task board saves/lora saves/eval      runs in these folders and no others",
  "  deno task board --control                  also marks verdicts, starts and stops runs, talks to models",
  "  deno task board --port 0                   at any free port",
];

const DEFAULT_FOLDER = "saves";
const DEFAULT_PORT = 8090;
/** Folders at most; nobody types more. */
const MOST_FOLDERS = 50;

/**
 * Serves the page until the signal.
 * @throws {RangeError} If a flag or a folder is wrong
 */
export async function board(args: readonly string[], stop: Promise<void>): Promise<void> {
  const given = parseArguments(args, FLAGS, MOST_FOLDERS, false);
  if (given.flags.has("help")) return print(taskHelp(helpTopic(given), USAGE, FLAGS));
  if (given.overrides.length > 0) {
    throw new RangeError(
      `Cannot use ${given.overrides[0]} as board takes folders: deno task board --help lists its flags`,
    );
  }
  const folders = given.words.length > 0 ? given.words : [DEFAULT_FOLDER];
  printError(`Looking for runs in ${folders.join(", ")}`);
  const control = given.flags.has("control");
  // the first training may be started from the page
  if (control && given.words.length === 0) makeFolder(DEFAULT_FOLDER, "DIR");
  const fault = (error: unknown) => printError(errorText(error, Deno.env.get("DINOTUNE_DEBUG") === "1"));
  await using running = await startBoard({
    folders,
    port: portNumber(given, DEFAULT_PORT),
    control,
    note: (line) => printError(`note: ${line}`),
    fault,
  });
  printError("Open this address; it has a token, so it is for you only. Ctrl-C ends.");
  // alone on standard output, for programs that start this one
  print(running.address);
  await stop;
}

/** Gives up the permission to write: a board without `--control` changes nothing. */
function dropWriting(): void {
  Deno.permissions.revokeSync({ name: "write" });
}

if (import.meta.main) {
  await runTask(async () => {
    if (!Deno.args.includes("--control")) {
      dropPrograms();
      dropWriting();
    }
    using interrupted = interruption(
      printError,
      Deno.args.includes("--control") ? "trainings that run save a checkpoint first" : "pages are told",
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    interrupted.signal.addEventListener("abort", () => resolve());
    await board(Deno.args, promise);
  });
}
