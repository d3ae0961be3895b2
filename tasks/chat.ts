/**
 * Talks to a model in the terminal: alone, under an adapter, or to two at once beside each other.
 *
 * ```sh
 * deno task chat                                        # the bundled tiny model
 * deno task chat saves/base --adapter saves/lora        # the model under an adapter
 * deno task chat saves/base --adapter saves/lora --base # both, beside each other on the same questions
 * echo "Name a colour." | deno task chat smollm2.gguf   # lines of a pipe, answers on standard output
 * ```
 * `/help` lists the commands. Ctrl-C stops an answer, Ctrl-D ends.
 * @module
 */
import process from "node:process";

import { downloadLines } from "../formats/hub/mod.ts";
import { builtinRegistry } from "../plugins/builtins.ts";
import { chatHelp, readLine } from "./chat/commands.ts";
import { type ChatInput, openInput } from "./chat/input.ts";
import { CHAT_FLAGS, readChatOptions } from "./chat/options.ts";
import { type AnswerSink, ChatSession } from "./chat/session.ts";
import { showAnswers } from "./chat/show.ts";
import { parseArguments } from "./common/cli/arguments.ts";
import { errorText, print, printError } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";
import { helpTopic, taskHelp } from "./common/cli/help.ts";
import { DEFAULT_MODEL } from "./common/config/default_files.ts";
import { isDumbTerminal } from "./common/cli/dumb_terminal.ts";
import { SIGNAL_CODES, type StopSignal } from "./common/process/stop_signals.ts";
import { terminalWidth } from "./common/report/table.ts";
import { Models } from "./serve/models.ts";
import { showOpening } from "./serve/opening.ts";

const USAGE = [
  "deno task chat [MODEL] [--adapter DIR ...] [--base]",
  "",
  "MODEL: a folder, a .gguf file or a hub id (default: the bundled tiny model)",
  "",
  "Examples:",
  "  deno task chat saves/base --adapter saves/lora           under an adapter",
  "  deno task chat saves/base --adapter saves/lora --base    both, side by side",
  "  deno task chat saves/base --adapter a --adapter b        two adapters",
  '  echo "Name a colour." | deno task chat smollm2.gguf --temperature 0',
];

/** Flags of the first screen of help. */
const COMMON = ["help", "adapter", "base", "system", "temperature", "max-tokens"];

/** Exit code of a program that the signal of a closed pipe ends. */
const PIPE_CLOSED = 141;

/** Handles by which signals reach a conversation in progress. */
interface Running {
  /** Stops the answer under way; null while none is. */
  answering: AbortController | null;
  /** Where lines are read from; null until it is known what is asked for. */
  input: ChatInput | null;
  /** True if the model is open, so that there is a conversation to go on with. */
  isOpen: boolean;
}

/**
 * Answers lines until they end.
 * @returns The exit code
 * @throws {RangeError} If a flag is wrong, or the model can't be opened
 */
async function chat(
  args: readonly string[],
  running: Running,
  open: () => ChatInput,
): Promise<number> {
  const given = parseArguments(args, CHAT_FLAGS, 1, false);
  if (given.flags.has("help")) {
    print(taskHelp(helpTopic(given), USAGE, CHAT_FLAGS, { common: COMMON }));
    return 0;
  }
  if (given.overrides.length > 0) {
    throw new RangeError(
      `Cannot use ${given.overrides[0]} as chat takes flags: deno task chat --help lists them`,
    );
  }
  const options = readChatOptions(given, given.config ?? DEFAULT_MODEL);
  // from here on the terminal doesn't show what is typed: the line editor does, when the model is open
  using input = open();
  running.input = input;
  printError(`Opening ${options.models.model}`);
  const hub = { onProgress: downloadLines(printError) };
  const models = await showOpening((onPhase) =>
    Models.open({ ...options.models, hub, onPhase }, builtinRegistry())
  );
  try {
    const list = models.list();
    for (const note of list.flatMap(({ local }) => local.notes)) printError(`warning: ${note}`);
    const sides = options.base || list.length === 1 ? list : list.slice(1);
    const session = new ChatSession(sides, options);
    running.isOpen = true;
    printError(
      `${session.names.join(" and ")} answer${
        session.names.length === 1 ? "s" : ""
      }; /help lists the commands`,
    );
    return await talk(session, input, running);
  } finally {
    await models.close();
  }
}

