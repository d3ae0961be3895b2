/**
 * A running board: listening on loopback, and stopped.
 * @module
 */
import { counted } from "../../formats/counted.ts";
import { boardApp } from "./app.ts";
import { News } from "./events.ts";
import { Control } from "./control/control.ts";
import { Evaluations } from "./evaluations/evaluations.ts";
import { Folders } from "./folders.ts";
import { newToken } from "./guard.ts";
import { RunList } from "./runs/run_list.ts";

/** Options of a board. */
export interface BoardOptions {
  /** Folders with runs. */
  folders: readonly string[];
  /** 0: any free one. */
  port: number;
  /** Part of every address; a random one by default. */
  token?: string;
  /** True if the page may mark verdicts, start and stop runs, and talk to models; false by default. */
  control?: boolean;
  /** Gets what to know at the start; dropped by default. */
  note?(line: string): void;
  /** Gets what went wrong inside. */
  fault(error: unknown): void;
}

/** A board that listens. */
export interface RunningBoard extends AsyncDisposable {
  /** Address with the token, ending in a stroke. */
  address: string;
}

/** Only this machine reaches it. */
const HOST = "127.0.0.1";

/**
 * Looks for runs and listens.
 * @throws {RangeError} If a folder isn't there, or something else listens at the port
 */
export async function startBoard(options: BoardOptions): Promise<RunningBoard> {
  const { folders: given, port, token = newToken(), control: mayChange = false, fault } = options;
  const folders = new Folders(given);
  const runs = new RunList(folders);
  const evaluations = new Evaluations(folders);
  const control = mayChange ? new Control(folders) : null;
  const news = new News(async () => {
    await runs.refresh();
    return {
      runs: runs.list(),
      evaluations: evaluations.list(),
      closed: folders.closed.length,
      jobs: control?.list() ?? [],
      control: mayChange,
    };
  }, fault);
  await news.look();
  const { closed } = folders;
  if (closed.length > 0) {
    options.note?.(
      `${counted(closed.length, "folder")} may not be read by this user, so runs in ${
        closed.length === 1 ? "it" : "them"
      } aren't shown: ${closed.slice(0, 3).join(", ")}${closed.length > 3 ? ", …" : ""}`,
    );
  }
  const app = boardApp({ token, folders, runs, evaluations, control, news, fault });
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({ hostname: HOST, port, onListen() {} }, app.fetch);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new RangeError(
      `Cannot listen at ${HOST}:${port} as something else does: choose another --port, or 0 for a free one`,
    );
  }
  return {
    address: `http://${HOST}:${server.addr.port}/${token}/`,
    async [Symbol.asyncDispose]() {
      // first, as a checkpoint takes its time and the rest may wait for these
      control?.stopAll();
      await news.close();
      await server.shutdown();
      await evaluations[Symbol.asyncDispose]();
      await control?.[Symbol.asyncDispose]();
    },
  };
}
