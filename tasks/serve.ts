/**
 * Serves a model, with adapters beside it, to every client of OpenAI's and Anthropic's interfaces, and a page to talk to it.
 *
 * ```sh
 * deno task serve                                        # the bundled tiny model at http://127.0.0.1:8080
 * deno task serve saves/base --adapter tuned=saves/lora  # clients ask for `base` or `tuned`
 * deno task serve smollm2.gguf --port 0 --keys keys.txt  # any free port, and only for those with a key
 * ```
 * Prints its address once it listens. Ctrl-C (or SIGTERM) finishes the answers under way. docs/serve.md says which fields
 * are known and what other servers do otherwise.
 * @module
 */
import { downloadLines } from "../formats/hub/mod.ts";
import { builtinRegistry } from "../plugins/builtins.ts";
import { parseArguments } from "./common/cli/arguments.ts";
import { interruption } from "./common/cli/interruption.ts";
import { errorText, print, printError } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";
import { helpTopic, taskHelp } from "./common/cli/help.ts";
import { DEFAULT_MODEL } from "./common/config/default_files.ts";
import { KEYS_VARIABLE } from "./serve/http/keys.ts";
import { showOpening } from "./serve/opening.ts";
import { readServeOptions, SERVE_FLAGS } from "./serve/options.ts";
import { startServer } from "./serve/server.ts";

const USAGE = [
  "deno task serve [MODEL] [--adapter NAME=DIR ...]",
  "",
  "MODEL: a folder, a .gguf file or a hub id (default: the bundled tiny model)",
  "",
  "Examples:",
  "  deno task serve                                          at port 8080",
  "  deno task serve saves/base --adapter tuned=saves/lora    base, or tuned",
  "  deno task serve smollm2.gguf --port 0 --keys keys.txt    any port, by key",
  "  curl http://127.0.0.1:8080/v1/models",
];

/** Flags of the first screen of help. */
const COMMON = ["help", "adapter", "weights", "port", "keys"];

/**
 * Serves until the signal.
 * @throws {RangeError} If a flag is wrong, or the model can't be opened
 */
export async function serveModel(args: readonly string[], stop: Promise<void>): Promise<void> {
  const given = parseArguments(args, SERVE_FLAGS, 1, false);
  if (given.flags.has("help")) {
    return print(taskHelp(helpTopic(given), USAGE, SERVE_FLAGS, { common: COMMON }));
  }
  if (given.overrides.length > 0) {
    throw new RangeError(
      `Cannot use ${given.overrides[0]} as serve takes flags: deno task serve --help lists them`,
    );
  }
  const options = readServeOptions(given, given.config ?? DEFAULT_MODEL, {
    keys: Deno.env.get(KEYS_VARIABLE),
  });
  printError(`Opening ${options.model}`);
  const hub = { onProgress: downloadLines(printError) };
  const log = options.quiet ? () => {} : printError;
  const fault = (error: unknown) => printError(errorText(error, Deno.env.get("DINOTUNE_DEBUG") === "1"));
  await using server = await showOpening((onPhase) =>
    startServer({ ...options, hub, onPhase, log, fault }, builtinRegistry())
  );
  const names = server.models.list().map(({ id }) => id).join(", ");
  printError(
    `Serving ${names}: a page at ${server.base}/, OpenAI's interface at ${server.base}/v1, Anthropic's at ${server.base}`,
  );
  // alone on standard output, for programs that start this one
  print(server.base);
  await stop;
  await server.stop(options.graceMs);
}

if (import.meta.main) {
  await runTask(async () => {
    using interrupted = interruption(printError, "answers under way are finished first");
    const { promise, resolve } = Promise.withResolvers<void>();
    interrupted.signal.addEventListener("abort", () => resolve());
    await serveModel(Deno.args, promise);
  });
}