/** Prints a part of an answer. @throws {RangeError} If a file can't take it: a pipe tells later, by an event */
function write(text: string): void {
  try {
    process.stdout.write(text);
  } catch (error) {
    throw cannotWrite(error as Error);
  }
}

function cannotWrite(cause: Error): RangeError {
  return new RangeError(`Cannot write the answer to standard output: ${cause.message}`, { cause });
}

/** @returns The exit code */
async function talk(session: ChatSession, input: ChatInput, running: Running): Promise<number> {
  let code = 0;
  // nobody reads the notes of a pipe: what couldn't be done is told by the exit code too
  const wrong = (why: string) => {
    printError(why);
    if (!input.isTerminal) code = 1;
  };
  const answer = async (ask: (sink: AnswerSink, signal: AbortSignal) => Promise<void>) => {
    running.answering = new AbortController();
    const sink = showAnswers({
      names: session.names,
      width: input.isTerminal ? terminalWidth : null,
      isShown: Deno.stdout.isTerminal(),
      colour: input.isTerminal && !Deno.noColor && !isDumbTerminal(),
      write,
      note: printError,
    });
    try {
      await ask(sink, running.answering.signal);
    } catch (error) {
      wrong(errorText(error, false));
    } finally {
      running.answering = null;
    }
  };
  for (let line = await input.next(); line !== null; line = await input.next()) {
    const read = readLine(line);
    switch (read.type) {
      case "exit":
        return code;
      case "say":
        await answer((sink, signal) => session.ask(read.text, sink, signal));
        break;
      case "retry":
        await answer((sink, signal) => session.retry(sink, signal));
        break;
      case "system":
        session.setSystem(read.text);
        printError(read.text === "" ? "No system text; started over" : "System text set; started over");
        break;
      case "clear":
        session.clear();
        printError("Started over");
        break;
      case "save":
        try {
          const { file, messages } = session.save(read.path);
          printError(`${messages} messages written to ${file}`);
        } catch (error) {
          wrong(errorText(error, false));
        }
        break;
      case "help":
        printError(chatHelp());
        break;
      case "wrong":
        wrong(read.why);
    }
  }
  return code;
}

if (import.meta.main) {
  await runTask(async () => {
    const running: Running = { answering: null, input: null, isOpen: false };
    let begun = 0;
    const interrupt = (isDropped = false) => {
      // the same Ctrl-C may come as a key, as a signal, and passed on by `deno task`
      if (performance.now() - begun < 300) return;
      begun = performance.now();
      if (running.answering !== null) return running.answering.abort(new Error("stopped"));
      if (!running.isOpen || !Deno.stdin.isTerminal()) {
        running.input?.[Symbol.dispose]();
        Deno.exit(SIGNAL_CODES.SIGINT);
      }
      printError(isDropped ? "\n(dropped)" : "\nNothing to stop: /exit or Ctrl-D ends");
      running.input?.restart();
    };
    Deno.addSignalListener("SIGINT", () => interrupt());
    const ends: StopSignal[] = Deno.build.os === "windows" ? [] : ["SIGTERM", "SIGHUP"];
    for (const signal of ends) {
      Deno.addSignalListener(signal, () => {
        // the terminal is to be as it was
        running.input?.[Symbol.dispose]();
        Deno.exit(SIGNAL_CODES[signal]);
      });
    }
    process.stdout.on("error", (error: Error & { code?: string }) => {
      running.input?.[Symbol.dispose]();
      // who read the answers has gone, as `head` does: there is nobody to tell, and no answer to go on with
      if (error.code === "EPIPE") Deno.exit(PIPE_CLOSED);
      printError(errorText(cannotWrite(error), false));
      Deno.exit(1);
    });
    return await chat(Deno.args, running, () => openInput(interrupt));
  });
}
