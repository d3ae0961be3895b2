/**
 * PyTorch's ranks as one thing to call: an operation goes to the rank that is connected here, and by it to all others.
 * @module
 */
import { join } from "@std/path";

import { type Frame, type FrameArray, frameParts, readFrame, StreamBytes } from "./frames.ts";
import { processesPerNode } from "./gpus.ts";
import { launches } from "./launch.ts";
import type { TorchOptions } from "./options.ts";
import { Processes } from "./processes.ts";

/** Ranks that are ready. One call at a time. */
export interface Ranks {
  /** Number of ranks, all nodes together. */
  readonly world: number;
  /** Number of ranks on this machine. */
  readonly perNode: number;
  /** PyTorch's version and the device, human-readable. */
  readonly device: string;
  /** Process numbers of what was started here. */
  readonly ids: readonly number[];
  /**
   * Carries out an operation of engine.py on all ranks.
   * @throws {RangeError} If the ranks refuse it; they go on
   * @throws {Error} If a rank ended: says which and why; all are gone then
   */
  call(
    op: string,
    header?: Readonly<Record<string, unknown>>,
    arrays?: Readonly<Record<string, FrameArray>>,
  ): Promise<Frame>;
  /** Ends all of them, in order. */
  end(): Promise<void>;
}

/** Time for ranks to say goodbye to each other, in ms. */
const FAREWELL = 10_000;

/**
 * Starts the processes and waits until all ranks have met.
 * @throws {Error} If Python, a package or a GPU is missing, or a rank ends: says what to do; no process is left
 */
export async function startRanks(options: TorchOptions): Promise<Ranks> {
  const perNode = processesPerNode(options), world = perNode * options.nnodes;
  const folder = await Deno.makeTempDir({ prefix: "dinotune-torch-" });
  const cleanUp = () => Deno.remove(folder, { recursive: true }).catch(() => {});
  let processes: Processes | null = null;
  try {
    const token = crypto.randomUUID();
    processes = new Processes(launches(options, perNode, { token, file: join(folder, "ranks") }), world);
    const { stdin, stdout } = processes.pipes, source = new StreamBytes(stdout);
    await orFailure(source.passOver(token), processes);
    const { header } = await orFailure(readFrame(source), processes);
    processes.begun();
    const about = { world, perNode, device: String(header.device) };
    return connected({ source, stdin }, processes, about, cleanUp);
  } catch (error) {
    await processes?.stop();
    await cleanUp();
    throw error;
  }
}

/** The promise's value, or the error of the processes if they end first: a pipe that breaks says less than they do. */
function orFailure<T>(promise: Promise<T>, { failed }: Processes): Promise<T> {
  return Promise.race([promise.catch(() => failed), failed]);
}

function connected(
  { source, stdin }: { source: StreamBytes; stdin: WritableStreamDefaultWriter<Uint8Array> },
  processes: Processes,
  about: Pick<Ranks, "world" | "perNode" | "device">,
  cleanUp: () => Promise<void>,
): Ranks {
  let ended = false;
  async function call(
    op: string,
    header: Frame["header"] = {},
    arrays: Frame["arrays"] = {},
  ): Promise<Frame> {
    if (ended) throw new Error(`Cannot ${op}: the PyTorch ranks have ended`);
    const parts = frameParts({ header: { ...header, op }, arrays });
    const exchange = async () => {
      for (const part of parts) await stdin.write(part);
      return await readFrame(source);
    };
    const frame = await orFailure(exchange(), processes);
    if (typeof frame.header.refused === "string") throw new RangeError(frame.header.refused);
    return frame;
  }
  return {
    ...about,
    ids: processes.ids,
    call,
    async end() {
      if (ended) return;
      // After a failure there is nobody left to say goodbye to.
      await call("quit").catch(() => {});
      ended = true;
      await processes.stop(FAREWELL);
      await cleanUp();
    },
  };
}
