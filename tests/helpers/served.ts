/**
 * A server as `deno task serve` starts it, with the permissions of deno.json.
 * @module
 */
import { startDeno, taskWords } from "./deno_process.ts";
import { killedWith } from "./killed.ts";
import { within } from "./until.ts";

/** A process of `deno task serve`; ended with this. */
export interface Served extends AsyncDisposable {
  /** Address, without a path. */
  base: string;
  /** The server, for signals and its exit status. */
  process: Deno.ChildProcess;
  /** Its standard error so far. */
  log(): string;
}

/** Starts one at a free port and waits until it listens. */
export async function startServed(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Served> {
  const process = startDeno(taskWords("serve", ...args, "--port", "0"), { env });
  let log = "";
  const logged = (async () => {
    for await (const text of process.stderr.pipeThrough(new TextDecoderStream())) log += text;
  })();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const end = async () => {
    await killedWith(process)[Symbol.asyncDispose]();
    await reader.cancel();
    await logged;
  };
  let printed = "";
  try {
    while (!printed.includes("\n")) {
      const { value, done } = await within("a server's address", reader.read(), { said: () => log });
      if (done) {
        await logged;
        throw new Error(`The server ended before it listened:\n${log}`);
      }
      printed += value;
    }
  } catch (error) {
    await end();
    throw error;
  }
  return { base: printed.trim(), process, log: () => log, [Symbol.asyncDispose]: end };
}
