/**
 * Environment variables of LLaMA-Factory's launcher, as options of torchrun.
 * @module
 */
import type { Distributed } from "./found.ts";

/** Value of an environment variable. */
export type Variables = (name: string) => string | undefined;

/**
 * Reads FORCE_TORCHRUN and, where processes are wanted, the variables beside it.
 * @param wanted True if the run trains on PyTorch's processes already
 */
export function readLauncher(variable: Variables, wanted: boolean, found: Distributed): void {
  const forced = /^(1|true|y)$/i.test(variable("FORCE_TORCHRUN") ?? "");
  if (!forced && !wanted) return;
  const { options, faults } = found;
  const count = (name: string, least: number) => {
    const text = variable(name)?.trim() ?? "";
    // torchrun's own words for as many as there are
    if (text === "" || (name === "NPROC_PER_NODE" && /^(auto|gpu|cpu)$/.test(text))) return null;
    if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
    faults.push({
      key: "trainer",
      message: `Cannot read ${name} as a whole number >= ${least}: current value is ${text}`,
    });
    return null;
  };
  const processes = count("NPROC_PER_NODE", 1), nodes = count("NNODES", 1) ?? 1, node = count("NODE_RANK", 0);
  if (forced) found.asks = "FORCE_TORCHRUN";
  if (forced || nodes > 1) options.launcher = "torchrun";
  if (processes !== null) options.nproc_per_node = processes;
  if (nodes === 1) return;
  options.nnodes = nodes;
  if (node !== null && node > 0) options.node_rank = node;
  const address = variable("MASTER_ADDR"), id = variable("RDZV_ID");
  if (address) options.rdzv_endpoint = `${address}:${variable("MASTER_PORT") || 29500}`;
  if (id) options.rdzv_id = id;
}
