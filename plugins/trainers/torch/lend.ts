/**
 * A machine that doesn't lead: it starts its launcher, whose ranks meet those of the machine that does, and waits for the end of the run.
 * @module
 */
import type { Trainer } from "../../kinds/trainer.ts";
import { processesPerNode } from "./gpus.ts";
import { launches } from "./launch.ts";
import type { TorchOptions } from "./options.ts";
import { Processes } from "./processes.ts";

/**
 * Runs this machine's ranks until the run ends, or the signal aborts, which ends the run too.
 * @throws {Error} If a rank ends before
 */
export async function lendProcesses(
  options: TorchOptions,
  { note, signal }: Parameters<NonNullable<Trainer["lend"]>>[0],
): Promise<void> {
  const { node_rank, nnodes, rdzv_endpoint } = options, perNode = processesPerNode(options);
  note(
    `machine ${node_rank} of ${nnodes}: lends ${perNode} ${
      perNode === 1 ? "process" : "processes"
    } to the run that machine 0 ` +
      `leads, by ${rdzv_endpoint}; progress, files and errors are there`,
  );
  const processes = new Processes(launches(options, perNode, { token: "", file: "" }), perNode * nnodes);
  processes.begun();
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  try {
    await Promise.race([processes.finished(), aborted]);
  } finally {
    await processes.stop();
  }
}
