/**
 * The trainer on PyTorch: the loop, losses, packs and files are those of the local trainer, the engine runs in Python processes, one
 * a GPU (python/README.md, docs/scale.md).
 * @module
 */
import { definePlugin, type Plugin } from "../../kinds/plugin.ts";
import { countGpus, processesPerNode } from "./gpus.ts";
import { processMemory } from "./memory.ts";
import { shardingOf, type TorchOptions, torchOptions } from "./options.ts";

function storageOf(own: boolean, { dtype, quantization, cpu_offload }: TorchOptions): string {
  const kept = own
    ? "float32, as the model's own are trained"
    : quantization === "4bit"
    ? `NF4, ${dtype} elsewhere`
    : dtype;
  return cpu_offload ? `${kept}, resting in the host's memory` : kept;
}

/** Trains on PyTorch, on one or more processes. */
const torch: Plugin<"trainer", typeof torchOptions> = definePlugin({
  kind: "trainer",
  name: "torch",
  version: "1",
  description: "Trains on PyTorch's processes: one GPU or many, one machine or several.",
  options: torchOptions,
  create: (written) => {
    const options = { ...written, nproc_per_node: processesPerNode(written) };
    const processes = options.nproc_per_node * options.nnodes, sharding = shardingOf(options, processes);
    return {
      ...options.node_rank > 0 && {
        lend: async (log) => await (await import("./lend.ts")).lendProcesses(options, log),
      },
      train: async (inputs) => await (await import("./train.ts")).trainOnTorch(inputs, options, sharding),
      memory: (size) => {
        const onGpus = countGpus(options) > 0;
        return {
          memory: processMemory(size, { ...options, sharding }, { processes, onGpus }),
          processes,
          storage: storageOf(size.own, options),
          place: onGpus ? "device" : "host",
        };
      },
    };
  },
});
export default torch;
