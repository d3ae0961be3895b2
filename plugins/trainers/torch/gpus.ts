/**
 * GPUs, as PyTorch itself counts them: it alone knows NVIDIA's and AMD's, and what CUDA_VISIBLE_DEVICES and a container leave of them.
 * @module
 */
import { pythonOf } from "./launch.ts";
import type { TorchOptions } from "./options.ts";

/** GPUs that the run's Python would use; 0 where there is none that can be asked, which starting it will say better. */
export function countGpus({ python, device }: Pick<TorchOptions, "python" | "device">): number {
  if (device === "cpu") return 0;
  try {
    // Device files can't be looked at: Deno opens /dev and /sys only to programs that may do anything.
    const { success, stdout } = new Deno.Command(pythonOf({ python }), {
      args: ["-c", "import torch; print(torch.cuda.device_count())"],
      stdout: "piped",
      stderr: "null",
    }).outputSync();
    return success ? Number(new TextDecoder().decode(stdout).trim().split("\n").at(-1)) || 0 : 0;
  } catch {
    return 0;
  }
}

/** Processes that the options want on this machine. */
export function processesPerNode(
  options: Pick<TorchOptions, "nproc_per_node" | "python" | "device">,
): number {
  return options.nproc_per_node ?? Math.max(1, countGpus(options));
}
